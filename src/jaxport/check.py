"""One file from bytes to findings, and on to its fixed text."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxport import source as sources
from jaxport.config import Config
from jaxport.findings import Finding, Position, Span
from jaxport.records import field, record
from jaxport.rules import File, Rule, all_rules
from jaxport.semantics import project
from jaxport.source import SourceError, SourceFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.rules import Dialect

_PASSES = 10
# At its end Python searches everything for garbage, which takes as long as half of the checking.
atexit.register(gc.freeze)
# Rules whose place the rules of `port` take.
REPLACED = frozenset({"JXP301"})


@record
class Checked:
    """What checking one file gave. `text` is the fixed text where it differs from the file's.

    `before` is what was found before the fix, in case the text can't be written.
    """

    path: Path
    findings: list[Finding]
    source: SourceFile | None = None
    text: str | None = None
    fixed: list[Finding] = field(default_factory=list)
    dialect: Dialect = "nnx"
    before: Checked | None = None


def findings(
    source: SourceFile, config: Config, noqa: bool = True, porting: bool = False
) -> list[Finding]:
    """The findings of a file that are on for it, in order.

    With `noqa`, those that a comment suppresses are left out. With `porting`, rules may rewrite
    what is only right where the whole file is ported.
    """
    codes = config.codes(source.path)
    if source.skipped(noqa):
        return []
    rules = [
        rule for rule in all_rules()
        if rule.code in codes and not (porting and rule.code in REPLACED)
    ]
    if not porting:
        rules = _needed(rules, source)
    found = [problem for problem in source.problems if problem.code in codes]
    try:
        if rules:
            with project.model_of(source) as model:
                file = File(model, config.dialect, porting)
                found += [
                    finding
                    for rule in rules
                    for finding in rule.check(file)
                    if not (noqa and source.suppressed(finding.code, finding.span.start.row))
                ]
    except RecursionError:
        return [at_start("JXP001", "nested too deeply to be checked")]
    return sorted(
        set(map(source.adapted, found)), key=lambda item: (item.span, item.code, item.message)
    )


def _needed(rules: list[Rule], source: SourceFile) -> list[Rule]:
    """The rules that could find something in the file, by what it imports and the words in it."""
    no_torch = project.has_torch(source)
    if no_torch:
        rules = [rule for rule in rules if not rule.of_torch]
    named = [
        rule for rule in rules
        if rule.triggers is None or any(
            trigger.is_in(source.words) and trigger.is_in(source.code) for trigger in rule.triggers
        )
    ]
    others = [rule for rule in rules if rule.by_alias and rule not in named]
    return [*named, *others] if others and not no_torch and project.imports_any(source) else named


def at_start(code: str, message: str) -> Finding:
    start = Position(1, 0)
    return Finding(code, message, Span(start, start))


def check_source(source: SourceFile, config: Config, fix: bool, unsafe: bool) -> Checked:
    """Check a parsed file and, with `fix`, rewrite it until nothing changes any more."""
    checked = Checked(source.path, findings(source, config), source, dialect=config.dialect)
    if not fix:
        return checked
    from jaxport import fix as fixing

    current = source
    remaining = checked.findings
    for _ in range(_PASSES):
        chosen = fixing.applicable(remaining, unsafe)
        if not chosen:
            break
        try:
            after = fixing.apply(current, chosen, config.dialect)
        except RecursionError:
            break  # too deep for the parser that rewrites: the findings stay
        except SourceError as error:
            message = f"a rewrite was thrown away, its result can't be used: {error}"
            checked.findings.append(at_start("JXP006", message))
            return Checked(source.path, checked.findings, source)
        if after.text == current.text:
            break
        checked.fixed += [item for item in chosen if item.rewrite and not item.rewrite.escape]
        current = after
        remaining = findings(current, config)
    if current is not source:
        checked.before = Checked(source.path, checked.findings, source, dialect=config.dialect)
        checked.text, checked.findings, checked.source = current.text, remaining, current
    return checked


def check_path(path: Path, config: Config, fix: bool = False, unsafe: bool = False) -> Checked:
    """Check the file at `path`. Never raises: whatever goes wrong is a finding."""
    with uncollected():
        return _guarded(path, lambda: _read(path), config, fix, unsafe)


def _read(path: Path) -> SourceFile:
    if not is_notebook(path):
        return project.read(path)
    data = sources.read_bytes(path)
    source = _parse(path, data)
    project.note(path, data, source.tree)
    return source


def check_bytes(
    path: Path, data: bytes, config: Config, fix: bool = False, unsafe: bool = False
) -> Checked:
    """`check_path` for text that comes from somewhere else."""
    return _guarded(path, lambda: _parse(path, data), config, fix, unsafe)


def is_notebook(path: Path) -> bool:
    return path.suffix == ".ipynb"


def _parse(path: Path, data: bytes) -> SourceFile:
    if not is_notebook(path):
        return sources.parse(path, data)
    from jaxport import notebook

    return notebook.parse(path, data)


@contextmanager
def uncollected() -> Iterator[None]:
    """Python's garbage collector waits: it would search trees again and again for nothing.

    Checking leaves no cycles behind.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _guarded(
    path: Path, read: Callable[[], SourceFile], config: Config, fix: bool, unsafe: bool
) -> Checked:
    try:
        return check_source(read(), config, fix, unsafe)
    except SourceError as error:
        finding = error.finding
        on = finding.code in config.codes(path)
        return Checked(path, [finding] if on else [])
    except Exception as error:  # our own mistake must not take the other files down
        message = f"jaxport failed on this file ({type(error).__name__}: {error})"
        return Checked(path, [at_start("JXP006", message.replace("\n", " "))])


def collect(paths: Iterable[Path], config_for: Config | None) -> Iterable[Path]:
    """The files to check: named files as they are, folders searched for what is included."""
    from jaxport import config as configs

    for path in paths:
        if not path.is_dir() or path.is_symlink():
            yield path
            continue
        stack = [path]
        while stack:
            folder = stack.pop()
            config = config_for or configs.find(folder.absolute())
            try:
                entries = sorted(folder.iterdir())
            except OSError:
                continue
            for entry in entries:
                if config.excluded(entry):
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    stack.append(entry)
                elif any(config.matches(Path(entry.name), item) for item in config.include) and (
                    entry.is_file() or entry.is_symlink()
                ):
                    yield entry
