"""Compare what programs did with what jaxport reports of the same files, call by call.

A call expression counts for a rule, by what the rule says that it reports, if it was evaluated and

* JXP101 to JXP105: entered `register_buffer`, `register_parameter`, `state_dict`,
  `load_state_dict` or `parameters` of an `nn.Module`, torch's own or one that overrides it,
  `super().state_dict()` and `nn.Module.state_dict(module)` too. An optimizer's or scheduler's
  `state_dict` does not count: these rules are of modules;
* JXP201: made an instance of a subclass of `torch.optim.Optimizer`, torch's or another, whatever
  the class is called there. `super().__init__()` in a subclass does not count;
* JXP202: entered `step` of such an optimizer, or of torch's `GradScaler`, which steps one. A
  scheduler's does not count: it has a rule of its own;
* JXP203: entered `zero_grad` of such an optimizer or of an `nn.Module`;
* JXP301: called a batch norm object, of a class of `torch.nn` or of a subclass, itself. What
  `forward` of it does is not the call of a layer.

Such a call that jaxport does not report is a miss. A reported call that was evaluated and never
did any of this is a false alarm. Calls that were not evaluated count for nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import jaxport
from benchmarks.accuracy.running import Recorded

RULES = {
    "JXP101": "register_buffer",
    "JXP102": "register_parameter",
    "JXP103": "state_dict",
    "JXP104": "load_state_dict",
    "JXP105": "parameters",
    "JXP201": "constructor",
    "JXP202": "step",
    "JXP203": "zero_grad",
    "JXP301": "batch_norm",
}
# A file, and the row and column (in bytes) where a call expression in it ends.
Place = tuple[str, int, int]
# By rule, the calls that are reported, and where each starts.
Findings = dict[str, dict[Place, tuple[int, int]]]


@dataclass
class Verdict:
    """How one rule did: the calls that were recorded and reported, and those that differ."""

    code: str
    right: set[Place] = field(default_factory=set)
    missed: set[Place] = field(default_factory=set)
    false: set[Place] = field(default_factory=set)
    unrun: int = 0

    @property
    def recall(self) -> float:
        return _share(len(self.right), len(self.missed))

    @property
    def precision(self) -> float:
        return _share(len(self.right), len(self.false))


def _share(good: int, bad: int) -> float:
    return good / (good + bad) if good + bad else 0.0


def copy_alone(packages: Path, names: Iterable[str], folder: Path) -> dict[str, Path]:
    """A copy of each package in an empty folder of its own, so that nothing else is found there.

    What `noqa` comments would suppress is of interest: they are made to say nothing.
    """
    copies = {}
    for name in names:
        copies[name] = folder / name
        if not (folder / name).is_dir():
            partial = folder / f"{name}.part"
            shutil.rmtree(partial, ignore_errors=True)
            for path in (packages / name).rglob("*.py"):
                target = partial / path.relative_to(packages)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(re.sub(rb"(?i)noqa", b"----", path.read_bytes()))
            partial.rename(folder / name)
    return copies


def reported(copy: Path) -> Findings:
    """What jaxport reports in the copy of a package.

    Raises RuntimeError if jaxport fails.
    """
    command = [
        sys.executable, "-m", "jaxport", "check", "--no-cache", "--output-format", "json-lines",
        "--select", ",".join([*RULES, "JXP006"]), ".",
    ]  # fmt: skip
    # The copy's folder is not where a relative PYTHONPATH starts from.
    environment = {**os.environ, "PYTHONPATH": str(Path(jaxport.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=copy, env=environment)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"jaxport check: {done.stderr.strip()}")
    found: Findings = defaultdict(dict)
    for line in done.stdout.splitlines():
        item = json.loads(line)
        if item["code"] not in RULES:
            raise RuntimeError(f"{item['filename']}: {item['message']}")
        path = Path(item["filename"])
        start, (row, column) = (_in_bytes(path, item[k]) for k in ("location", "end_location"))
        found[item["code"]][path.relative_to(copy).as_posix(), row, column] = start
    return found


def judge(
    records: Sequence[Recorded], findings: Findings, packages: Iterable[str]
) -> list[Verdict]:
    """A verdict for each rule, over all programs. Only files of `packages` count."""
    tops = frozenset(packages)
    ran: dict[Place, tuple[int, int]] = {}
    for item in records:
        for file, row, column, end_row, end_column in item.ran:
            if file.split("/")[0] in tops:
                place = (file, end_row, end_column)
                ran[place] = max(ran.get(place, (0, 0)), (row, column))
    called: dict[str, set[Place]] = defaultdict(set)
    for item in records:
        for file, kind, _, _, end_row, end_column in item.calls:
            if file.split("/")[0] in tops:
                called[kind].add((file, end_row, end_column))
    verdicts = []
    for code, kind in RULES.items():
        starts, true = findings.get(code, {}), called[kind]
        claimed = set(starts)
        # What starts before the call is the statement that ends with it: a class, as it is made.
        evaluated = {place for place in claimed if ran.get(place, (0, 0)) >= starts[place]}
        verdicts.append(
            Verdict(
                code, claimed & true, true - claimed, (claimed & evaluated) - true,
                len(claimed - evaluated - true),
            )
        )
    return verdicts


def _in_bytes(path: Path, location: dict[str, int]) -> tuple[int, int]:
    text = source_line(path, location["row"])[: location["column"] - 1]
    return location["row"], len(text.encode())


@lru_cache(maxsize=64)
def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")


def source_line(path: Path, row: int) -> str:
    lines = _lines(path)
    return lines[row - 1] if row <= len(lines) else ""
