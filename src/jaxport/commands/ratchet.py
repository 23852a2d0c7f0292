"""The options of `check` for code that is full of findings: report only what is new."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from jaxport import config
from jaxport.config import Config, ConfigError
from jaxport.formats.terminal import many

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.baseline import Baseline
    from jaxport.changes import Changes
    from jaxport.results import FileResult

# What can't be done in one run; `-` is the standard input.
_APART = {
    "--write-baseline": ("--diff", "--changed-only", "--add-noqa"),
    "--add-noqa": ("--fix", "--unsafe-fixes", "--diff", "-"),
    "--changed-only": ("-",),
}


def add(command: argparse.ArgumentParser) -> None:
    """The arguments."""
    command.add_argument("--baseline", type=Path, metavar="FILE", help="leave out what FILE lists")
    command.add_argument(
        "--write-baseline", action="store_true", help="write what is found into the baseline"
    )
    command.add_argument(
        "--changed-only",
        nargs="?",
        const="",
        metavar="BASE",
        help="only findings on lines that changed since HEAD left BASE, committed or not. "
        "Written --changed-only=BASE; else BASE is origin/HEAD, main or master. "
        "With --fix, changed files are rewritten as a whole",
    )
    command.add_argument(
        "--add-noqa", action="store_true", help="suppress what is found with `# noqa` comments"
    )


class Ratchet:
    """What one run leaves out. Raises ConfigError where the options don't fit together."""

    def __init__(self, arguments: argparse.Namespace, fixed: Config | None) -> None:
        for option, others in _APART.items():
            for other in others:
                if _given(arguments, option) and _given(arguments, other):
                    raise ConfigError(f"{option} does not go together with {other}")
        self._arguments = arguments
        self._baseline = _baseline(arguments, fixed)
        self._changes: Changes | None = None
        self._suppressed = 0
        self.needs_places = bool(self._baseline or arguments.changed_only is not None)

    def among(self, files: list[Path], paths: list[Path]) -> list[Path]:
        """The files to check, of those found at the paths."""
        if self._arguments.changed_only is None:
            return files
        from jaxport.changes import Changes

        self._changes = Changes(paths, self._arguments.changed_only)
        return self._changes.among(files)

    def new(self, results: Iterable[FileResult]) -> Iterable[FileResult]:
        """The results with what is to be reported."""
        if self._baseline and self._arguments.write_baseline:
            results = self._baseline.renewed(results)
        elif self._baseline:
            results = self._baseline.new(results)
        if self._changes:
            results = map(self._changes.only, results)
        if self._arguments.add_noqa:
            results = map(self._suppress, results)
        return results

    def _suppress(self, result: FileResult) -> FileResult:
        from jaxport.noqa import add_noqa

        left = add_noqa(result)
        self._suppressed += len(result.findings) - len(left.findings)
        return left

    def finished(self, results: Iterable[FileResult]) -> Iterator[FileResult]:
        """The results; behind the last one the baseline is written, and what was done is said."""
        yield from results
        self._finish()

    def _finish(self) -> None:
        if self._arguments.add_noqa:
            print(f"Suppressed {many(self._suppressed, 'finding')}.", file=sys.stderr)
        if self._baseline is None:
            return
        file = self._baseline.file
        if self._arguments.write_baseline:
            print(f"Wrote {many(self._baseline.write(), 'finding')} to {file}.", file=sys.stderr)
        elif gone := self._baseline.gone():
            print(
                f"{many(gone, 'finding')} in {file} {'is' if gone == 1 else 'are'} gone: "
                "--write-baseline shrinks it.",
                file=sys.stderr,
            )


def _given(arguments: argparse.Namespace, option: str) -> bool:
    if option == "-":
        return bool(arguments.paths == [Path("-")])
    return getattr(arguments, option[2:].replace("-", "_")) not in (None, False)


def _baseline(arguments: argparse.Namespace, fixed: Config | None) -> Baseline | None:
    """The baseline that is given, else the one that the configurations of the paths name."""
    file = arguments.baseline or _configured(arguments, fixed)
    if file is not None:
        from jaxport.baseline import Baseline

        return Baseline(file, arguments.write_baseline)
    if arguments.write_baseline:
        raise ConfigError("--write-baseline needs --baseline FILE")
    return None


def _configured(arguments: argparse.Namespace, fixed: Config | None) -> Path | None:
    paths = arguments.paths
    if _given(arguments, "-"):
        paths = [arguments.stdin_filename or Path("stdin.py")]
    folders = {path.absolute() if path.is_dir() else path.absolute().parent for path in paths}
    settings = [fixed] if fixed else [config.find(folder) for folder in folders]
    files = sorted({item.root / item.baseline for item in settings if item.baseline})
    if len(files) > 1:
        names = ", ".join(map(str, files))
        raise ConfigError(f"one run has one baseline, choose with --baseline: {names}")
    return files[0] if files else None
