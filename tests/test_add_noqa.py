"""`--add-noqa`: afterwards neither flake8 nor `check` reports anything; the code is the same."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest
from test_bad_input import DEEP, with_buffer
from test_flake8 import COMMENTS, TEXTS, Found, body, commented, flake8, of
from test_flake8 import jaxport as found_by_check

from jaxport.cli import main
from jaxport.source import split_lines

# Texts in which the first comment that flake8 finds is a part of a string.
HIDDEN = {
    "noqa: a string in front": body("self.register_buffer('# noqa: E501', t)"),
    "noqa: a long string": body('self.register_buffer("""a\n  # noqa: E501\nb""", t)'),
    "noqa: a string, and a comment": body("self.register_buffer('# noqa: X1', t)  # noqa: E501"),
}
MORE = {
    "a long string": body('self.register_buffer("""a\nb""", t)'),
    "a long string and more behind it": body('self.register_buffer("""a\nb""", t); x = 1'),
    "a long string behind": body('self.register_buffer("a", t), """x\ny"""'),
    "an f-string of several lines": body('print(f"""{self.register_buffer(1, t)}\nb""")'),
    "a call over several lines": body(
        "self.register_buffer(\n            'n',\n            t,\n        )"
    ),
    "backslashes": body("self.register_buffer \\\n            ('n', \\\n             t)"),
    "backslash and long string": body('x = t, \\\n  self.register_buffer("""a\nb""", t)'),
    "trailing white space": body("self.register_buffer('n', t) \t "),
    "a form feed at the end": body("self.register_buffer('n', t)\x0c"),
    "another tool's comment": body("self.register_buffer('n', t)  # type: ignore[x]"),
    "a tight comment": body("self.register_buffer('n', t)#x"),
    "an empty comment": body("self.register_buffer('n', t)  #"),
    "a list that ends in a comma": body("self.register_buffer('n', t)  # noqa: E501, "),
    "a noqa with words": body("self.register_buffer('n', t)  # noqa: E501 too long, W1"),
    "two rules in a row": body("self.register_buffer('n', t); self.register_parameter('p', t)"),
    "one of two rules is there": body(
        "self.register_buffer('n', t); self.register_parameter('p', t)  # noqa: JXP102"
    ),
    "statements behind a colon": body("if t: self.register_buffer('n', t)"),
    "a semicolon at the end": body("self.register_buffer('n', t);"),
    "two calls in one statement": body("(self.register_buffer('n', t),\n"
                                       "         self.register_parameter('p', t))"),
    "an open bracket at the end": body("self.register_buffer('n', (\n            t))"),
}
ALL = {**TEXTS, **MORE, **HIDDEN}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All texts after `--add-noqa`."""
    folder = tmp_path_factory.mktemp("noqa").resolve()
    for index, text in enumerate(ALL.values()):
        (folder / f"file{index}.py").write_bytes(text.encode())
    main(["check", "--add-noqa", str(folder)])
    return folder


@pytest.fixture(scope="module")
def reported(folder: Path) -> tuple[Found, Found]:
    return flake8(folder), found_by_check(folder)


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_reported_any_more(
    folder: Path, reported: tuple[Found, Found], name: str
) -> None:
    file = f"file{list(ALL).index(name)}.py"
    by_flake8, by_check = (of(found, file) for found in reported)
    assert by_check == by_flake8
    assert bool(by_check) == (name in HIDDEN)


@pytest.mark.parametrize("name", ALL)
def test_only_comments_were_added(folder: Path, name: str) -> None:
    before, after = ALL[name], (folder / f"file{list(ALL).index(name)}.py").read_bytes().decode()
    assert ast.dump(ast.parse(after.lstrip("\ufeff"))) == ast.dump(
        ast.parse(before.lstrip("\ufeff"))
    )
    for old, new in zip(split_lines(before), split_lines(after), strict=True):
        if old == new:
            continue
        ending = old[len(old.rstrip("\r\n")) :]
        old = old.rstrip() if "noqa" not in old else old.removesuffix(ending)
        pairs = enumerate(zip(old, new, strict=False))
        kept = old[: next((at for at, (one, other) in pairs if one != other), len(old))]
        rest = old[len(kept) :] + ending
        assert new.endswith(rest)
        added = new[len(kept) :].removesuffix(rest)
        assert re.fullmatch(r"( *# noqa:|,)? ?JXP\d+(, JXP\d+)*(, )?", added), added


def test_the_texts_are_worth_it(folder: Path) -> None:
    changed = [
        name for index, (name, text) in enumerate(ALL.items())
        if (folder / f"file{index}.py").read_bytes() != text.encode()
    ]
    assert len(changed) > 60
    assert set(MORE) <= set(changed)


def test_the_second_time_nothing_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    stamps = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    capsys.readouterr()
    assert main(["check", "--add-noqa", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) >= len(HIDDEN)
    assert "Suppressed 0 findings." in err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps


# How the comments look

NET = body("self.register_buffer('n', t)")
LINES = {
    "self.register_buffer('n', t)": "self.register_buffer('n', t)  # noqa: JXP101",
    "self.register_buffer('n', t); self.register_parameter('p', t)":
        "self.register_buffer('n', t); self.register_parameter('p', t)  # noqa: JXP101, JXP102",
    "self.register_buffer('n', t); self.register_buffer('m', t)":
        "self.register_buffer('n', t); self.register_buffer('m', t)  # noqa: JXP101",
    "self.register_buffer('n', t)  # noqa": "self.register_buffer('n', t)  # noqa",
    "self.register_buffer('n', t)  # noqa: E501":
        "self.register_buffer('n', t)  # noqa: E501, JXP101",
    "self.register_buffer('n', t)  # noqa:E501,W291 it is long":
        "self.register_buffer('n', t)  # noqa:E501,W291, JXP101 it is long",
    "self.register_buffer('n', t)  # noqa: JXP101": "self.register_buffer('n', t)  # noqa: JXP101",
    "self.register_buffer('n', t)  # noqa: JXP1": "self.register_buffer('n', t)  # noqa: JXP1",
    "self.register_buffer('n', t)  # noqa: JXP102":
        "self.register_buffer('n', t)  # noqa: JXP102, JXP101",
    "self.register_buffer('n', t)  # why": "self.register_buffer('n', t)  # why  # noqa: JXP101",
    "self.register_buffer(\n    'n',\n    t)":
        "self.register_buffer(  # noqa: JXP101\n    'n',\n    t)",
    "self.register_buffer \\\n    ('n', t)":
        "self.register_buffer \\\n    ('n', t)  # noqa: JXP101",
    'self.register_buffer("""a\nb""", t)': 'self.register_buffer("""a\nb""", t)  # noqa: JXP101',
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_where_the_comment_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    head = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n        "
    file = tmp_path / "net.py"
    file.write_text(f"{head}{line}\n", encoding="utf-8")
    assert main(["check", "--add-noqa", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == f"{head}{LINES[line]}\n"


BYTES = {
    "latin-1": "# coding: latin-1\n{}# é\n".encode("latin-1"),
    "UTF-8 with a BOM": "\ufeff{}# 你好\n".encode(),
    "shift-jis": "# coding: shift_jis\n{}# ソ表\n".encode("shift_jis"),
    "CRLF": b"{}x = 1\n",
    "CR": b"{}x = 1\n",
    "tabs": b"{}if x:\n\ty = 1\n",
    "no last line end": b"x = 1\n{}",
}


@pytest.mark.parametrize("name", BYTES)
def test_every_other_byte_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code = commented("").encode().split(b"\n\n    def more")[0] + b"\n"
    comment = b"  # noqa: JXP101"
    newline = {"CRLF": b"\r\n", "CR": b"\r"}.get(name, b"\n")

    def text(code: bytes) -> bytes:
        whole = BYTES[name].replace(b"{}", code).replace(b"\n", newline)
        return whole.rstrip(b"\n") if name == "no last line end" else whole

    before = text(code)
    file = tmp_path / "net.py"
    file.write_bytes(before)
    file.chmod(0o640)
    assert main(["check", "--add-noqa", str(file)]) == 0
    marked = b"\n".join(
        line.rstrip() + comment if b"register_buffer" in line else line
        for line in code.split(b"\n")
    )
    assert file.read_bytes() == text(marked)
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", DEEP)
def test_deep_code(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    file = tmp_path / "deep.py"
    before = with_buffer(DEEP[name])
    file.write_bytes(before)
    assert main(["check", "--add-noqa", str(file)]) == 0
    assert file.read_bytes() == before.removesuffix(b"\n") + b"  # noqa: JXP101\n"


# What can't be suppressed


def test_a_syntax_error_is_left_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.py").write_bytes(b"x = (\n")
    (tmp_path / "nul.py").write_bytes(b"\0")
    (tmp_path / "odd.py").write_bytes(b'x = "\xe9"\n')
    (tmp_path / "good.py").write_text(NET, encoding="utf-8")
    assert main(["check", "--add-noqa", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[1][:6] for line in out.splitlines()] == ["JXP001", "JXP001", "JXP003"]
    assert "Suppressed " in err
    assert (tmp_path / "bad.py").read_bytes() == b"x = (\n"
    assert (tmp_path / "nul.py").read_bytes() == b"\0"
    assert main(["check", str(tmp_path / "good.py")]) == 0


def test_a_file_that_can_not_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    file.chmod(0o444)
    assert main(["check", "--add-noqa", str(file)]) == 2
    out, err = capsys.readouterr()
    assert "JXP101" in out
    assert f"jaxport: {file}: can't write the file: the file is read-only" in err
    assert "Suppressed 0 findings." in err
    assert file.read_text(encoding="utf-8") == NET
    assert os.listdir(tmp_path) == ["net.py"]


@pytest.mark.parametrize("other", ["--fix", "--unsafe-fixes", "--diff", "-"])
def test_what_does_not_go_together_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: str
) -> None:
    assert main(["check", "--add-noqa", other]) == 2
    assert capsys.readouterr().err == f"jaxport: --add-noqa does not go together with {other}\n"


def test_only_what_the_baseline_does_not_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, known = tmp_path / "net.py", f"--baseline={tmp_path / 'known.json'}"
    file.write_text(NET, encoding="utf-8")
    assert main(["check", known, "--write-baseline", str(file)]) == 0
    text = NET.replace("self.register_buffer('n', t)\n", "self.register_buffer('n', t)\n"
                       "        self.register_buffer('new', t)\n")  # fmt: skip
    assert text != NET
    file.write_text(text, encoding="utf-8")
    assert main(["check", known, "--add-noqa", str(file)]) == 0
    marked = text.replace("'new', t)", "'new', t)  # noqa: JXP101")
    assert file.read_text(encoding="utf-8") == marked


def test_comments_of_flake8_are_all_tried() -> None:
    assert {f"comment {comment!r}" for comment in COMMENTS} <= set(ALL)
