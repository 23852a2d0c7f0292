"""What a baseline lists is known, whatever else is edited; only what is new is reported."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_bad_input import DEEP, with_buffer

from jaxport.cli import main

ORIGINAL = (Path(__file__).parent / "ratchet" / "segmenter.py").read_text(encoding="utf-8")
NET = (
    "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
    '        self.register_buffer("n", t)\n'
)
BASELINE = "jaxport-baseline.json"
Found = set[tuple[int, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Run:
    """`jaxport check` on the current folder, and what came of it."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        capsys.readouterr()
        paths = [] if any(Path(item).suffix == ".py" for item in arguments) else ["."]
        self.code = main(["check", *paths, "--output-format=json", *arguments])
        self.out, self.err = capsys.readouterr()

    @property
    def findings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)
        return found

    @property
    def found(self) -> Found:
        return {(item["location"]["row"], item["code"]) for item in self.findings}

    @property
    def files(self) -> list[str]:
        return [Path(item["filename"]).name for item in self.findings]


def written(capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    run = Run(capsys, "--baseline", BASELINE, "--write-baseline", *arguments)
    assert run.code == 0, run.err
    return run


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    return Run(capsys, "--baseline", BASELINE, *arguments)


def entries(file: Path) -> list[dict[str, Any]]:
    known: list[dict[str, Any]] = json.loads(file.read_bytes())["findings"]
    return known


def row_of(text: str, line: str, nth: int = 0) -> int:
    rows = [at for at, item in enumerate(text.splitlines(), 1) if line in item]
    return rows[nth]


# Ten ways (and more) to edit a real file, each with exactly what is new afterwards


def swapped(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert text.count(old) >= 1
        return text.replace(old, new, count)

    return edit


def moved(text: str) -> str:
    """`restore` in front of `count_parameters`."""
    found = re.search(r"def restore.*?\n\n\n", text, re.DOTALL)
    assert found
    return text.replace(found[0], "").replace("def count_parameters", f"{found[0]}def count_parame"
                                              "ters")


def reindented(text: str) -> str:
    """The training loop in a `with` of its own."""
    start = text.index("    for _ in range(epochs):")
    end = text.index("    return history")
    body = "".join(f"    {line}" for line in text[start:end].splitlines(keepends=True))
    return f"{text[:start]}    with torch.autograd.set_detect_anomaly(True):\n{body}{text[end:]}"


def copied_above(text: str) -> str:
    """A function with a line that `save` has as well, in front of it."""
    copy = (
        "def publish(model: Segmenter, path: str) -> None:\n"
        '    torch.save({"model": model.state_dict(), "version": 2}, path)\n\n\n'
    )
    return text.replace("def save(", f"{copy}def save(")


SPLIT = """\
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=rate,
    )
"""
SAVE = '    torch.save({"model": model.state_dict(), "version": 2}, path)\n'
SCALE = '        self.register_buffer("scale", scale)\n'
EDITS: dict[str, tuple[Callable[[str], str], list[tuple[str, int, str]], int]] = {
    # name: the edit, (line, which of them, code) for each new finding, how many are gone
    "lines added above": (lambda text: text.replace("import argparse\n", "import argparse\nimport "
                                                    "os\n\n# A comment.\nPATH = os.sep\n"), [], 0),
    "a function moved": (moved, [], 0),
    "a variable renamed elsewhere": (swapped("total", "amount", 99), [], 0),
    "re-indented": (reindented, [], 0),
    "tabs for spaces": (lambda text: text.replace("    ", "\t"), [], 0),
    "a finding deleted": (swapped(SCALE, ""), [], 1),
    "a finding duplicated": (
        swapped(SCALE, SCALE * 2), [('register_buffer("scale"', 1, "JXP101")], 0
    ),
    "a copy in another function, above": (
        copied_above, [('"model": model.state_dict()', 0, "JXP103")], 0
    ),
    "a new finding": (
        swapped(SCALE, SCALE + '        self.register_buffer("bias", mean / scale)\n'),
        [('"bias"', 0, "JXP101")], 0,
    ),
    "another finding on a known line": (
        swapped("torch.load(path)\n", "torch.load(path); other = model.state_dict()\n"),
        [("other = ", 0, "JXP103")], 0,
    ),
    "an edited line": (
        swapped("persistent=False)", "persistent=True)"), [("persistent=True", 0, "JXP101")], 1
    ),
    "an edited line with two findings": (
        swapped("target.load_state_dict(source", "target.load_state_dict(target"),
        [("target.load_state_dict(target", 0, "JXP103"),
         ("target.load_state_dict(target", 0, "JXP104")], 2,
    ),
    "a comment on the line": (
        swapped(SCALE, SCALE.replace("\n", "  # not trained: see 'mean'\n")), [], 0
    ),
    "a call split over lines": (
        swapped("    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)\n", SPLIT), [], 0
    ),
    "a backslash in the line": (
        swapped(SAVE, SAVE.replace("torch.save({", "torch.save \\\n        ({")), [], 0
    ),
    "other quotes": (swapped('"', "'", 9999), [], 0),
    "a class renamed": (swapped("Segmenter", "Net", 99), [], 0),
    "a method renamed": (lambda text: text.replace("def train(", "def fit(").replace(
        "    train(", "    fit("), [], 0),
    "CRLF": (lambda text: text.replace("\n", "\r\n"), [], 0),
    "a finding cut in one place and pasted in another": (
        lambda text: text.replace(SAVE, "    ...\n").replace(
            '    checkpoint = torch.load(path)\n', f"{SAVE}    checkpoint = torch.load(path)\n"),
        [], 0,
    ),
    "deleted here and new there": (
        lambda text: text.replace(SCALE, "").replace(
            "    return history", "    return history, model.state_dict()"),
        [("return history, ", 0, "JXP103")], 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_after_an_edit_only_what_is_really_new_appears(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    edit, new, gone = EDITS[name]
    file = folder / "segmenter.py"
    file.write_text(ORIGINAL, encoding="utf-8", newline="")
    written(capsys)
    assert len(Run(capsys).findings) == 20
    assert checked(capsys).findings == []
    text = edit(ORIGINAL)
    assert text != ORIGINAL
    file.write_text(text, encoding="utf-8", newline="")
    run = checked(capsys)
    assert run.found == {(row_of(text, line, nth), code) for line, nth, code in new}
    assert len(run.findings) == len(new)
    assert run.code == int(bool(new))
    assert (f"{gone} finding" in run.err) == bool(gone), run.err
    assert (" gone" in run.err) == bool(gone)


def test_a_statement_that_was_split_is_known_when_it_is_one_line_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = EDITS["a call split over lines"][0](ORIGINAL)
    (folder / "segmenter.py").write_text(split, encoding="utf-8")
    written(capsys)
    (folder / "segmenter.py").write_text(ORIGINAL, encoding="utf-8")
    run = checked(capsys)
    assert run.findings == []
    assert "gone" not in run.err


@pytest.mark.parametrize("target", ["renamed.py", "pkg/segmenter.py"])
def test_a_file_that_was_renamed_keeps_what_is_known(
    folder: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    (folder / "pkg").mkdir()
    (folder / "segmenter.py").write_text(ORIGINAL, encoding="utf-8")
    written(capsys)
    text = ORIGINAL.replace(SCALE, SCALE + '        self.register_buffer("new", mean)\n')
    (folder / "segmenter.py").rename(folder / target)
    (folder / target).write_text(text, encoding="utf-8")
    run = checked(capsys)
    assert run.found == {(row_of(text, '"new"'), "JXP101")}
    assert "gone" not in run.err


def test_a_copy_of_a_file_is_new_while_the_file_is_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "segmenter.py").write_text(ORIGINAL, encoding="utf-8")
    written(capsys)
    (folder / "copy.py").write_text(ORIGINAL, encoding="utf-8")
    assert checked(capsys).files == ["copy.py"] * 20


def test_a_moved_file_stands_for_one_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "old.py").write_text(NET, encoding="utf-8")
    written(capsys)
    (folder / "old.py").rename(folder / "a.py")
    (folder / "b.py").write_text(NET, encoding="utf-8")
    assert checked(capsys).files == ["b.py"]


def test_another_file_does_not_take_the_place_of_a_deleted_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "old.py").write_text(NET, encoding="utf-8")
    (folder / "known.py").write_text(NET.replace('"n"', '"m"'), encoding="utf-8")
    written(capsys)
    (folder / "old.py").unlink()
    (folder / "known.py").write_text(
        NET.replace('"n"', '"m"') + '        self.register_buffer("n", t)\n', encoding="utf-8"
    )
    run = checked(capsys)
    assert run.found == {(7, "JXP101")}
    assert "1 finding in jaxport-baseline.json is gone" in run.err


# The layers of one large statement, with every rule on

STACK = """\
from torch import nn

net = nn.Sequential(
    nn.Linear(1, 2),
    nn.ReLU(),
    nn.Linear(2, 1),
)
"""


def test_one_more_line_in_a_large_statement_leaves_the_others_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.py").write_text(STACK, encoding="utf-8")
    before = written(capsys, "--select=JXP403")
    assert "Wrote 4 findings" in before.err
    (folder / "stack.py").write_text(
        STACK.replace("    nn.ReLU(),\n", "    nn.ReLU(),\n    nn.Tanh(),\n"), encoding="utf-8"
    )
    # The whole `Sequential` is one of the findings, and its text is another one now.
    assert checked(capsys, "--select=JXP403").found == {(3, "JXP403"), (6, "JXP403")}


def test_a_line_of_a_large_statement_is_known_in_a_renamed_function(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import torch\n\n\ndef f(model, a):\n    x = [\n        model.state_dict(),\n"
    text += "        a,\n    ]\n"
    (folder / "f.py").write_text(text, encoding="utf-8")
    run = written(capsys, "--select=JXP")
    assert "Wrote 0 findings" not in run.err
    text = text.replace("f(", "g(").replace("a,\n", "a, None,\n")
    (folder / "f.py").write_text(text, encoding="utf-8")
    assert checked(capsys, "--select=JXP").findings == []


def test_the_body_of_a_flagged_function_is_not_the_finding(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "segmenter.py").write_text(ORIGINAL, encoding="utf-8")
    written(capsys, "--select=ALL")
    line = "        x = self.down(x)\n"
    text = ORIGINAL.replace(line, f"{line}        y = 1\n")
    assert text != ORIGINAL
    (folder / "segmenter.py").write_text(text, encoding="utf-8")
    assert checked(capsys, "--select=ALL").findings == []


# What the file looks like


def test_the_file_is_sorted_lines_without_rows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "net.py").write_text(NET * 2, encoding="utf-8")
    (folder / "größe.py").write_text(NET, encoding="utf-8")
    run = written(capsys)
    assert "Wrote 3 findings to jaxport-baseline.json." in run.err
    assert run.findings == []
    assert (folder / BASELINE).read_text(encoding="utf-8") == (
        '{"jaxport-baseline": 1, "findings": [\n'
        '{"path": "größe.py", "code": "JXP101", "scope": "Net.__init__", '
        '"text": "self.register_buffer(\\"n\\", t)", "count": 1},\n'
        '{"path": "sub/net.py", "code": "JXP101", "scope": "Net.__init__", '
        '"text": "self.register_buffer(\\"n\\", t)", "count": 2}\n'
        "]}\n"
    )


def test_moved_code_does_not_change_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "segmenter.py").write_text(ORIGINAL, encoding="utf-8")
    written(capsys)
    before = (folder / BASELINE).read_bytes()
    for edit in (moved, EDITS["lines added above"][0], EDITS["a comment on the line"][0]):
        (folder / "segmenter.py").write_text(edit(ORIGINAL), encoding="utf-8")
        written(capsys)
        assert (folder / BASELINE).read_bytes() == before


def test_paths_start_at_the_folder_of_the_baseline(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("src", "ci", "elsewhere"):
        (folder / name).mkdir()
    (folder / "src" / "net.py").write_text(NET, encoding="utf-8")
    Run(capsys, "src/net.py", "--baseline=ci/known.json", "--write-baseline")
    assert [item["path"] for item in entries(folder / "ci" / "known.json")] == ["../src/net.py"]
    monkeypatch.chdir(folder / "elsewhere")
    for path in ("../src/net.py", str(folder / "src" / "net.py"), "../ci/../src/net.py"):
        assert Run(capsys, path, "--baseline=../ci/known.json").findings == []


def test_a_linked_folder_is_the_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    (folder / "real" / "net.py").write_text(NET, encoding="utf-8")
    written(capsys)
    assert checked(capsys, "link/net.py").findings == []


HOSTILE = [
    "a b.py", "a\nb.py", 'a"b.py', "a'b.py", "größe.py", "%41.py", "-x.py", "::error::.py",
    "`id`.py", "a,b.py", "<script>.py", "]]>.py", "\x1b[31m.py", os.fsdecode(b"\xff\xfe.py"),
]  # fmt: skip


def test_hostile_names_are_found_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in HOSTILE:
        (folder / name).write_text(NET, encoding="utf-8")
    assert f"Wrote {len(HOSTILE)} findings" in written(capsys).err
    assert {item["path"] for item in entries(folder / BASELINE)} == set(HOSTILE)
    assert len((folder / BASELINE).read_bytes().decode().split("\n")) == len(HOSTILE) + 3
    assert checked(capsys).findings == []
    (folder / HOSTILE[-1]).write_text(NET + '        self.register_buffer("m", t)\n', "utf-8")
    assert checked(capsys).found == {(7, "JXP101")}


def test_hostile_code_is_found_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = 'self.register_buffer("\\"]}\\n# %s::`<é\u2028\x0c", t)  # "'
    (folder / "net.py").write_text(NET + f"        {line}\n", encoding="utf-8")
    assert "Wrote 2 findings" in written(capsys).err
    assert checked(capsys).findings == []


@pytest.mark.parametrize("name", DEEP)
def test_deep_code_is_found_again(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (folder / "deep.py").write_bytes(with_buffer(DEEP[name]))
    run = written(capsys)
    assert "Wrote 1 finding " in run.err
    assert checked(capsys).findings == []


# What a run speaks for


def test_gone_findings_are_counted_and_the_file_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (folder / name).write_text(NET, encoding="utf-8")
    written(capsys)
    before = (folder / BASELINE).read_bytes()
    (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "b.py").unlink()
    run = checked(capsys)
    assert "2 findings in jaxport-baseline.json are gone: --write-baseline shrinks it." in run.err
    assert (run.code, run.findings) == (0, [])
    assert (folder / BASELINE).read_bytes() == before
    written(capsys)
    assert [item["path"] for item in entries(folder / BASELINE)] == ["c.py"]
    assert "gone" not in checked(capsys).err


def test_files_that_are_not_checked_stay_in_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (folder / name).write_text(NET, encoding="utf-8")
    written(capsys)
    (folder / "a.py").write_text(NET.replace('"n"', '"m"'), encoding="utf-8")
    (folder / "b.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "c.py").unlink()
    written(capsys, "a.py")
    assert [(item["path"], '"m"' in item["text"]) for item in entries(folder / BASELINE)] == [
        ("a.py", True), ("b.py", False),
    ]  # fmt: skip
    assert "gone" not in checked(capsys, "a.py").err
    assert "1 finding" in checked(capsys, "b.py").err


def test_rules_that_are_off_stay_in_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "segmenter.py").write_text(ORIGINAL, encoding="utf-8")
    written(capsys)
    assert "gone" not in checked(capsys, "--select=JXP1").err
    written(capsys, "--select=JXP101")
    assert sum(item["count"] for item in entries(folder / BASELINE)) == 20
    assert checked(capsys).findings == []


def test_a_file_that_does_not_parse_keeps_its_entries(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "net.py").write_text(NET, encoding="utf-8")
    written(capsys)
    (folder / "net.py").write_text(NET + "x = (\n", encoding="utf-8")
    run = checked(capsys)
    assert run.found == {(7, "JXP001")}
    assert "gone" not in run.err
    for _ in range(2):
        written(capsys)
        assert [item["code"] for item in entries(folder / BASELINE)] == ["JXP001", "JXP101"]
    assert checked(capsys).findings == []
    (folder / "net.py").write_text(NET, encoding="utf-8")
    run = checked(capsys)
    assert run.findings == []
    assert "1 finding in jaxport-baseline.json is gone" in run.err


def test_a_file_named_twice_is_known_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "net.py").write_text(NET, encoding="utf-8")
    written(capsys, "net.py", str(folder / "net.py"))
    assert entries(folder / BASELINE)[0]["count"] == 1
    assert checked(capsys, "net.py", str(folder / "net.py")).findings == []


def test_fix_rewrites_what_is_known_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text(NET, encoding="utf-8")
    written(capsys)
    run = checked(capsys, "--fix")
    assert run.findings == []
    assert "BatchStat" in (folder / "net.py").read_text(encoding="utf-8")
    assert "1 finding in jaxport-baseline.json is gone" in run.err


def test_many_files_in_several_processes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(40):
        (folder / f"net{number}.py").write_text(NET, encoding="utf-8")
    written(capsys, "--jobs=2")
    (folder / "net7.py").write_text(NET + '        self.register_buffer("m", t)\n', "utf-8")
    run = checked(capsys, "--jobs=2")
    assert run.files == ["net7.py"]


def test_standard_input_is_compared_under_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import types

    (folder / "net.py").write_text(NET, encoding="utf-8")
    written(capsys)
    text = NET + '        self.register_buffer("m", t)\n'
    stream = types.SimpleNamespace(buffer=io.BytesIO(text.encode()))
    monkeypatch.setattr("sys.stdin", stream)
    capsys.readouterr()
    code = main(["check", "-", "--stdin-filename=net.py", f"--baseline={BASELINE}"])
    assert code == 1
    assert [line.split(":")[1] for line in capsys.readouterr().out.splitlines()] == ["7"]


# In the configuration


def test_the_configuration_names_the_baseline(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text('[tool.jaxport]\nbaseline = "known.json"\n', "utf-8")
    (folder / "sub").mkdir()
    (folder / "sub" / "net.py").write_text(NET, encoding="utf-8")
    missing = Run(capsys)
    assert missing.code == 2
    assert missing.err.endswith("known.json: no such baseline; --write-baseline makes it\n")
    assert Run(capsys, "--write-baseline").code == 0
    assert entries(folder / "known.json")[0]["path"] == "sub/net.py"
    assert Run(capsys).findings == []
    assert Run(capsys, "sub/net.py").findings == []
    monkeypatch.chdir(folder / "sub")
    assert Run(capsys).findings == []
    assert Run(capsys, "--config=../pyproject.toml").findings == []


def test_a_given_baseline_counts_more_than_the_configured_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pyproject.toml").write_text('[tool.jaxport]\nbaseline = "gone.json"\n', "utf-8")
    (folder / "net.py").write_text(NET, encoding="utf-8")
    written(capsys)
    assert checked(capsys).code == 0


def test_two_configured_baselines_are_one_too_many(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "net.py").write_text(NET, encoding="utf-8")
        (folder / name / "pyproject.toml").write_text(
            '[tool.jaxport]\nbaseline = "known.json"\n', encoding="utf-8"
        )
    run = Run(capsys, "a/net.py", "b/net.py")
    assert run.code == 2
    assert "one run has one baseline" in run.err


@pytest.mark.parametrize("value", ["1", "''", "['a']"])
def test_a_wrong_setting_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.jaxport]\nbaseline = {value}\n", "utf-8")
    run = Run(capsys)
    assert run.code == 2
    assert run.err.endswith("tool.jaxport.baseline must be the name of a file\n")


# Files that are no baseline

WRONG = {
    "empty": (b"", "is not JSON"),
    "cut off": (b'{"jaxport-baseline": 1, "findings": [', "is not JSON"),
    "in a merge": (b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n", "is not JSON"),
    "not UTF-8": (b'{"a": "\xff"}', "is not JSON"),
    "too deep": (b"[" * 100_000, "is not JSON"),
    "a number too long": (b"9" * 5000, "is not JSON"),
    "a list": (b"[]", "not a baseline of jaxport"),
    "of another tool": (b'{"version": 1, "results": {}}', "not a baseline of jaxport"),
    "pyproject": (b"[tool.jaxport]\n", "is not JSON"),
    "newer": (b'{"jaxport-baseline": 2, "findings": []}', "this version of jaxport"),
    "no findings": (b'{"jaxport-baseline": 1}', "this version of jaxport"),
    "an entry that is a string": (
        b'{"jaxport-baseline": 1, "findings": ["x"]}', "entry 1 of the baseline is broken"
    ),
    "an entry without a count": (
        b'{"jaxport-baseline": 1, "findings": [{"path": "a", "code": "b", "scope": "", '
        b'"text": ""}]}', "entry 1 of the baseline is broken"
    ),
    "an entry with a path that is a number": (
        b'{"jaxport-baseline": 1, "findings": [{"path": 1, "code": "b", "scope": "", '
        b'"text": "", "count": 1}]}', "entry 1 of the baseline is broken"
    ),
    "an entry without a code": (
        b'{"jaxport-baseline": 1, "findings": [{"path": "a", "scope": "", "text": "", '
        b'"count": 1}]}', "entry 1 of the baseline is broken"
    ),
    "an entry with more": (
        b'{"jaxport-baseline": 1, "findings": [{"path": "a", "code": "b", "scope": "", '
        b'"text": "", "count": 1, "row": "5"}]}', "entry 1 of the baseline is broken"
    ),
    "a count that is true": (
        b'{"jaxport-baseline": 1, "findings": [{"path": "a", "code": "b", "scope": "", '
        b'"text": "", "count": true}]}', "entry 1 of the baseline is broken"
    ),
}  # fmt: skip


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_baseline_is_one_line_and_stays(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, write: bool
) -> None:
    data, message = WRONG[name]
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / BASELINE).write_bytes(data)
    run = checked(capsys, *["--write-baseline"] * write)
    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("jaxport: jaxport-baseline.json: ")
    assert message in run.err
    assert run.err.count("\n") == 1
    assert (folder / BASELINE).read_bytes() == data


def test_paths_that_no_file_can_have_are_gone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        json.dumps({"path": path, "code": "JXP101", "scope": "", "text": "x", "count": 1})
        for path in ("a\0b", "\ud800", "x" * 9999, "")
    ]
    (folder / BASELINE).write_text(
        f'{{"jaxport-baseline": 1, "findings": [{",".join(lines)}]}}', encoding="utf-8"
    )
    (folder / "net.py").write_text(NET, encoding="utf-8")
    assert checked(capsys).found == {(6, "JXP101")}


def test_the_same_entry_twice_counts_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "net.py").write_text(NET * 2, encoding="utf-8")
    line = json.dumps({"path": "net.py", "code": "JXP101", "scope": "Net.__init__",
                       "text": 'self.register_buffer("n", t)', "count": 1})  # fmt: skip
    (folder / BASELINE).write_text(
        f'\ufeff{{"jaxport-baseline": 1, "findings": [{line},\r\n{line}]}}', encoding="utf-8"
    )
    assert checked(capsys).findings == []


def test_a_folder_is_no_baseline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / BASELINE).mkdir()
    run = checked(capsys)
    assert (run.code, run.err) == (
        2, "jaxport: jaxport-baseline.json: can't read the baseline: Is a directory\n"
    )  # fmt: skip


def test_a_baseline_that_can_not_be_written_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "net.py").write_text(NET, encoding="utf-8")
    run = Run(capsys, "--baseline=no/such/folder.json", "--write-baseline")
    assert run.code == 2
    assert "no/such/folder.json: can't write the baseline: No such file or directory" in run.err
    written(capsys)
    (folder / BASELINE).chmod(0o444)
    run = Run(capsys, "--baseline", BASELINE, "--write-baseline")
    assert run.code == 2
    assert "can't write the baseline: the file is read-only" in run.err


