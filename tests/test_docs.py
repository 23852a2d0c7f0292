"""What README and docs show: their pages are what the rules say, and their commands run."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jaxport import port
from jaxport.config import Config

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NET = """import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))
"""
# What needs the network or this project's own checkout, and is run by CI or another test.
ELSEWHERE = ("pip install", "-m pytest", "ruff", "mypy", "bash .ci/run", "benchmarks", "docs/write")


def commands() -> list[tuple[str, str]]:
    """Each block of shell commands in the docs, with the name of its file."""
    return [
        (path.name, block)
        for path in DOCS
        for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        if not any(item in block for item in ELSEWHERE)
    ]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as the docs talk of one: a model, its port, and a script that trains."""
    root = tmp_path_factory.mktemp("project")
    (root / "src").mkdir()
    for path in (root / "original.py", root / "src" / "model.py"):
        path.write_text(NET)
    ported = port.port_path(root / "original.py", Config())
    assert ported.is_clean and ported.text is not None
    (root / "model.py").write_text(ported.text)
    shutil.copy(ROOT / "examples" / "dqn.py", root / "src" / "dqn.py")
    shutil.copy(ROOT / "examples" / "gpt" / "after.py", root / "train.py")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "begin")):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *command], cwd=root, check=True)
    return root


@pytest.mark.parametrize(("name", "block"), commands())
def test_each_command_of_the_docs_runs(
    name: str, block: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    shutil.copytree(template, project)
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("jaxport", "flake8"):
        (folder / tool).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {tool} "$@"\n')
        (folder / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    for line in block.splitlines():
        done = subprocess.run(["bash", "-c", line], cwd=project, capture_output=True, text=True)
        assert done.returncode in (0, 1), f"{line}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        for file in re.findall(r"(?:-o|--output|--baseline) (\S+)", line):
            assert (project / file).is_file(), line


def test_the_docs_name_every_command() -> None:
    text = "\n".join(block for _, block in commands())
    for command in ("check", "port", "report", "weights", "verify", "rule"):
        assert f"jaxport {command}" in text


def test_the_pages_of_the_rules_are_what_the_rules_say() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "write_rules.py"))["pages"]()
    folder = ROOT / "docs" / "rules"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == written


def test_every_link_of_the_docs_leads_somewhere() -> None:
    for path in [*DOCS, *(ROOT / "docs" / "rules").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
