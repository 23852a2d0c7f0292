"""How fast `jaxport check` is, as ratios measured side by side.

    python -m benchmarks.speed [--corpus FOLDER ...] [--download FOLDER] [--torchfix FOLDER]

What is checked: torch's own `nn` and `optim` as installed, the folders of `--corpus`, and with
`--download` timm and transformers from PyPI, unpacked in that folder. The commands of a row take
turns, `--repeats` times, and the least processor time of each counts, so that what else the machine
does matters little. Where files are what is measured, starting Python is taken off. `--torchfix` is
a folder that `pip install --target FOLDER torchfix` has filled: it is timed on torch's `optim`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.port.corpus import Package, download

_PACKAGES = (
    Package("timm", "1.0.31", "timm"), Package("transformers", "5.24.0", "transformers"),
)  # fmt: skip
_EACH = (
    "import ast, pathlib, sys\n"
    "for path in sorted(pathlib.Path(sys.argv[1]).rglob('*.py')):\n"
)
_READ = _EACH + "    path.read_bytes()\n"
_PARSE = _EACH + "    ast.parse(path.read_bytes())\n"
# flake8 runs every plugin that is installed, so those that are not measured are hidden from it.
_FLAKE8 = (
    "import importlib.metadata as metadata, sys\n"
    "hidden, every = sys.argv.pop(1).split(','), metadata.distributions\n"
    "metadata.distributions = lambda **options: (\n"
    "    item for item in every(**options) if item.metadata['Name'].lower() not in hidden)\n"
    "from flake8.main.cli import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)
_PLUGINS = ("jaxport", "torchfix")


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds of the processor and of the clock, and its peak in megabytes."""

    cpu: float
    wall: float
    peak: float


