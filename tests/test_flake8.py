"""flake8 reports what `jaxport check` reports: the same places, codes and messages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

Found = list[tuple[str, int, int, str, str]]

HEAD = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
TAIL = "\n    def more(self, t):\n        self.register_buffer('last', t)\n"
MODEL = "import torch\n\nmodel = torch.nn.Linear(2, 1)\n"
LONG = (
    "        self.register_buffer({}\n            'n',{}\n            t,{}\n            "
    "persistent=False,{}\n        ){}\n"
)


def body(line: str) -> str:
    return f"{HEAD}        {line}\n{TAIL}"


def commented(comment: str) -> str:
    return body(f"self.register_buffer('n', t)  {comment}")


def multiline(row: int, comment: str) -> str:
    return HEAD + LONG.format(*(f"  {comment}" if at == row else "" for at in range(5))) + TAIL


TEXTS = {
    "nothing": "",
    "no torch": "x = 1\n",
    "a buffer": body("self.register_buffer('n', t)"),
    "a parameter": body("self.register_parameter('n', t)"),
    "non-ASCII in front of the call": body("x = 'größe ✓ 你好'; self.register_buffer('n', t)"),
    "an emoji in front of the call": body("x = '🔥🔥'; self.register_buffer('n', t)"),
    "a combining accent in front": body("x = 'e\u0301'; self.register_buffer('n', t)"),
    "non-ASCII names": MODEL + "größe = model.state_dict(); 名 = model.state_dict()\n",
    "tabs": body("self.register_buffer('n', t)").replace("    ", "\t"),
    "form feed": body("self.register_buffer('n', t)").replace("class", "\x0cclass"),
    "form feed and separators in strings": body(
        "x = '\x0c\u2028\x1c\x85'; self.register_buffer('n', t)"
    ),
    "several on a line": body("self.register_buffer('a', t); self.register_buffer('b', t)"),
    "a statement over several lines": multiline(9, ""),
    "a call in a backslashed line": body("x = 1; \\\n            self.register_buffer('n', t)"),
    "a call in brackets": body("[\n            self.register_buffer('n', t),\n        ]"),
    "a call in an f-string": body("print(f'{self.register_buffer(1, t)}')"),
    "nested": MODEL + "model.load_state_dict(\n    {**model.state_dict()}\n)\n",
    "an optimizer": MODEL + (
        "opt = torch.optim.Adam(model.parameters())\nopt.zero_grad()\nopt.step()\n"
    ),
    "a training loop": MODEL + (
        "opt = torch.optim.SGD(model.parameters(), lr=0.1)\nfor x in range(3):\n"
        "    opt.zero_grad()\n    model(torch.ones(1, 2)).sum().backward()\n    opt.step()\n"
    ),
    "batch norm": MODEL + "bn = torch.nn.BatchNorm2d(3, momentum=None)\n",
    "a comment between": body("self.register_buffer(  # why\n            'n', t)"),
    "no last newline": body("self.register_buffer('n', t)").rstrip("\n"),
    "CRLF": body("self.register_buffer('n', t)").replace("\n", "\r\n"),
    "CR": body("self.register_buffer('n', t)").replace("\n", "\r"),
    "CRLF and noqa": commented("# noqa").replace("\n", "\r\n"),
    "mixed newlines": body("self.register_buffer('n', t)").replace("\n\n", "\r\n\n\r"),
    "BOM": "\ufeff" + body("self.register_buffer('n', t)"),
    "BOM and noqa": "\ufeff" + commented("# noqa"),
    "an indented comment": commented("\n        # noqa"),
    "noqa in a string": body("self.register_buffer('# noqa', t)"),
    "noqa in a docstring": HEAD + '        """# noqa"""\n        self.register_buffer("n", t)\n',
    "noqa behind a multi-line string": HEAD + (
        '        self.register_buffer("""a\n  # noqa\nb""", t)\n' + TAIL
    ),
    "noqa for one of two statements": body(
        "self.register_buffer('a', t); x = (1,  # noqa\n            2)"
    ),
    "noqa on the line before": body("# noqa\n        self.register_buffer('n', t)"),
    "noqa on the line behind": body("self.register_buffer('n', t)\n        # noqa"),
    "noqa on the head of the block": HEAD.replace("t):\n", "t):  # noqa\n        0\n") + TAIL,
    "noqa behind a backslash": body(
        "x = 1; \\\n            self.register_buffer('n', t)  # noqa: JXP101"
    ),
    "noqa in the decorator": HEAD.replace("class", "@f  # noqa\nclass") + "        0\n" + TAIL,
    "the file": "# flake8: noqa\n" + body("self.register_buffer('n', t)"),
    "the file, below": body("self.register_buffer('n', t)") + "# flake8: noqa\n",
    "the file, indented": body("self.register_buffer('n', t)\n        # flake8: noqa"),
    "the file, with =": "# flake8=noqa\n" + body("self.register_buffer('n', t)"),
    "the file, capitals": "# FLAKE8: NOQA\n" + body("self.register_buffer('n', t)"),
    "the file, no space": "#flake8: noqa\n" + body("self.register_buffer('n', t)"),
    "the file, two spaces": "#  flake8: noqa\n" + body("self.register_buffer('n', t)"),
    "the file, with a code": "# flake8: noqa: E501\n" + body("self.register_buffer('n', t)"),
    "the file, with our code": "# flake8: noqa: JXP101\n" + body("self.register_buffer('n', t)"),
    "the file, with words": "# flake8: noqa generated\n" + body("self.register_buffer('n', t)"),
    "the file, behind code": body("self.register_buffer('n', t)  # flake8: noqa"),
    "the file, in a docstring": '"""\n# flake8: noqa\n"""\n' + body("self.register_buffer('n', t)"),
    "skip-file": "# jaxport: skip-file\n" + body("self.register_buffer('n', t)"),
    "skip-file below": body("self.register_buffer('n', t)") + "# jaxport: skip-file\n",
    "skip-file behind code": body("self.register_buffer('n', t)  # jaxport: skip-file"),
    "skip-file in a string": body("x = '# jaxport: skip-file'; self.register_buffer('n', t)"),
}  # fmt: skip
COMMENTS = [
    "# noqa", "#noqa", "#  noqa", "# NOQA", "# NoQa", "# noqa: JXP101", "# noqa:JXP101",
    "# noqa:  JXP101", "# noqa: JXP1", "# noqa:JXP1", "# noqa: JXP", "# noqa:JXP", "# noqa: J",
    "# noqa: JXP102", "# noqa: E501", "# noqa: E501,JXP101", "# noqa: E501, JXP1",
    "# noqa: E501 JXP101", "# noqa: E501 , JXP101", "# noqa: JXP101 because", "# noqa: E501 because"
    " JXP101", "# noqa: because", "# noqa: because JXP102", "# noqa : X", "# noqa : JXP102",
    "# noqa:", "# noqa :", "# noqa: jxp101", "# noqa: Jxp1", "# noqa: e501", "# noqa; JXP102",
    "# noqa-JXP102", "# noqa JXP102", "# noqa:JXP102JXP101", "# noqa: JXP101E501",
    "# noqa: E501,,JXP101", "# noqa:\tJXP101", "# type: ignore # noqa: JXP101", "# x # noqa",
    "# noqa: E501 # noqa: JXP101", "# nothing # noqa:E1 # noqa", "# noqa: JXP1011", "# noqauthor",
    "# pylint: disable=x", "# ruff: noqa", "# ruff: noqa: JXP101", "# flake8: noqa: JXP101",
]  # fmt: skip
TEXTS.update((f"comment {comment!r}", commented(comment)) for comment in COMMENTS)
TEXTS.update(
    (f"comment {comment!r} in line {row} of 5", multiline(row, comment))
    for comment in ("# noqa", "# noqa: JXP101", "# noqa: JXP102")
    for row in range(5)
)
PYPROJECTS = {
    "none": "",
    "of another tool": "[tool.other]\nselect = ['JXP1']\n",
    "select": "[tool.jaxport]\nselect = ['JXP101', 'JXP2']\n",
    "ignore": "[tool.jaxport]\nignore = ['JXP101']\n",
    "extend-select": "[tool.jaxport]\nextend-select = ['JXP004', 'JXP005']\n",
    "everything": "[tool.jaxport]\nselect = ['ALL']\n",
    "everything but": "[tool.jaxport]\nselect = ['ALL']\nignore = ['JXP0', 'JXP102']\n",
    "per-file-ignores": (
        "[tool.jaxport.per-file-ignores]\n'file1*.py' = ['JXP1']\n'sub' = ['JXP2', 'JXP101']\n"
        "'file*.py' = ['JXP203']\n"
    ),
    "dialect": "[tool.jaxport]\ndialect = 'switcheroo'\n",
}
_LINE = re.compile(r"(?P<file>.*?):(?P<row>\d+):(?P<column>\d+): (?P<code>\w+) (?P<message>.*)")


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, encoding="utf-8"
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def flake8(folder: Path, *arguments: str) -> Found:
    output = run(folder, "flake8", *(arguments or ("--isolated", "--select", "JXP", ".")))
    found = [_LINE.fullmatch(line) for line in output.splitlines()]
    return sorted(
        (Path(item["file"]).as_posix(), int(item["row"]), int(item["column"]), item["code"],
         item["message"])
        for item in found
        if item is not None
    )  # fmt: skip


