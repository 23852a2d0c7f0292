"""`jaxport port`: whole files, written only where the result is clean."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jaxport import check, config
from jaxport.commands import shared
from jaxport.config import Config
from jaxport.formats.concise import line

if TYPE_CHECKING:
    from jaxport.port import Ported


def add(run_: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    run_.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    run_.add_argument("--partial", action="store_true", help="write what could be ported as well")
    run_.add_argument("--diff", action="store_true", help="show the port, write nothing")
    run_.add_argument("--config", type=Path, metavar="FILE", help="a pyproject.toml to use for all")
    run_.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Port the files together; 0 if all are clean, 1 if some are blocked, 2 for errors."""
    from jaxport.port import port_paths  # brings libcst
    from jaxport.writing import diff, write

    fixed = config.load(arguments.config) if arguments.config else None
    files, failed = shared.files(arguments.paths, fixed)
    for path in filter(check.is_notebook, arguments.paths):
        print(f"jaxport: {path}: port takes no notebooks, only check does", file=sys.stderr)
        failed = True
    files = [path for path in files if not check.is_notebook(path)]

    def settings(path: Path) -> Config:
        return fixed or config.find(path.absolute().parent)

    written = 0
    results = port_paths(files, settings)
    for result in results:
        if arguments.diff:
            if result.text is not None and (result.is_clean or arguments.partial):
                assert result.source is not None
                sys.stdout.write(diff(result.path, result.source, result.text))
        elif result.text is not None and (result.is_clean or arguments.partial):
            assert result.source is not None
            problem = write(result.path, result.source, result.text)
            if problem:
                print(f"jaxport: {result.path}: can't write the file: {problem}", file=sys.stderr)
                failed = True
            else:
                written += 1
        for finding in result.blockers:
            print(line(result.path, finding))
    print(_summary(results, written, arguments.diff), file=sys.stderr)
    if failed:
        return 2
    return int(any(not result.is_clean for result in results))


def _summary(results: list[Ported], written: int, shown: bool) -> str:
    blocked = sum(1 for result in results if not result.is_clean)
    clean = len(results) - blocked
    done = "Would write" if shown else "Wrote"
    count = sum(1 for item in results if item.text is not None and item.is_clean) if shown else (
        written)
    return (
        f"{clean} of {len(results)} file{'s' * (len(results) != 1)} "
        f"{'is' if clean == 1 else 'are'} clean. {done} {count}."
        + (f" {blocked} blocked." if blocked else "")
    )
