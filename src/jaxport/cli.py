"""The command line. It follows ruff's, so that whoever knows ruff knows jaxport."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from jaxport import __version__, check, config, writing
from jaxport.check import Checked
from jaxport.commands import port, verify, weights
from jaxport.config import Config, ConfigError
from jaxport.rules import DIALECTS, Rule, all_rules

_FORMATS = ("concise", "full", "json", "json-lines")
_CHUNK = 16


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 for nothing found, 1 for findings, 2 for errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except ConfigError as error:
        print(f"jaxport: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("jaxport: interrupted", file=sys.stderr)
    except BrokenPipeError:
        _silence()  # the reader has gone, as `head` does
        return 1
    except OSError as error:
        _silence()
        print(f"jaxport: can't write the output: {error.strerror}", file=sys.stderr)
    return 2


def _silence() -> None:
    # What is still in the buffer must not fail once more at exit.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass
class Outcome:
    """What one file came to; small, because it travels between processes."""

    shown: str = ""
    notes: list[str] = field(default_factory=list)
    found: int = 0
    fixed: int = 0
    fixable: int = 0
    changed: bool = False
    failed: bool = False
    config_error: str = ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("jaxport", description=__import__("jaxport").__doc__)
    parser.add_argument("--version", action="version", version=f"jaxport {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("check", help="report what keeps files from running on JAX")
    run.add_argument("paths", nargs="*", type=Path, metavar="PATH", default=[Path(".")])
    run.add_argument("--fix", action="store_true", help="apply the safe rewrites")
    run.add_argument("--unsafe-fixes", action="store_true", help="apply the others too")
    run.add_argument("--diff", action="store_true", help="show the rewrites, write nothing")
    run.add_argument("--show-fixes", action="store_true", help="list what was rewritten")
    run.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever is found")
    run.add_argument("--exit-non-zero-on-fix", action="store_true", help="1 if a file was changed")
    run.add_argument("--select", metavar="CODES", help="rules to turn on: prefixes, or ALL")
    run.add_argument("--ignore", metavar="CODES", help="rules to turn off")
    run.add_argument("--extend-select", metavar="CODES", help="rules to turn on as well")
    run.add_argument("--output-format", choices=_FORMATS, default="concise")
    run.add_argument("--stdin-filename", type=Path, metavar="NAME", help="name of what `-` reads")
    run.add_argument("--dialect", choices=DIALECTS, help="forms for Flax NNX, or the spec's")
    run.add_argument("-j", "--jobs", type=int, default=0, metavar="N", help="processes; 0: cores")
    run.add_argument("--config", type=Path, metavar="FILE", help="a pyproject.toml to use for all")

    run.set_defaults(run=_check)
    port.add(commands)
    weights.add(commands)
    verify.add(commands)

    rule = commands.add_parser("rule", help="explain a rule")
    rule.add_argument("code", nargs="?", metavar="CODE")
    rule.add_argument("--all", action="store_true", help="explain every rule")
    rule.set_defaults(run=_rule)
    return parser


def _check(arguments: argparse.Namespace) -> int:
    fixed_config = config.load(arguments.config) if arguments.config else None
    _overridden(Config(), arguments)  # a wrong code is an error even with nothing to check
    if arguments.paths == [Path("-")]:
        return _finish(arguments, [_stdin(arguments, fixed_config)], False)
    missing = [path for path in arguments.paths if not os.path.lexists(path)]
    for path in missing:
        print(f"jaxport: {path}: no such file or folder", file=sys.stderr)
    present = [path for path in arguments.paths if path not in missing]
    files = list(dict.fromkeys(check.collect(present, fixed_config)))
    work = partial(_work, fixed=fixed_config, arguments=arguments)
    return _finish(arguments, _run(work, files, arguments.jobs), bool(missing))


def _overridden(settings: Config, arguments: argparse.Namespace) -> Config:
    for name in config.CODE_LISTS:
        given = getattr(arguments, name.replace("-", "_"))
        if given is not None:
            codes = config.check_codes(given.split(","), f"--{name}")
            settings = config.with_codes(settings, name, codes)
    if arguments.dialect:
        settings = replace(settings, dialect=arguments.dialect)
    return settings


def _fixes(arguments: argparse.Namespace) -> bool:
    return bool(arguments.fix or arguments.diff or arguments.unsafe_fixes)


def _work(path: Path, fixed: Config | None, arguments: argparse.Namespace) -> Outcome:
    try:
        settings = _overridden(fixed or config.find(path.absolute().parent), arguments)
    except ConfigError as error:
        return Outcome(config_error=str(error))
    result = check.check_path(path, settings, _fixes(arguments), arguments.unsafe_fixes)
    return _outcome(result, arguments)


def _run(work: partial[Outcome], files: list[Path], jobs: int) -> Iterator[Outcome]:
    count = jobs if jobs > 0 else os.cpu_count() or 1
    if count == 1 or len(files) <= _CHUNK:
        yield from map(work, files)
        return
    with ProcessPoolExecutor(count) as pool:
        yield from pool.map(work, files, chunksize=_CHUNK)


def _outcome(result: Checked, arguments: argparse.Namespace) -> Outcome:
    """Write or show what the fix made of the file, and show what is left."""
    from jaxport.formats import FORMATS

    outcome = Outcome(changed=result.text is not None)
    if arguments.diff:
        if result.text is not None:
            assert result.before is not None and result.before.source is not None
            outcome.shown = writing.diff(result.path, result.before.source, result.text)
        return outcome
    if result.text is not None:
        assert result.source is not None
        problem = writing.write(result.path, result.source, result.text)
        if problem:
            outcome.notes.append(f"jaxport: {result.path}: can't write the file: {problem}")
            outcome.failed, outcome.changed = True, False
            assert result.before is not None
            result = result.before
    return _counted(result, arguments, outcome, FORMATS[_per_file(arguments)](result))


def _per_file(arguments: argparse.Namespace) -> str:
    return "json-lines" if arguments.output_format == "json" else str(arguments.output_format)


def _counted(
    result: Checked, arguments: argparse.Namespace, outcome: Outcome, shown: str
) -> Outcome:
    outcome.shown = shown
    outcome.found, outcome.fixed = len(result.findings), len(result.fixed)
    outcome.fixable = sum(1 for finding in result.findings if finding.is_fixable)
    if arguments.show_fixes:
        outcome.notes += [
            f"Fixed {result.path}: {item.code} {item.message}" for item in result.fixed
        ]
    return outcome


def _stdin(arguments: argparse.Namespace, fixed_config: Config | None) -> Outcome:
    from jaxport.formats import FORMATS

    path = arguments.stdin_filename or Path("stdin.py")
    settings = _overridden(fixed_config or config.find(path.absolute().parent), arguments)
    data = sys.stdin.buffer.read()
    result = check.check_bytes(path, data, settings, _fixes(arguments), arguments.unsafe_fixes)
    if arguments.diff:
        return _outcome(result, arguments)
    if _fixes(arguments):
        changed = result.text is not None and result.source is not None
        out = result.source.encode(result.text or "") if changed and result.source else data
        sys.stdout.buffer.write(out)
    outcome = Outcome(changed=result.text is not None)
    return _counted(result, arguments, outcome, FORMATS[_per_file(arguments)](result))


def _finish(arguments: argparse.Namespace, outcomes: Iterable[Outcome], failed: bool) -> int:
    # What `-` was fixed to has the output for itself.
    code_on_stdout = arguments.paths == [Path("-")] and _fixes(arguments) and not arguments.diff
    out = sys.stderr if code_on_stdout else sys.stdout
    whole = arguments.output_format == "json" and not arguments.diff
    total = Outcome(failed=failed)
    files = changed = 0
    records: list[object] = []
    for outcome in outcomes:
        if outcome.config_error:
            raise ConfigError(outcome.config_error)
        files += 1
        changed += outcome.changed
        total.failed |= outcome.failed
        total.found += outcome.found
        total.fixed += outcome.fixed
        total.fixable += outcome.fixable
        for note in outcome.notes:
            print(note, file=sys.stderr)
        if whole:
            records += [json.loads(line) for line in outcome.shown.splitlines()]
        else:
            out.write(outcome.shown)
    if whole:
        out.write(json.dumps(records, indent=2) + "\n")
    if arguments.diff:
        print(f"Would change {changed} file{'s' * (changed != 1)} of {files}.", file=sys.stderr)
        return 2 if total.failed else int(changed > 0 and not arguments.exit_zero)
    if not arguments.output_format.startswith("json"):
        print(_summary(total.found, total.fixed, total.fixable, files), file=sys.stderr)
    if total.failed:
        return 2
    if arguments.exit_zero:
        return 0
    return int(total.found > 0 or (arguments.exit_non_zero_on_fix and changed > 0))


def _summary(found: int, fixed: int, fixable: int, files: int) -> str:
    text = f"Found {found} finding{'s' * (found != 1)} in {files} file{'s' * (files != 1)}."
    if fixed:
        text += f" Fixed {fixed}."
    if fixable:
        text += f" {fixable} can be fixed with --fix [*]."
    return text


def _rule(arguments: argparse.Namespace) -> int:
    if not arguments.all and not arguments.code:
        raise ConfigError("rule: name a rule, or give --all")
    wanted = [rule for rule in all_rules() if arguments.all or rule.code == arguments.code.upper()]
    if not wanted:
        raise ConfigError(f"rule: no rule is called `{arguments.code}`")
    print("\n".join(page(rule) for rule in wanted), end="")
    return 0


def page(rule: Rule) -> str:
    """All that the rule says about itself, as Markdown."""
    parts = [
        f"# {rule.name} ({rule.code})\n",
        f"## What it does\n\n{rule.summary}\n",
        f"## Why it matters\n\n{rule.why}\n",
    ]
    for example in rule.examples:
        parts.append(f"## Example\n\n```python\n{example.before}```\n")
        if example.nnx is not None:
            parts.append(f"Use instead (`nnx`):\n\n```python\n{example.nnx}```\n")
        if example.switcheroo is not None and example.switcheroo != example.nnx:
            parts.append(f"`switcheroo`:\n\n```python\n{example.switcheroo}```\n")
        if example.port is not None:
            parts.append(f"`jaxport port` writes:\n\n```python\n{example.port}```\n")
        elif example.nnx is None:
            parts.append("Reported, not rewritten" + (" in `nnx`" * bool(example.switcheroo)) +
                         ".\n")
    parts.append(f"## Fix safety\n\n{rule.fix_safety}\n")
    if not rule.default:
        parts.append("Off by default; `--select ALL` turns it on.\n")
    return "\n".join(parts)
