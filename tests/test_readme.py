"""What the README shows is what jaxport does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from jaxport import check, port
from jaxport import source as sources
from jaxport.config import Config
from jaxport.rules import all_rules

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_before_becomes_after() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 6
    for before, after in zip(blocks[::2], blocks[1::2], strict=True):
        if "nnx.Module" in after:
            file = sources.parse(Path("x.py"), before.encode())
            assert port.port_source(file, Config()).text == after
        else:
            fixed = check.check_bytes(Path("x.py"), before.encode(), Config(), fix=True)
            assert fixed.text == after


def test_the_example_diff_shows_each_family_of_rewrites() -> None:
    command = [sys.executable, "-m", "jaxport", "check", "--diff", "--exit-zero"]
    shown = subprocess.run(
        [*command, "examples/dqn.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for written in ("nnx.BatchStat", "nnx.Param(", "nnx.update", "optax.adamw", "apply_updates",
                    "use_running_average=not training"):
        assert f"{written}" in shown
    assert "-        self.register_buffer(\"visits\"" not in shown


def test_the_table_names_every_rule_that_rewrites() -> None:
    for rule in all_rules():
        if any(example.nnx for example in rule.examples):
            assert f"| {rule.code} |" in README


def test_the_table_of_the_action_is_what_action_yml_says() -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    section = README.partition("## GitHub Action")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (?:`(.*?)`)? ?\|", section, re.MULTILINE))
    assert rows == {name: entry["default"] for name, entry in inputs.items()}
