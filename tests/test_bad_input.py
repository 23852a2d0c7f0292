"""Files, paths and settings that are wrong: one clear line each, and the rest is still checked."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

GOOD = (
    b"from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
    b'        self.register_buffer("n", t)\n'
)
FIXED = b"import flax.nnx\n" + GOOD.replace(
    b'self.register_buffer("n", t)', b'setattr(self, "n", flax.nnx.BatchStat(t))'
)


def jaxport(
    folder: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "jaxport", "check", *arguments],
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        env={**os.environ, **(env or {})},
    )
    assert b"Traceback" not in done.stdout + done.stderr, done.stderr.decode(errors="replace")
    return done


def lines_about(done: subprocess.CompletedProcess[bytes], text: str) -> list[str]:
    output = (done.stdout + done.stderr).decode(errors="replace")
    return [line for line in output.splitlines() if text in line]


def with_buffer(value: bytes) -> bytes:
    return GOOD.replace(b", t)\n", b", " + value + b")\n")


# Files that can't be parsed or decoded

WRONG = {
    "syntax error": (b"x = (\n", "1:5: JXP001 syntax error: '(' was never closed"),
    "syntax error in line 3": (b"a = 1\nb = 2\nc = = 3\n", "3:5: JXP001 syntax error"),
    "bad indentation": (b"if a:\npass\n", "2:1: JXP001 syntax error"),
    "python 2": (b'print "x"\n', "1:1: JXP001 syntax error: Missing parentheses"),
    "python 2 except": (b"try:\n    f()\nexcept E, e:\n    pass\n", "3:8: JXP001 syntax error"),
    "null byte": (b"x = 1\ny = \0 2\n", "2:1: JXP001 source code can't contain null bytes"),
    "only null bytes": (b"\0" * 512, "1:1: JXP001 source code can't contain null bytes"),
    "latin-1 without a coding line": (b'x = "\xe9"\n', "JXP003 can't decode the file"),
    "latin-1 far below": (b"x = 1\n" * 9 + b'y = "\xe9"\n', "10:1: JXP003 can't decode the file"),
    "unknown coding": (b"# coding: klingon\nx = 1\n", "JXP003 can't decode the file"),
    "coding that is not for text": (b"# coding: rot13\nk = 1\n", "JXP003 can't decode the file"),
    "coding against the BOM": (
        b"\xef\xbb\xbf# coding: latin-1\nx = 1\n", "JXP003 can't decode the file"
    ),
    "UTF-16": ("x = 1\n".encode("utf-16"), "JXP003 can't decode the file"),
    "10,000 parentheses": (b"(" * 10000 + b"1" + b")" * 10000, "JXP001"),
    "10,000 brackets": (b"[" * 10000, "JXP001"),
    "5,000 terms": (b"x = " + b"+".join([b"1"] * 5000) + b"\n", "JXP001 nested too deeply"),
    "10,000 attributes": (b"x = a" + b".b" * 10000 + b"\n", "JXP001 nested too deeply"),
    "10,000 calls": (b"x = a" + b"()" * 10000 + b"\n", "JXP001 nested too deeply"),
    "10,000 chained methods": (b"x = a" + b".b()" * 10000 + b"\n", "JXP001 nested too deeply"),
    "10,000 signs": (b"x = " + b"-" * 10000 + b"1\n", "JXP001 nested too deeply"),
    "3,000 elifs": (b"if a:\n    pass\n" + b"elif b:\n    pass\n" * 3000, "JXP001 nested too deep"),
    "200 nested blocks": (
        b"".join(b" " * n + b"if a:\n" for n in range(200)) + b" " * 200 + b"pass\n", "JXP001"
    ),
}  # fmt: skip


@pytest.mark.parametrize("fix", [False, True], ids=["check", "fix"])
@pytest.mark.parametrize("name", WRONG)
def test_one_line_says_what_is_wrong_with_a_file_and_the_others_are_checked(
    tmp_path: Path, name: str, fix: bool
) -> None:
    data, expected = WRONG[name]
    (tmp_path / "bad.py").write_bytes(data)
    (tmp_path / "good.py").write_bytes(GOOD)
    done = jaxport(tmp_path, *["--fix"] * fix, ".")
    about = lines_about(done, "bad.py")
    assert len(about) == 1
    assert about[0].startswith("bad.py:")
    assert expected in about[0]
    assert done.returncode == 1
    assert (tmp_path / "bad.py").read_bytes() == data
    assert (tmp_path / "good.py").read_bytes() == (FIXED if fix else GOOD)
    assert len(lines_about(done, "good.py:6:9: JXP101")) == (0 if fix else 1)


@pytest.mark.parametrize("format_", ["concise", "full", "json", "json-lines"])
def test_every_format_tells_of_a_file_that_can_not_be_read(tmp_path: Path, format_: str) -> None:
    (tmp_path / "bad.py").write_bytes(b"x = (\n")
    (tmp_path / "nul.py").write_bytes(b"\0")
    (tmp_path / "gone.py").symlink_to("nowhere")
    done = jaxport(tmp_path, "--output-format", format_, ".")
    assert done.returncode == 1
    for code in ("JXP001", "JXP002"):
        assert code in done.stdout.decode()


DEEP = {
    "900 terms": b"+".join([b"t"] * 900),
    "900 attributes": b"t" + b".b" * 900,
    "400 chained methods": b"t" + b".b()" * 400,
    "80 signs": b"-" * 80 + b"t",
    "90 brackets": b"[" * 90 + b"t" + b"]" * 90,
    "150 parentheses": b"(" * 150 + b"t" + b")" * 150,
}


@pytest.mark.parametrize("options", [[], ["--fix"], ["--output-format=json"], ["--diff"]],
                         ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("name", DEEP)
def test_a_deep_argument_of_what_is_rewritten_is_no_internal_error(
    tmp_path: Path, name: str, options: list[str]
) -> None:
    data = with_buffer(DEEP[name])
    (tmp_path / "deep.py").write_bytes(data)
    done = jaxport(tmp_path, *options, "deep.py")
    assert b"JXP006" not in done.stdout + done.stderr
    assert done.returncode in (0, 1)
    after = (tmp_path / "deep.py").read_bytes()
    compile_needed = after != data
    if compile_needed:
        assert b"flax.nnx.BatchStat(" + DEEP[name] + b")" in after


def test_deep_expressions_in_many_files_are_no_traceback(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"deep{number}.py").write_bytes(b"x = " + b"+".join([b"1"] * 900) + b"\n")
    (tmp_path / "good.py").write_bytes(GOOD)
    done = jaxport(tmp_path, "--jobs", "2", ".")
    assert done.returncode == 1
    assert len(lines_about(done, "good.py:6:9: JXP101")) == 1


# Encodings, line ends and white space stay as they are


BUFFER = b'self.register_buffer("n", t)'
STAT = b'setattr(self, "n", flax.nnx.BatchStat(t))'
KEPT = {
    "latin-1 with a coding line": (
        b"# -*- coding: latin-1 -*-\n" + GOOD + b'x = "\xe9\xff"\n',
        b"# -*- coding: latin-1 -*-\n" + FIXED + b'x = "\xe9\xff"\n',
    ),
    "UTF-8 BOM": (b"\xef\xbb\xbf" + GOOD, b"\xef\xbb\xbf" + FIXED),
    "UTF-8 BOM and coding line": (
        b"\xef\xbb\xbf# coding: utf-8\n" + GOOD, b"\xef\xbb\xbf# coding: utf-8\n" + FIXED
    ),
    "CRLF": (GOOD.replace(b"\n", b"\r\n"), FIXED.replace(b"\n", b"\r\n")),
    "CR": (GOOD.replace(b"\n", b"\r"), FIXED.replace(b"\n", b"\r")),
    "mixed newlines": (
        b"from torch import nn\r\n\n\r\nclass Net(nn.Module):\n    def __init__(self, t):\r"
        b"        " + BUFFER + b'\r\n        x = """a\r\nb\nc"""\n',
        b"import flax.nnx\r\nfrom torch import nn\r\n\n\r\nclass Net(nn.Module):\n"
        b"    def __init__(self, t):\r"
        b"        " + STAT + b'\r\n        x = """a\r\nb\nc"""\n',
    ),
    "mixed newlines in the call": (
        b"from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
        b'        self.register_buffer(\r\n            "n",\n            t,\r\n        )\r\n',
        FIXED[:-1] + b"\r\n",
    ),
    "form feeds": (
        b"\x0c\n" + GOOD.replace(b"class", b"\x0cclass") + b"\x0c\nx = 1 \x0c\n",
        b"\x0c\n" + FIXED.replace(b"class", b"\x0cclass") + b"\x0c\nx = 1 \x0c\n",
    ),
    "a form feed in front of the first import": (b"\x0c" + GOOD, None),
    "a form feed in front of the call": (
        GOOD.replace(b"        self", b"      \x0c        self"),
        FIXED.replace(b"        setattr", b"      \x0c        setattr"),
    ),
    "tabs": (GOOD.replace(b"    ", b"\t"), FIXED.replace(b"    ", b"\t")),
    "no last newline": (GOOD[:-1], FIXED[:-1]),
    "white space at line ends": (
        GOOD.replace(b"\n", b"  \n"), b"import flax.nnx\n" + GOOD.replace(b"\n", b"  \n").replace(
            BUFFER, STAT)
    ),
    "line separators in strings": (
        GOOD + b'x = "\xe2\x80\xa8\x0b\x0c\x1c\xc2\x85"\n',
        FIXED + b'x = "\xe2\x80\xa8\x0b\x0c\x1c\xc2\x85"\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_fix_keeps_every_byte_outside_of_what_it_rewrites(tmp_path: Path, name: str) -> None:
    before, expected = KEPT[name]
    file = tmp_path / "kept.py"
    file.write_bytes(before)
    done = jaxport(tmp_path, "--fix", "kept.py")
    after = file.read_bytes()
    assert (done.returncode, after != before) == (0, True)
    if expected is not None:
        assert after == expected
    else:
        start = before.index(BUFFER)
        assert before[:start] in after
        assert after.endswith(STAT + before[start + len(BUFFER) :])
    compile(after, "kept.py", "exec")
    assert jaxport(tmp_path, "--fix", "kept.py").returncode == 0
    assert file.read_bytes() == after


@pytest.mark.parametrize("data", [b"", b"\n", b"\x0c", b"# only a comment", b"\xef\xbb\xbf", b"\r"])
def test_a_file_without_code_has_no_findings_and_is_not_touched(
    tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "empty.py").write_bytes(data)
    done = jaxport(tmp_path, "--fix", "empty.py")
    assert (done.returncode, done.stdout) == (0, b"")
    assert (tmp_path / "empty.py").read_bytes() == data


# Paths


def test_a_folder_named_like_a_file_is_searched(tmp_path: Path) -> None:
    (tmp_path / "x.py").mkdir()
    (tmp_path / "x.py" / "inside.py").write_bytes(GOOD)
    for argument in (".", "x.py"):
        done = jaxport(tmp_path, argument)
        assert done.returncode == 1
        assert len(lines_about(done, f"x.py{os.sep}inside.py:6:9: JXP101")) == 1


@pytest.mark.parametrize("target", ["nowhere", "link.py"], ids=["dangling", "circular"])
@pytest.mark.parametrize("argument", [".", "link.py"])
def test_a_symlink_to_nothing_is_one_finding(tmp_path: Path, target: str, argument: str) -> None:
    (tmp_path / "link.py").symlink_to(target)
    (tmp_path / "good.py").write_bytes(GOOD)
    done = jaxport(tmp_path, argument, "good.py")
    about = lines_about(done, "link.py")
    assert len(about) == 1
    assert "link.py:1:1: JXP002 can't read the file: " in about[0]
    assert done.returncode == 1
    assert len(lines_about(done, "good.py:6:9: JXP101")) == 1


def test_an_unreadable_file_is_one_finding(tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_bytes(GOOD)
    secret.chmod(0)
    if os.access(secret, os.R_OK):
        pytest.skip("this user may read every file")
    (tmp_path / "good.py").write_bytes(GOOD)
    done = jaxport(tmp_path, ".")
    assert lines_about(done, "secret.py") == [
        "secret.py:1:1: JXP002 can't read the file: Permission denied"
    ]
    assert done.returncode == 1
    assert len(lines_about(done, "good.py:6:9: JXP101")) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this system's folders")
def test_a_pipe_named_like_a_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "good.py").write_bytes(GOOD)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "jaxport", "check", "."],
            cwd=tmp_path, capture_output=True, timeout=8,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.fail("jaxport waits for a writer of pipe.py")
    assert done.returncode == 1
    assert len(lines_about(done, "good.py:6:9: JXP101")) == 1


def test_a_read_only_file_is_not_fixed_and_one_line_says_so(tmp_path: Path) -> None:
    locked = tmp_path / "locked.py"
    locked.write_bytes(GOOD)
    locked.chmod(0o444)
    (tmp_path / "other.py").write_bytes(GOOD)
    done = jaxport(tmp_path, "--fix", ".")
    assert locked.read_bytes() == GOOD
    assert stat.S_IMODE(locked.stat().st_mode) == 0o444
    errors = [line for line in lines_about(done, "locked.py") if "JXP101" not in line]
    assert errors == ["jaxport: locked.py: can't write the file: the file is read-only"]
    assert done.returncode == 2
    assert (tmp_path / "other.py").read_bytes() == FIXED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locked.py", "other.py"]


@pytest.mark.parametrize("format_", ["concise", "json"])
def test_what_could_not_be_written_is_not_called_fixed(tmp_path: Path, format_: str) -> None:
    locked = tmp_path / "locked.py"
    locked.write_bytes(GOOD)
    locked.chmod(0o444)
    done = jaxport(tmp_path, "--fix", "--show-fixes", f"--output-format={format_}", "locked.py")
    assert b"Fixed" not in done.stdout + done.stderr
    if format_ == "json":
        assert [item["code"] for item in json.loads(done.stdout)] == ["JXP101"]
    else:
        assert len(lines_about(done, "locked.py:6:9: JXP101")) == 1


def test_a_missing_path_is_an_error_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_bytes(GOOD)
    done = jaxport(tmp_path, "missing.py", "good.py")
    assert lines_about(done, "missing.py") == ["jaxport: missing.py: no such file or folder"]
    assert done.returncode == 2
    assert len(lines_about(done, "good.py:6:9: JXP101")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names there must be text")
@pytest.mark.parametrize("format_", ["concise", "full", "json"])
def test_a_name_that_is_not_utf8_does_not_matter(tmp_path: Path, format_: str) -> None:
    (tmp_path / os.fsdecode(b"na\xffme.py")).write_bytes(GOOD)
    (tmp_path / "good.py").write_bytes(GOOD)
    env = {"PYTHONIOENCODING": "utf-8:strict"}  # as where LANG is en_US.UTF-8
    done = jaxport(tmp_path, f"--output-format={format_}", ".", env=env)
    assert done.returncode == 1
    assert done.stdout.count(b"JXP101") == 2


@pytest.mark.parametrize("options", [["--output-format=full"], ["--diff"], ["--fix"]], ids=" ".join)
def test_a_terminal_without_unicode_does_not_matter(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "caf\u00e9.py").write_bytes(GOOD.replace(b'"n"', '"\u00e9"'.encode()))
    done = jaxport(tmp_path, *options, ".", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == (0 if options == ["--fix"] else 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_under_the_output_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_bytes(GOOD)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "jaxport", "check", "good.py"],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert done.returncode == 2


# The command line and the configuration


USAGE: list[tuple[Sequence[str], str]] = [
    (["--select", "XYZ1", "good.py"], "jaxport: --select: no rule is called `XYZ1`"),
    (["--select", "JXP1,JXP999", "good.py"], "jaxport: --select: no rule is called `JXP999`"),
    (["--ignore", "E501", "good.py"], "jaxport: --ignore: no rule is called `E501`"),
    (["--extend-select", "x", "."], "jaxport: --extend-select: no rule is called `X`"),
    (["--config", "gone.toml", "good.py"], "jaxport: gone.toml: can't read the file: "),
    (["--config", ".", "good.py"], "jaxport: .: can't read the file: "),
    (["--output-format", "xml", "good.py"], "--output-format: invalid choice: 'xml'"),
    (["--dialect", "klingon", "good.py"], "--dialect: invalid choice: 'klingon'"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE, ids=[" ".join(a) for a, _ in USAGE])
def test_a_wrong_option_is_one_line_and_exit_2(
    tmp_path: Path, arguments: Sequence[str], message: str
) -> None:
    (tmp_path / "good.py").write_bytes(GOOD)
    done = jaxport(tmp_path, *arguments)
    assert done.returncode == 2
    assert len(lines_about(done, message)) == 1
    assert done.stdout == b""


CONFIGS = {
    "broken TOML": (b"[tool.jaxport\n", "not TOML: "),
    "not UTF-8": (b"# jaxport \xff\n", "not TOML: "),
    "unknown key": (b"[tool.jaxport]\nslect = []\n", "tool.jaxport.slect: no such setting"),
    "select is a string": (b'[tool.jaxport]\nselect = "JXP1"\n', "tool.jaxport.select must be a"),
    "ignore has numbers": (b"[tool.jaxport]\nignore = [101]\n", "tool.jaxport.ignore must be a"),
    "exclude is a bool": (b"[tool.jaxport]\nexclude = true\n", "tool.jaxport.exclude must be a"),
    "include is a table": (b"[tool.jaxport.include]\na = 1\n", "tool.jaxport.include must be a"),
    "unknown code": (
        b'[tool.jaxport]\nextend-select = ["E501"]\n',
        "tool.jaxport.extend-select: no rule is called `E501`",
    ),
    "unknown dialect": (b'[tool.jaxport]\ndialect = "x"\n', "tool.jaxport.dialect must be one of "),
    "dialect is a list": (b"[tool.jaxport]\ndialect = []\n", "tool.jaxport.dialect must be one of"),
    "ignores are a list": (
        b"[tool.jaxport]\nper-file-ignores = []\n", "tool.jaxport.per-file-ignores must be a table"
    ),
    "ignores for a file are a string": (
        b'[tool.jaxport.per-file-ignores]\n"a.py" = "JXP1"\n',
        "tool.jaxport.per-file-ignores.a.py must be a list",
    ),
    "unknown code for a file": (
        b'[tool.jaxport.per-file-ignores]\n"a.py" = ["E5"]\n',
        "tool.jaxport.per-file-ignores: no rule is called `E5`",
    ),
    "not a table": (b"[tool]\njaxport = 3\n", "tool.jaxport must be a table"),
}  # fmt: skip


@pytest.mark.parametrize("arguments", [["."], ["good.py", "other.py"], ["--fix", "."]], ids=str)
@pytest.mark.parametrize("name", CONFIGS)
def test_a_wrong_pyproject_is_one_line_with_its_name_and_the_setting(
    tmp_path: Path, name: str, arguments: list[str]
) -> None:
    data, message = CONFIGS[name]
    (tmp_path / "pyproject.toml").write_bytes(data)
    for file in ("good.py", "other.py"):
        (tmp_path / file).write_bytes(GOOD)
    done = jaxport(tmp_path, *arguments)
    about = lines_about(done, "pyproject.toml")
    assert len(about) == 1
    assert message in about[0]
    assert done.returncode == 2
    assert done.stdout == b""
    assert (tmp_path / "good.py").read_bytes() == GOOD


def test_the_codes_of_the_exit_status(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_bytes(GOOD)
    (tmp_path / "clean.py").write_bytes(b"x = 1\n")
    assert jaxport(tmp_path, "clean.py").returncode == 0
    assert jaxport(tmp_path, "good.py").returncode == 1
    assert jaxport(tmp_path, "--exit-zero", "good.py").returncode == 0
    assert jaxport(tmp_path, "--fix", "--exit-non-zero-on-fix", "good.py").returncode == 1
    assert jaxport(tmp_path, "--fix", "--exit-non-zero-on-fix", "good.py").returncode == 0


def test_json_edits_follow_the_dialect_of_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b'[tool.jaxport]\ndialect = "switcheroo"\n')
    (tmp_path / "state.py").write_bytes(
        b"from torch import nn\n\nmodel = nn.Linear(2, 2)\nstate = model.state_dict()\n"
    )
    shown = jaxport(tmp_path, "--output-format=json", "state.py").stdout
    contents = [edit["content"] for item in json.loads(shown) for edit in item["fix"]["edits"]]
    assert "flax.nnx.state(model).to_pure_dict()" in contents
