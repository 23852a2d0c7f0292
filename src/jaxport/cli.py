"""The command line. It follows ruff's, so that whoever knows ruff knows jaxport."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from jaxport import __version__, check, config
from jaxport.check import Checked
from jaxport.config import Config, ConfigError
from jaxport.rules import DIALECTS, Rule, all_rules

_FORMATS = ("concise", "full", "json", "json-lines")
_CHUNK = 16


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 for nothing found, 1 for findings, 2 for errors."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "rule":
            return _rule(arguments)
        return _check(arguments)
    except ConfigError as error:
        print(f"jaxport: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxport: interrupted", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader has gone, as `head` does; nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


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

    rule = commands.add_parser("rule", help="explain a rule")
    rule.add_argument("code", nargs="?", metavar="CODE")
    rule.add_argument("--all", action="store_true", help="explain every rule")
    return parser


def _check(arguments: argparse.Namespace) -> int:
    fixed_config = config.load(arguments.config) if arguments.config else None
    override = partial(_overridden, arguments=arguments)
    override(Config())  # a wrong code is an error even where there is nothing to check
    fix = arguments.fix or arguments.diff or arguments.unsafe_fixes
    failed = False
    if arguments.paths == [Path("-")]:
        results: Iterable[Checked] = [_stdin(arguments, fixed_config, override, fix)]
    else:
        missing = [path for path in arguments.paths if not os.path.lexists(path)]
        for path in missing:
            print(f"jaxport: {path}: no such file or folder", file=sys.stderr)
        failed = bool(missing)
        files = dict.fromkeys(
            check.collect([path for path in arguments.paths if path not in missing], fixed_config)
        )
        work = partial(
            _work, fixed=fixed_config, arguments=arguments, fix=fix,
        )  # fmt: skip
        results = _run(work, list(files), arguments.jobs)
    return _finish(arguments, results, failed)


def _overridden(settings: Config, arguments: argparse.Namespace) -> Config:
    for name in config.CODE_LISTS:
        given = getattr(arguments, name.replace("-", "_"))
        if given is not None:
            codes = config.check_codes(given.split(","), f"--{name}")
            settings = config.with_codes(settings, name, codes)
    if arguments.dialect:
        settings = replace(settings, dialect=arguments.dialect)
    return settings


def _work(
    path: Path, fixed: Config | None, arguments: argparse.Namespace, fix: bool
) -> Checked | str:
    try:
        found = fixed or config.find(path.absolute().parent)
    except ConfigError as error:
        return str(error)
    settings = _overridden(found, arguments)
    return check.check_path(path, settings, fix, arguments.unsafe_fixes)


def _run(
    work: partial[Checked | str], files: list[Path], jobs: int
) -> Iterator[Checked]:
    count = jobs if jobs > 0 else os.cpu_count() or 1
    if count == 1 or len(files) <= _CHUNK:
        answers: Iterable[Checked | str] = map(work, files)
        yield from _raised(answers)
        return
    with ProcessPoolExecutor(count) as pool:
        yield from _raised(pool.map(work, files, chunksize=_CHUNK))


def _raised(answers: Iterable[Checked | str]) -> Iterator[Checked]:
    for answer in answers:
        if isinstance(answer, str):
            raise ConfigError(answer)
        yield answer


def _stdin(
    arguments: argparse.Namespace,
    fixed_config: Config | None,
    override: partial[Config],
    fix: bool,
) -> Checked:
    path = arguments.stdin_filename or Path("stdin.py")
    settings = override(fixed_config or config.find(path.absolute().parent))
    data = sys.stdin.buffer.read()
    checked = check.check_bytes(path, data, settings, fix, arguments.unsafe_fixes)
    if fix and not arguments.diff:
        text = checked.text
        out = checked.source.encode(text) if text is not None and checked.source else data
        sys.stdout.buffer.write(out)
        sys.stdout.buffer.flush()
        checked.text = None
    return checked


def _finish(arguments: argparse.Namespace, results: Iterable[Checked], failed: bool) -> int:
    from jaxport.formats import FORMATS

    to_stdout = not (arguments.paths == [Path("-")] and arguments.fix)
    out = sys.stdout if to_stdout else sys.stderr
    found = fixed = changed = files = 0
    fixable = 0
    kept: list[Checked] = []
    show = FORMATS[arguments.output_format]
    whole = arguments.output_format == "json"
    for result in results:
        files += 1
        if result.text is not None:
            changed += 1
            if arguments.diff:
                out.write(_diff(result))
            else:
                failed |= not _write(result)
        fixed += len(result.fixed)
        found += len(result.findings)
        fixable += sum(1 for item in result.findings
                       if item.rewrite and item.rewrite.applicability == "safe"
                       and not item.rewrite.escape)
        if arguments.diff:
            continue
        if whole:
            kept.append(result)
        else:
            out.write(show([result]))
        if arguments.show_fixes:
            for item in result.fixed:
                print(f"Fixed {result.path}: {item.code} {item.message}", file=sys.stderr)
    if whole and not arguments.diff:
        out.write(show(kept))
    if arguments.diff:
        print(f"Would change {changed} of {files} files.", file=sys.stderr)
        return 2 if failed else int(bool(changed) and not arguments.exit_zero)
    if not whole and arguments.output_format != "json-lines":
        print(_summary(found, fixed, fixable, files), file=sys.stderr)
    if failed:
        return 2
    if arguments.exit_zero:
        return 0
    return int(found > 0 or (arguments.exit_non_zero_on_fix and changed > 0))


def _summary(found: int, fixed: int, fixable: int, files: int) -> str:
    text = f"Found {found} finding{'s' * (found != 1)} in {files} file{'s' * (files != 1)}."
    if fixed:
        text += f" Fixed {fixed}."
    if fixable:
        text += f" {fixable} can be fixed with --fix [*]."
    return text


def _diff(result: Checked) -> str:
    from jaxport import source

    assert result.text is not None
    try:
        before = source.read(result.path).lines
    except source.SourceError:
        before = []
    lines = difflib.unified_diff(
        before, source.split_lines(result.text), str(result.path), str(result.path)
    )
    return "".join(line if line.endswith(("\n", "\r")) else f"{line}\n" for line in lines)


def _write(result: Checked) -> bool:
    """Put the new text in the file's place, whole or not at all, with the file's mode."""
    assert result.source is not None and result.text is not None
    target = Path(os.path.realpath(result.path))
    try:
        mode = target.stat().st_mode
        if not mode & 0o222:
            raise PermissionError(13, "the file is read-only")
        data = result.source.encode(result.text)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, mode)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        print(f"jaxport: {result.path}: can't write the file: {reason}", file=sys.stderr)
        return False
    return True


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
        if example.nnx is None:
            parts.append("Reported, not rewritten" + (" in `nnx`" * bool(example.switcheroo)) +
                         ".\n")
    parts.append(f"## Fix safety\n\n{rule.fix_safety}\n")
    if not rule.default:
        parts.append("Off by default; `--select ALL` turns it on.\n")
    return "\n".join(parts)
