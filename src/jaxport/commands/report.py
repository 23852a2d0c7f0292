"""`jaxport report`: how far a migration is."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

from jaxport import check, config
from jaxport.commands import shared
from jaxport.config import Config, ConfigError
from jaxport.records import replace
from jaxport.report.measure import FileNumbers, measure

_FORMATS = ("text", "markdown", "html", "json")
_ABOUT = """\
How far a migration is: for each folder and file the findings by family, what `check --fix` and
`port` would rewrite, and what is left to a person, over the size of the code.

All rules are on, whatever `select` in the configuration says, since the report is about the whole
migration and not about what a team checks for today. What is ignored there stays ignored.

A file is done if it has no findings and imports torch, JAX, Flax or Optax; a file that imports none
of them needs nothing, and is counted apart. Lines of code are those that are neither blank nor a
comment nor part of a docstring. What `port` would rewrite is judged from each file alone.

Exit code: 0, or 2 for errors."""


def add(run_: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    run_.description, run_.formatter_class = _ABOUT, argparse.RawDescriptionHelpFormatter
    run_.add_argument("paths", nargs="*", type=Path, metavar="PATH", default=[Path(".")])
    run_.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    run_.add_argument("--output", type=Path, metavar="FILE", default=Path("-"),
                      help="where the report goes; `-`, the default, is standard output")
    shared.add_options(run_, "; default ALL")
    run_.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the files, add up and show; 0, or 2 for errors."""
    from jaxport.report.tree import report

    fixed = config.load(arguments.config) if arguments.config else None
    settings = shared.overridden(Config(select=("ALL",)), arguments)
    files, failed = shared.files(arguments.paths, fixed)
    work = partial(_work, fixed=fixed, arguments=arguments)
    measured = []
    for result in shared.each(work, files, arguments.jobs):
        if isinstance(result, str):
            raise ConfigError(result)
        measured.append(result)
    view = import_module(f"jaxport.report.{arguments.format}")
    _put(arguments.output, view.render(report(measured, _rules(settings))))
    return 2 if failed else 0


def _work(path: Path, fixed: Config | None, arguments: argparse.Namespace) -> FileNumbers | str:
    try:
        settings = fixed or config.find(path.absolute().parent)
    except ConfigError as error:
        return str(error)
    settings = replace(settings, select=("ALL",), extend_select=())
    return measure(check.check_path(path, shared.overridden(settings, arguments)))


def _rules(settings: Config) -> str:
    chosen = ", ".join((*settings.select, *settings.extend_select))
    text = "All rules" if "ALL" in settings.select else f"The rules {chosen}"
    return text + (f" without {', '.join(settings.ignore)}" if settings.ignore else "")


def _put(output: Path, text: str) -> None:
    if output == Path("-"):
        sys.stdout.write(text)
        return
    from jaxport.writing import put

    problem = put(output, text.encode("utf-8", "backslashreplace"))
    if problem:
        raise ConfigError(f"{output}: can't write the file: {problem}")
