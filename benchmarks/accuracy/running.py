"""Run the programs under the recorder, each in processes of its own, and keep what they record."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
# How many families one process runs, and how long it may take.
_TOGETHER = 12
_SECONDS = 1800
_JUDGED = re.compile(r"^# judged: (.+)$", re.MULTILINE)
# For the programs that run model families. Training programs say so themselves.
_PACKAGES = {
    "timm_models": ("timm",),
    "timm_library": ("timm",),
    "torchvision_models": ("torchvision",),
    "smp_models": ("segmentation_models_pytorch", "timm"),
    "transformers_models": ("transformers", "timm"),
    "vit_pytorch_models": ("vit_pytorch",),
}


@dataclass(frozen=True)
class Program:
    """A program, and the packages whose lines count in it."""

    path: Path
    judged: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def has_models(self) -> bool:
        """Whether its families are families of models, and not other parts of a library."""
        return self.name.endswith("_models")

    @property
    def is_training(self) -> bool:
        return self.path.parent.name == "training"


@dataclass
class Recorded:
    """What the runs of a program recorded, and how its families went: an error, or empty."""

    program: Program
    families: dict[str, str] = field(default_factory=dict)
    error: str = ""
    calls: list[tuple[str, str, int, int, int, int]] = field(default_factory=list)
    ran: list[tuple[str, int, int, int, int]] = field(default_factory=list)


def programs() -> list[Program]:
    """The programs in `programs` and `training`."""
    found = [
        Program(HERE / "programs" / f"{name}.py", judged) for name, judged in _PACKAGES.items()
    ]
    for path in sorted((HERE / "training").glob("*.py")):
        judged = _JUDGED.search(path.read_text(encoding="utf-8"))
        if judged:
            names = tuple(name.strip() for name in judged[1].split(","))
            found.append(Program(path, names))
    return found


def record(
    python: Path, chosen: Sequence[Program], folder: Path, jobs: int
) -> Iterator[tuple[str, float]]:
    """Run what is not recorded in `folder` yet; says what is done, and which part that is."""
    tasks = [task for program in chosen for task in _tasks(python, program, folder)]
    current = {task.out.stem for task in tasks}
    for program in chosen:
        for path in (folder / program.name).glob("*.json"):
            if path.stem.split("-")[0] not in current:
                path.unlink()  # of an older text of the program
    with ThreadPoolExecutor(jobs) as pool:
        for number, name in enumerate(pool.map(lambda task: task.run(python), tasks), 1):
            yield name, number / len(tasks)


def recorded(program: Program, folder: Path) -> Recorded:
    """What there is of the program in `folder`."""
    found = Recorded(program)
    for path in sorted((folder / program.name).glob("*.json")):
        whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found.families.update(whole["families"])
        found.error = found.error or whole["error"]
        for file, kinds in whole["calls"].items():
            found.calls += [(file, kind, *at) for kind, places in kinds.items() for at in places]
        found.ran += [(file, *at) for file, places in whole["ran"].items() for at in places]
    return found


@dataclass(frozen=True)
class _Task:
    program: Program
    arguments: tuple[str, ...]
    folder: Path
    part_of: str = ""

    @property
    def out(self) -> Path:
        text = "\0".join([self.program.path.read_text(encoding="utf-8"), *self.arguments])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.folder / f"{self.part_of}{digest}.json"

    def run(self, python: Path) -> str:
        """Record in `out`. A process that crashes is run again in halves, to lose one family."""
        name = f"{self.program.name} {' '.join(self.arguments[:1])}".strip()
        if self.out.is_file():
            return name
        self.folder.mkdir(parents=True, exist_ok=True)
        module = "benchmarks.accuracy.record"
        judged = ",".join(self.program.judged)
        command = [
            str(python), "-m", module, str(self.out), "--judged", judged, str(self.program.path),
            *self.arguments,
        ]  # fmt: skip
        log = self.out.with_suffix(".log")
        with log.open("w") as stream:
            try:
                done = subprocess.run(
                    command, stdout=stream, stderr=stream, timeout=_SECONDS, env=_environment(),
                    cwd=REPOSITORY,
                )  # fmt: skip
                why = f"the process ended with {done.returncode}"
            except subprocess.TimeoutExpired:
                why = f"not done in {_SECONDS} s"
        if not self.out.is_file():
            self._crashed(python, why)
        return name

    def _crashed(self, python: Path, why: str) -> None:
        half = len(self.arguments) // 2
        if half:
            for part in (self.arguments[:half], self.arguments[half:]):
                _Task(self.program, part, self.folder, f"{self.out.stem}-").run(python)
            whole = {"error": "", "families": {}, "calls": {}, "ran": {}}
        else:
            failed = dict.fromkeys(self.arguments, why)
            whole = {"error": "" if failed else why, "families": failed, "calls": {}, "ran": {}}
        self.out.write_text(json.dumps(whole), encoding="utf-8")


def _tasks(python: Path, program: Program, folder: Path) -> Iterator[_Task]:
    inside = folder / program.name
    if program.is_training:
        yield _Task(program, (), inside)
        return
    command = [
        str(python), "-c",
        "from benchmarks.accuracy import missing_ops; import runpy, sys; "
        "missing_ops.define_missing_ops(); sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')",
        str(program.path), "--list",
    ]  # fmt: skip
    listed = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=_environment()
    )
    names = listed.stdout.splitlines()
    for start in range(0, len(names), _TOGETHER):
        yield _Task(program, tuple(names[start : start + _TOGETHER]), inside)


def _environment() -> dict[str, str]:
    """Without network and accelerators, on one thread: several programs run side by side."""
    return {
        **os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore", "WANDB_MODE": "disabled",
    }  # fmt: skip
