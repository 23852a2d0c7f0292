"""`jaxport check`: findings, and the rewrites of `--fix`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from jaxport import cache, check, config
from jaxport.commands import progress, ratchet, shared
from jaxport.config import Config, ConfigError
from jaxport.formats import FORMATS
from jaxport.formats.options import LEVELS, Options
from jaxport.formats.terminal import has_colour, many, one_line
from jaxport.records import record, replace
from jaxport.results import FileResult, shown
from jaxport.rules import DIALECTS
from jaxport.semantics import exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.cache import Cache
    from jaxport.check import Checked
    from jaxport.formats import Render

_STDIN = Path("-")


def add(run_: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    run_.add_argument("paths", nargs="*", type=Path, metavar="PATH", default=[Path(".")])
    run_.add_argument("--fix", action="store_true", help="apply the safe rewrites")
    run_.add_argument("--unsafe-fixes", action="store_true", help="apply the others too")
    run_.add_argument("--diff", action="store_true", help="show the rewrites, write nothing")
    run_.add_argument("--show-fixes", action="store_true", help="list what was rewritten")
    run_.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever is found")
    run_.add_argument(
        "--exit-non-zero-on-fix", action="store_true", help="1 if a file was changed"
    )
    shared.add_options(run_)
    run_.add_argument("--output-format", choices=FORMATS, default="concise")
    run_.add_argument(
        "--annotations", choices=LEVELS, default="error", help="what `github` calls a finding"
    )
    run_.add_argument("--statistics", action="store_true", help="count the findings of each rule")
    run_.add_argument("--stdin-filename", type=Path, metavar="NAME", help="name of what `-` reads")
    run_.add_argument("--dialect", choices=DIALECTS, help="forms for Flax NNX, or the spec's")
    run_.add_argument("--no-cache", action="store_true", help="neither use nor keep answers")
    ratchet.add(run_)
    run_.set_defaults(run=run, places=False)


def run(arguments: argparse.Namespace) -> int:
    """Check, show and, if asked, rewrite; the exit code."""
    render = _render(arguments)
    totals = Totals()
    _show(results(arguments, totals), render, arguments)
    return _finish(totals, arguments)


def results(arguments: argparse.Namespace, totals: Totals) -> Iterable[FileResult]:
    """What is to be reported, file by file, while `totals` counts it. Raises ConfigError."""
    fixed = config.load(arguments.config) if arguments.config else None
    _overridden(Config(), arguments)  # a wrong code is an error even with nothing to check
    exports.renew()
    config.find.cache_clear()
    only = ratchet.Ratchet(arguments, fixed)
    arguments.places |= only.needs_places
    if arguments.paths == [_STDIN]:
        found: Iterable[FileResult] = [_stdin(arguments, fixed)]
    else:
        files, totals.failed = shared.files(arguments.paths, fixed)
        present = [path for path in arguments.paths if os.path.lexists(path)]
        kept = None if arguments.no_cache else _cache(arguments)
        work = partial(_work, fixed=fixed, arguments=arguments, kept=kept)
        files = only.among(files, present)
        found = progress.shown(shared.each(work, files, arguments.jobs), len(files))
        if kept is not None:
            found = kept.tidied(found)
    return only.finished(totals.counted(only.new(found)))


@record
class Totals:
    """What all files together came to."""

    files: int = 0
    changed: int = 0
    found: int = 0
    fixed: int = 0
    fixable: int = 0
    failed: bool = False

    def counted(self, results: Iterable[FileResult]) -> Iterator[FileResult]:
        """The results as they pass, with their notes printed. Raises ConfigError."""
        for result in results:
            if result.config_error:
                raise ConfigError(result.config_error)
            self.files += 1
            self.changed += result.changed
            self.found += len(result.findings)
            self.fixed += result.fixed
            self.fixable += result.fixable
            self.failed |= result.failed
            for note in result.notes:
                print(one_line(note), file=sys.stderr)
            yield result

    def summary(self) -> str:
        """What a person reads at the end."""
        text = f"Found {many(self.found, 'finding')} in {many(self.files, 'file')}."
        if self.fixed:
            text += f" Fixed {self.fixed}."
        if self.fixable:
            text += f" {self.fixable} can be fixed with --fix [*]."
        return text


def _overridden(settings: Config, arguments: argparse.Namespace) -> Config:
    settings = shared.overridden(settings, arguments)
    if arguments.dialect:
        settings = replace(settings, dialect=arguments.dialect)
    return settings


def _render(arguments: argparse.Namespace) -> Render:
    format_ = FORMATS[arguments.output_format]
    if not arguments.statistics:
        return format_.render
    if format_.statistics is None:
        able = ", ".join(name for name, item in FORMATS.items() if item.statistics)
        raise ConfigError(f"--statistics goes with these output formats: {able}")
    return format_.statistics


def _fixes(arguments: argparse.Namespace) -> bool:
    return bool(arguments.fix or arguments.diff or arguments.unsafe_fixes)


def _shows_fixes(arguments: argparse.Namespace) -> bool:
    """Whether the text of each rewrite is shown, beside those that are done."""
    shown = FORMATS[arguments.output_format].fixes
    return shown and not arguments.statistics and not arguments.diff


def _cache(arguments: argparse.Namespace) -> Cache | None:
    """Earlier answers to what is asked, apart from the rules."""
    folder = cache.folder()
    if folder is None:
        return None
    shows_fixes, fixes = _shows_fixes(arguments), _fixes(arguments)
    rewriter = cache.rewriter() if shows_fixes or fixes else ""
    asked = repr((arguments.places, shows_fixes, fixes, arguments.unsafe_fixes, rewriter))
    return cache.Cache(folder, asked, settled=not fixes)


def _work(
    path: Path, fixed: Config | None, arguments: argparse.Namespace, kept: Cache | None
) -> FileResult:
    try:
        settings = _overridden(fixed or config.find(path.absolute().parent), arguments)
    except ConfigError as error:
        return FileResult(path, config_error=str(error))
    if kept is None:
        return _checked(path, settings, arguments)
    key = repr((settings.dialect, settings.chosen(path)))
    result = kept.get(path, key)
    if result is None:
        result = _checked(path, settings, arguments)
        kept.put(path, key, result)
    return result


def _checked(path: Path, settings: Config, arguments: argparse.Namespace) -> FileResult:
    checked = check.check_path(path, settings, _fixes(arguments), arguments.unsafe_fixes)
    if checked.text is None or arguments.diff:
        return _result(checked, settings, arguments)
    assert checked.source is not None and checked.before is not None
    from jaxport import writing

    problem = writing.write(path, checked.source, checked.text)
    if not problem:
        return _result(checked, settings, arguments)
    result = _result(checked.before, settings, arguments)
    result.notes.append(f"jaxport: {path}: can't write the file: {problem}")
    result.failed = True
    return result


def _stdin(arguments: argparse.Namespace, fixed: Config | None) -> FileResult:
    path = arguments.stdin_filename or Path("stdin.py")
    settings = _overridden(fixed or config.find(path.absolute().parent), arguments)
    data = sys.stdin.buffer.read()
    checked = check.check_bytes(path, data, settings, _fixes(arguments), arguments.unsafe_fixes)
    if _code_on_stdout(arguments):
        if checked.text is not None and checked.source is not None:
            data = checked.source.encode(checked.text)
        sys.stdout.buffer.write(data)
    return _result(checked, settings, arguments)


def _code_on_stdout(arguments: argparse.Namespace) -> bool:
    return arguments.paths == [_STDIN] and _fixes(arguments) and not arguments.diff


def _result(checked: Checked, settings: Config, arguments: argparse.Namespace) -> FileResult:
    result = FileResult(
        checked.path, shown(checked), len(checked.fixed), changed=checked.text is not None
    )
    if arguments.places:
        from jaxport.places import with_places

        result = with_places(result, checked, settings.codes(checked.path))
    if arguments.diff:
        if checked.text is not None:
            assert checked.before is not None and checked.before.source is not None
            from jaxport import writing

            result.diff = writing.diff(checked.path, checked.before.source, checked.text)
    elif _shows_fixes(arguments):
        result = result.with_fixes(checked)
    if arguments.show_fixes and not arguments.diff:
        result.notes += [
            f"Fixed {checked.path}: {item.code} {item.message}" for item in checked.fixed
        ]
    return result


def _show(
    results: Iterable[FileResult], render: Render, arguments: argparse.Namespace
) -> None:
    out = sys.stderr if _code_on_stdout(arguments) else sys.stdout
    if arguments.diff:
        out.writelines(result.diff for result in results)
    else:
        out.writelines(render(results, Options(has_colour(out), arguments.annotations)))


def _finish(totals: Totals, arguments: argparse.Namespace) -> int:
    if arguments.diff:
        changed = totals.changed
        text = f"Would change {many(changed, 'file')} of {totals.files}."
        print(text, file=sys.stderr)
        return 2 if totals.failed else int(changed > 0 and not arguments.exit_zero)
    if FORMATS[arguments.output_format].summary:
        print(totals.summary(), file=sys.stderr)
    if totals.failed:
        return 2
    if arguments.exit_zero:
        return 0
    return int(totals.found > 0 or (arguments.exit_non_zero_on_fix and totals.changed > 0))
