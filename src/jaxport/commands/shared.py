"""What the commands that check files share: which rules, which files, how many processes."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from jaxport import check, config
from jaxport.config import Config, ConfigError
from jaxport.formats.terminal import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")

_CHUNK_BYTES = 200_000
_CHUNK_FILES = 64


def add_options(run_: argparse.ArgumentParser, default: str = "") -> None:
    """The options; `default` says what `--select` is where it is not given."""
    selected = f"rules to turn on: prefixes, or ALL{default}"
    run_.add_argument("--select", metavar="CODES", help=selected)
    run_.add_argument("--ignore", metavar="CODES", help="rules to turn off")
    run_.add_argument("--extend-select", metavar="CODES", help="rules to turn on as well")
    run_.add_argument("-j", "--jobs", type=int, default=0, metavar="N", help="processes; 0: cores")
    run_.add_argument("--config", type=Path, metavar="FILE", help="a pyproject.toml to use for all")


def overridden(settings: Config, arguments: argparse.Namespace) -> Config:
    """The settings with the codes that the command line gives."""
    for name in config.CODE_LISTS:
        given = getattr(arguments, name.replace("-", "_"))
        if given is not None:
            codes = config.check_codes(given.split(","), f"--{name}")
            settings = config.with_codes(settings, name, codes)
    return settings


def files(paths: list[Path], fixed: Config | None) -> tuple[list[Path], bool]:
    """The files of `paths`, each once, and whether one of `paths` is missing, which is said."""
    present = [path for path in paths if os.path.lexists(path)]
    for path in paths:
        if path not in present:
            print(f"jaxport: {one_line(str(path))}: no such file or folder", file=sys.stderr)
    return list(dict.fromkeys(check.collect(present, fixed))), len(present) < len(paths)


def each(work: Callable[[Path], T], paths: list[Path], jobs: int) -> Iterator[T]:
    """What `work` gives for each path, in order, in several processes if there is much to do.

    Raises:
        ConfigError: the system has ended one of the processes.
    """
    chunks = list(_chunks(paths))
    count = min(jobs if jobs > 0 else _cores(), len(chunks))
    if count <= 1:
        with check.uncollected():
            yield from map(work, paths)
            gc.freeze()  # What is kept is not searched either when the collector is back.
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children

    pool = ProcessPoolExecutor(count, initializer=_begin, initargs=(work,))
    try:
        for results in pool.map(_work, chunks):
            yield from results
    except BrokenProcessPool:
        raise ConfigError(
            "one of the processes was killed, so not all files were checked; fewer --jobs need "
            "less memory"
        ) from None
    except BaseException:  # interrupted, or nobody reads on
        for child in active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """How many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chunks(paths: list[Path]) -> Iterator[list[Path]]:
    """The paths in parts that take about the same time, neighbours together."""
    chunk: list[Path] = []
    size = 0
    for path in paths:
        chunk.append(path)
        with contextlib.suppress(OSError):
            size += path.stat().st_size
        if size >= _CHUNK_BYTES or len(chunk) >= _CHUNK_FILES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


_works: list[Callable[[Path], object]] = []


def _begin(work: Callable[[Path], object]) -> None:
    """Prepare a process: it ends when the one that started it says so, or ends itself."""
    import threading

    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _works[:] = [work]


def _end_with_parent() -> None:
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _work(paths: list[Path]) -> list[Any]:
    try:
        return [_works[0](path) for path in paths]
    except SystemExit:  # what was begun is cleaned up; the pool would go on
        os._exit(1)
