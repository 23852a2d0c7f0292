"""What a person reads: source lines, carets, fixes as diffs, and colours where they belong."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jaxport.cli import main

NET = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
PLAIN = NET + '        self.register_buffer("n", t)\n'
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def full(text: str, folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    path = folder / "model.py"
    path.write_text(text, encoding="utf-8", newline="")
    main(["check", "--output-format", "full", *arguments, str(path)])
    return capsys.readouterr().out.replace(str(path), "model.py")


@pytest.fixture(autouse=True)
def no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert full(PLAIN, tmp_path, capsys) == """\
model.py:6:9: JXP101 [*] `register_buffer` has no counterpart in Flax NNX: write a `BatchStat`
    6 |         self.register_buffer("n", t)
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  safe fix: Write it as `flax.nnx.BatchStat`
  @@ -1 +1,2 @@
  +import flax.nnx
   from torch import nn
  @@ -5,2 +6,2 @@
       def __init__(self, t):
  -        self.register_buffer("n", t)
  +        setattr(self, "n", flax.nnx.BatchStat(t))

"""


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ("    pass; ", '    6 |     pass; self.register_buffer("n", t)\n      |           ^'),
        ("\t\tpass; ",
         '    6 |         pass; self.register_buffer("n", t)\n      |               ^'),
        ("\t\tx = '\t'; ", "    6 |         x = '    '; self.register_buffer(\"n\", t)\n"
                           "      |                     ^"),
        ("    x = '日本'; ", "    6 |     x = '日本'; self.register_buffer(\"n\", t)\n"
                           "      |                 ^"),
        ("    x = 'e\N{COMBINING ACUTE ACCENT}'; ",
         "    6 |     x = 'e\N{COMBINING ACUTE ACCENT}'; self.register_buffer(\"n\", t)\n"
         "      |              ^"),
        ("    x = '\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}'; ",
         "    6 |     x = '\ufffd[31m\ufffd'; self.register_buffer(\"n\", t)\n"
         "      |                   ^"),
    ],
    ids=["plain", "tab", "two tabs", "wide", "combining", "invisible"],
)  # fmt: skip
def test_carets_stand_under_the_code(
    before: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = NET.replace("    ", "\t") if before.startswith("\t") else NET.replace("    ", "  ")
    output = full(text + before + 'self.register_buffer("n", t)\n', tmp_path, capsys)
    assert shown + "^" * 27 + "\n  safe fix" in output


def test_carets_cover_wide_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = full(PLAIN.replace('"n"', '"日本"'), tmp_path, capsys, "--ignore", "ALL",
                  "--extend-select", "JXP101")
    assert f"\n      |         {'^' * (len('self.register_buffer(') + 6 + len(', t)'))}\n" in output


def test_a_call_over_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = NET + '        self.register_buffer(\n            "n",\n            t\n        )\n'
    assert full(text, tmp_path, capsys).startswith(
        "model.py:6:9: JXP101 [*] `register_buffer` has no counterpart in Flax NNX: "
        """write a `BatchStat`
    6 |         self.register_buffer(
      |         ^^^^^^^^^^^^^^^^^^^^^
    7 |             "n",
    8 |             t
    9 |         )
      |         ^
  safe fix"""
    )


def test_a_long_call_is_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PLAIN.replace('"n", t)', '"n",\n' + "            # more\n" * 40 + "            t)")
    assert '''\
    6 |         self.register_buffer("n",
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^
    7 |             # more
  ... |
   47 |             t)
      |             ^^
''' in full(text, tmp_path, capsys)  # fmt: skip


def test_a_fix_of_several_findings_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--output-format=full", "--config", os.devnull, "examples/dqn.py"])
    output = capsys.readouterr().out
    assert output.count("+    optimizer = optax.adamw(") == 1
    assert output.count(" (as above)\n") == 3


def test_an_unsafe_fix_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "from torch import nn\n\nmodel = nn.Linear(2, 2)\nsave(model.state_dict())\n"
    output = full(text, tmp_path, capsys)
    assert "\n  unsafe fix: " in output
    assert "[*]" not in output


@pytest.mark.parametrize("text", ["x = (\n", "x = 1\ny = \0\n"], ids=["syntax", "null"])
def test_a_file_that_does_not_parse(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = full(text, tmp_path, capsys).splitlines()
    assert len(lines) == 2
    assert re.match(r"model\.py:\d+:\d+: JXP001 ", lines[0])


# Colours


def run(folder: Path, format_: str, terminal: bool, **env: str) -> str:
    """The standard output of a run, on a terminal or in a pipe."""
    command = [sys.executable, "-m", "jaxport", "check", "--output-format", format_, "model.py"]
    (folder / "model.py").write_text(PLAIN)
    if not terminal:
        return subprocess.run(
            command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True
        ).stdout
    ours, theirs = pty.openpty()
    subprocess.run(
        command, cwd=folder, env={**os.environ, **env}, stdout=theirs, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux's way to say that a terminal is closed
            part = b""
        if not part:
            os.close(ours)
            return output.decode().replace("\r\n", "\n")
        output += part


@pytest.mark.parametrize("format_", ["concise", "full"])
@pytest.mark.parametrize(
    ("terminal", "env", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours(
    format_: str, terminal: bool, env: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    output = run(tmp_path, format_, terminal, **env)
    assert bool(ESCAPES.search(output)) == coloured
    assert ESCAPES.sub("", output) == run(tmp_path, format_, terminal=False)


@pytest.mark.parametrize(
    "format_", ["json", "json-lines", "github", "gitlab", "junit", "sarif"]
)
def test_documents_have_no_colours(format_: str, tmp_path: Path) -> None:
    output = run(tmp_path, format_, terminal=False, FORCE_COLOR="1")
    assert "JXP101" in output
    assert "\x1b" not in output