def jaxport(folder: Path) -> Found:
    output = run(folder, "jaxport", "check", "--output-format", "json", ".")
    return sorted(
        (
            Path(item["filename"]).relative_to(folder).as_posix(),
            item["location"]["row"],
            item["location"]["column"],
            item["code"],
            item["message"],
        )
        for item in json.loads(output)
    )


def of(found: Found, file: str) -> Found:
    return [item for item in found if item[0] == file]


@pytest.fixture(scope="module")
def all_texts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, Found]:
    folder = tmp_path_factory.mktemp("flake8").resolve()
    for index, text in enumerate(TEXTS.values()):
        (folder / f"file{index}.py").write_bytes(text.encode())
    return flake8(folder), jaxport(folder)


@pytest.mark.parametrize("name", TEXTS)
def test_flake8_and_jaxport_report_the_same(all_texts: tuple[Found, Found], name: str) -> None:
    file = f"file{list(TEXTS).index(name)}.py"
    assert of(all_texts[1], file) == of(all_texts[0], file)


def as_pyflakes(comment: str) -> str:
    """The comment with pyflakes' code for unused variables in place of JXP101."""

    def other(match: re.Match[str]) -> str:
        letter = "F" if match[1].isupper() else "f"
        return letter + re.sub("^10?", lambda at: "84"[: len(at[0])], match[2])

    return re.sub("([Jj][XxPp]*)([0-9]*)", other, comment)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """The files in which flake8 reports F841, and those in which jaxport reports JXP101."""
    ours, theirs = (tmp_path_factory.mktemp(name).resolve() for name in ("ours", "theirs"))
    for index, comment in enumerate(COMMENTS):
        text = body(f"self.register_buffer('n', t)  {comment}").removesuffix(TAIL)
        (ours / f"file{index}.py").write_text(text, encoding="utf-8")
        text = f"def f():\n    x = 1  {as_pyflakes(comment)}\n"
        (theirs / f"file{index}.py").write_text(text, encoding="utf-8")
    by_flake8 = flake8(theirs, "--isolated", "--select", "F841", ".")
    return {file for file, *_ in by_flake8}, {file for file, *_ in jaxport(ours)}


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_noqa_comment_suppresses_what_it_would_suppress_of_flake8s_own(
    reported: tuple[set[str], set[str]], comment: str
) -> None:
    file = f"file{COMMENTS.index(comment)}.py"
    assert (file in reported[1]) == (file in reported[0])