class Bench:
    """Runs commands in turns. `scratch` is an empty folder."""

    def __init__(self, scratch: Path, repeats: int, torchfix: Path | None) -> None:
        self.repeats = repeats
        self.torchfix = torchfix
        self.settings = scratch / "pyproject.toml"
        self.settings.write_text("")
        self.compiled = scratch / "compiled"
        self.answers = scratch / "answers"
        self.nothing = scratch / "nothing"
        self.nothing.mkdir()
        self.clean = scratch / "clean.py"
        self.clean.write_text("x = 1\n")

    def least(self, *commands: Sequence[str]) -> list[Cost]:
        """The least that each of the commands takes."""
        turns = [[self._run(command) for command in commands] for _ in range(self.repeats)]
        return [
            Cost(
                min(cost.cpu for cost in costs), min(cost.wall for cost in costs),
                min(cost.peak for cost in costs),
            )
            for costs in zip(*turns, strict=True)
        ]

    def _run(self, command: Sequence[str]) -> Cost:
        paths = [*sys.path, *([str(self.torchfix)] if self.torchfix else [])]
        # Compiled modules are kept, as they are where a package is installed.
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.compiled), "JAXPORT_CACHE_DIR": str(self.answers),
        }  # fmt: skip
        start = os.times().elapsed
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL,
                stderr=errors,
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in (0, 1):
                errors.seek(0)
                raise RuntimeError(errors.read().decode(errors="replace")[-2000:])
        wall = os.times().elapsed - start
        return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)

    def check(self, path: Path, jobs: int = 1) -> list[str]:
        options = ["--no-cache", "--config", str(self.settings), "-j", str(jobs)]
        return ["-m", "jaxport", "check", *options, str(path)]

    def flake8(self, path: Path, plugin: str = "") -> list[str]:
        hidden = ",".join(name for name in _PLUGINS if name != plugin)
        select = {"jaxport": ",JXP", "torchfix": ",TOR"}.get(plugin, "")
        return ["-c", _FLAKE8, hidden, "--isolated", "-j1", f"--select=E,F,W{select}", str(path)]

    # The rows of the table

    def files(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """What checking the files of a folder costs beside parsing them."""
        parse, read, check, no_parse, no_check = self.least(
            ["-c", _PARSE, str(path)], ["-c", _READ, str(path)], self.check(path),
            ["-c", _PARSE, str(self.nothing)], self.check(self.nothing),
        )  # fmt: skip
        ratio = (check.cpu - no_check.cpu) / (parse.cpu - no_parse.cpu)
        reading = (read.cpu - no_parse.cpu) / (parse.cpu - no_parse.cpu)
        yield f"`check` : `ast.parse`, {_size(path)}", "<= 2.0", f"{ratio:.2f}"
        yield "&nbsp; only reading the files : `ast.parse`", "", f"{reading:.2f}"
        yield "&nbsp; memory at its peak, MB", "< 300", f"{check.peak:.0f}"

    def plugin(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """What flake8 costs with a plugin beside without."""
        names = ["jaxport", *(["torchfix"] if self.torchfix else [])]
        bare, *with_plugin = self.least(
            self.flake8(path), *(self.flake8(path, name) for name in names)
        )
        for name, cost in zip(names, with_plugin, strict=True):
            goal = "<= 1.15" if name == "jaxport" else ""
            text = f"flake8 with {name} : without, {_size(path)}"
            yield text, goal, f"{cost.cpu / bare.cpu:.2f}"

    def again(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """What a run costs that the cache has all answers for."""
        command = [item for item in self.check(path) if item != "--no-cache"]
        first, second = self._run(command), self._run(command)
        yield f"second run : first, {_size(path)}", "", f"{second.cpu / first.cpu:.2f}"

    def torchfix_alone(self, path: Path) -> Iterator[tuple[str, str, str]]:
        fix, check = self.least(["-m", "torchfix", "--select=ALL", str(path)], self.check(path))
        yield f"TorchFix : `check`, {_size(path)}", ">= 60", f"{fix.cpu / check.cpu:.1f}"

    def start(self) -> Iterator[tuple[str, str, str]]:
        """What one small clean file costs, nearly all of it imports."""
        imports, check = self.least(
            ["-c", "import ast, argparse, json"], ["-m", "jaxport", "check", str(self.clean)]
        )
        ratio = check.cpu / imports.cpu
        yield "start-up : imports of ast, argparse, json", "<= 1.6", f"{ratio:.2f}"

    def jobs(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """How much sooner two processes are done, by the clock."""
        one, two = self.least(self.check(path), self.check(path, jobs=2))
        yield f"`-j 1` : `-j 2` by the clock, {_size(path)}", "", f"{one.wall / two.wall:.2f}"


def _size(path: Path) -> str:
    files = sorted(path.rglob("*.py"))
    lines = sum(file.read_bytes().count(b"\n") for file in files)
    return f"{path.name} ({len(files)} files, {lines:,} lines)"


def _folders(arguments: argparse.Namespace) -> list[Path]:
    folders = list(arguments.corpus)
    for package in _PACKAGES if arguments.download else ():
        root = arguments.download / package.distribution
        if not root.exists():
            download(package, root)
        folders.append(package.folder(root))
    return folders


def _versions() -> str:
    names = ("jaxport", "torch", "flake8")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in names]
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"Python {platform.python_version()}, {', '.join(versions)}; {platform.machine()}, "
        f"{os.cpu_count()} cores, load {load}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure how fast jaxport is.")
    parser.add_argument("--corpus", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--download", type=Path, metavar="FOLDER")
    parser.add_argument("--torchfix", type=Path, metavar="FOLDER")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch = importlib.util.find_spec("torch")
    assert torch is not None and torch.origin is not None, "torch is not installed"
    nn, optim = (Path(torch.origin).parent / name for name in ("nn", "optim"))
    folders = _folders(arguments)
    print(_versions(), end="\n\n| what | goal | measured |\n|---|---|---|\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), arguments.repeats, arguments.torchfix)
        rows = [bench.start()]
        rows += [bench.files(folder) for folder in (nn, optim, *folders)]
        rows += [bench.plugin(folder) for folder in (nn, optim)]
        if arguments.torchfix:
            rows.append(bench.torchfix_alone(optim))
        largest = folders[-1] if folders else nn
        rows += [bench.jobs(largest), bench.again(largest)]
        for lines in rows:
            for line in lines:
                print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
