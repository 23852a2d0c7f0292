"""How far a run is, for a person who waits at a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator

from jaxport.results import FileResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 1.0
_PAUSE = 0.1


def shown(results: Iterable[FileResult], total: int) -> Iterator[FileResult]:
    """The results; a bar on standard error counts them once that has taken a second."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("CI"):
        yield from results
        return
    bar, since = None, time.monotonic()
    try:
        for done, result in enumerate(results, 1):
            waited = time.monotonic() - since
            if bar is None and waited > _PATIENCE:
                bar = _bar(total)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=done)
                if _is_printed(result):  # in the bar's own place
                    bar.stop()
                    since = time.monotonic()
                elif not bar.live.is_started and waited > _PAUSE:
                    bar.start()
            yield result
    finally:
        if bar is not None:
            bar.stop()


def _is_printed(result: FileResult) -> bool:
    is_shown = bool(result.findings or result.diff) and sys.stdout.isatty()
    return is_shown or bool(result.notes or result.config_error)


def _bar(total: int) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    bar = Progress(
        "Checking", BarColumn(), MofNCompleteColumn(), "files", TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False,
    )
    bar.add_task("", total=total)
    return bar
