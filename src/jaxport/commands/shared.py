"""What the commands that check files share: which rules, which files, how many processes."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from jaxport import check, config
from jaxport.config import Config
from jaxport.formats.terminal import one_line

T = TypeVar("T")
_CHUNK = 16


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
    """What `work` gives for each path, in order, in several processes if there are many."""
    count = jobs if jobs > 0 else os.cpu_count() or 1
    if count == 1 or len(paths) <= _CHUNK:
        with check.uncollected():
            yield from map(work, paths)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(count, initializer=gc.disable) as pool:
        yield from pool.map(work, paths, chunksize=_CHUNK)