def test_disable_noqa_shows_everything(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(commented("# noqa"), encoding="utf-8")
    (tmp_path / "two.py").write_text(TEXTS["the file"], encoding="utf-8")
    found = flake8(tmp_path, "--isolated", "--select", "JXP", "--disable-noqa", ".")
    assert [item[0] for item in found] == ["one.py", "one.py", "two.py", "two.py"]


def test_the_texts_are_worth_comparing(all_texts: tuple[Found, Found]) -> None:
    codes = {code for *_, code, _ in all_texts[0]}
    assert codes >= {"JXP101", "JXP102", "JXP103", "JXP104", "JXP201", "JXP202", "JXP203"}
    assert len({file for file, *_ in all_texts[0]}) > 50
    assert of(all_texts[0], f"file{list(TEXTS).index('the file')}.py") == []


@pytest.mark.parametrize("name", PYPROJECTS)
def test_both_follow_pyproject(tmp_path: Path, name: str) -> None:
    folder = tmp_path.resolve()
    if PYPROJECTS[name]:
        (folder / "pyproject.toml").write_text(PYPROJECTS[name], encoding="utf-8")
    (folder / "sub").mkdir()
    wanted = ("a buffer", "a parameter", "a training loop", "nested", "batch norm", "skip-file")
    for index, key in enumerate(wanted):
        (folder / f"file{index}.py").write_text(TEXTS[key], encoding="utf-8")
        (folder / "sub" / f"other{index}.py").write_text(TEXTS[key], encoding="utf-8")
    from_flake8 = flake8(folder)
    assert jaxport(folder) == from_flake8
    assert from_flake8


def test_the_nearest_pyproject_counts_for_both(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    (folder / "sub").mkdir()
    (folder / "pyproject.toml").write_text("[tool.jaxport]\nselect = ['JXP1']\n", encoding="utf-8")
    (folder / "sub" / "pyproject.toml").write_text(
        "[tool.jaxport]\nselect = ['JXP2']\n", encoding="utf-8"
    )
    for place in (folder, folder / "sub"):
        (place / "loop.py").write_text(TEXTS["a training loop"] + "model.state_dict()\n", "utf-8")
    from_flake8 = flake8(folder)
    assert jaxport(folder) == from_flake8
    assert {code for file, *_, code, _ in from_flake8 if file == "sub/loop.py"} == {
        "JXP201", "JXP202", "JXP203", "JXP204",
    }  # fmt: skip
    assert {code for file, *_, code, _ in from_flake8 if file == "loop.py"} <= {"JXP103", "JXP105"}


def test_latin_1_files_have_the_same_columns(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    text = "# coding: latin-1\n" + body("x = 'é'; self.register_buffer('n', t)")
    (folder / "latin.py").write_bytes(text.encode("latin-1"))
    from_flake8 = flake8(folder)
    assert jaxport(folder) == from_flake8
    assert len(from_flake8) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--isolated", "--select", "JXP", "--jobs", "1", "."),
        ("--isolated", "--select", "JXP", "--jobs", "2", "."),
        ("--isolated", "--select", "JXP1,JXP2", "."),
        ("--isolated", "--select", "JXP", "one.py", "two.py"),
        ("--isolated", "--extend-ignore", "E,F,W,C90", "."),
    ],
    ids=" ".join,
)
def test_flake8_options_do_not_matter(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    folder = tmp_path.resolve()
    (folder / "one.py").write_text(TEXTS["a buffer"], encoding="utf-8")
    (folder / "two.py").write_text(TEXTS["a training loop"], encoding="utf-8")
    from_flake8 = flake8(folder, *arguments)
    assert jaxport(folder) == from_flake8
    assert len(from_flake8) > 3


def test_other_files_of_the_project_are_seen_by_both(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    (folder / "pkg").mkdir()
    (folder / "pkg" / "__init__.py").write_bytes(b"")
    (folder / "pkg" / "base.py").write_text(
        "from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n", encoding="utf-8"
    )
    (folder / "pkg" / "net.py").write_text(
        "from .base import Base\n\n\nclass Net(Base):\n    def __init__(self, t):\n"
        "        self.register_buffer('n', t)\n",
        encoding="utf-8",
    )
    from_flake8 = flake8(folder)
    assert jaxport(folder) == from_flake8
    assert [item[:4] for item in from_flake8] == [("pkg/net.py", 6, 9, "JXP101")]


def test_stdin_has_the_same_findings(tmp_path: Path) -> None:
    text = TEXTS["non-ASCII in front of the call"]
    outputs = []
    for tool in (["flake8", "--isolated", "--select=JXP", "--stdin-display-name=a.py", "-"],
                 ["jaxport", "check", "--stdin-filename=a.py", "-"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", *tool], cwd=tmp_path, input=text.encode(), capture_output=True
        )
        outputs.append(done.stdout.decode().replace("[*] ", "").splitlines())
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 2


def test_a_wrong_pyproject_is_said_without_a_crash(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.jaxport]\nslect = []\n", encoding="utf-8")
    (tmp_path / "one.py").write_text(TEXTS["a buffer"], encoding="utf-8")
    found = flake8(tmp_path)
    assert len(found) == 1
    assert "tool.jaxport.slect: no such setting" in found[0][4]