def test_the_file_is_written_whole_and_keeps_its_mode(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "net.py").write_text(NET, encoding="utf-8")
    mask = os.umask(0o022)
    try:
        written(capsys)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((folder / BASELINE).stat().st_mode) == 0o644
    (folder / BASELINE).chmod(0o600)
    written(capsys)
    assert stat.S_IMODE((folder / BASELINE).stat().st_mode) == 0o600
    before = (folder / BASELINE).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (folder / "net.py").write_text(NET * 2, encoding="utf-8")
    monkeypatch.setattr(os, "replace", full)
    run = Run(capsys, "--baseline", BASELINE, "--write-baseline")
    assert run.code == 2
    assert "can't write the baseline: No space left on device" in run.err
    assert (folder / BASELINE).read_bytes() == before
    assert sorted(os.listdir(folder)) == [BASELINE, "net.py"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--write-baseline"], "--write-baseline needs --baseline FILE"),
        (["--write-baseline", f"--baseline={BASELINE}", "--diff"],
         "--write-baseline does not go together with --diff"),
        (["--write-baseline", f"--baseline={BASELINE}", "--changed-only"],
         "--write-baseline does not go together with --changed-only"),
        (["--write-baseline", f"--baseline={BASELINE}", "--add-noqa"],
         "--write-baseline does not go together with --add-noqa"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    run = Run(capsys, *options)
    assert (run.code, run.err) == (2, f"jaxport: {message}\n")
    assert not (folder / BASELINE).exists()
