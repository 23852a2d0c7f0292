"""What earlier runs of `check` found, for files where nothing that it came from has changed.

An entry is a file in the user's cache folder, never in the project: what a project brings along
is not believed. It is JSON under a seal, so that half of one, or another file's, is none.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import jaxport
from jaxport.findings import Edit, Position, Span
from jaxport.records import field, record
from jaxport.results import FileResult, Fix, Place, Shown
from jaxport.rules.file_itself import UNCHECKED
from jaxport.semantics import project
from jaxport.semantics.origins import digest, imports, origins
from jaxport.source import SourceError, parse, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jaxport.findings import Applicability

# How many answers about one file are kept: those to other rules, or with the rewrites.
_ANSWERS = 6
_DAY = 24 * 60 * 60
_OLD = 60
# What reading an entry raises that no cache of this version wrote.
_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def folder() -> Path | None:
    """Where entries are kept, the user's own choice first; None where there is no such place."""
    chosen = os.environ.get("JAXPORT_CACHE_DIR")
    if chosen:
        return Path(chosen).absolute()
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "jaxport" if base.is_absolute() else None


@record
class _Entry:
    """What is known of one file: what it was and imported then, and answers about it by their key.

    An answer is the paths of what it came from, one stamp for all of them, and the result.
    """

    file: str
    content: str = ""
    imports: str = ""
    answers: dict[str, list[Any]] = field(default_factory=dict)


class Cache:
    """The answers to one way of asking, which `asked` tells from others.

    Where files change during the run, as with `--fix`, what they are like is not `settled`.
    Nothing here raises: what can't be read or written is not kept.
    """

    def __init__(self, folder: Path, asked: str, settled: bool) -> None:
        self.folder = folder
        self._asked = f"{asked}\0{_program()}"
        self._settled = settled
        self._stamps: dict[str, str] = {}
        self._is_writable = True

    def get(self, path: Path, settings: str) -> FileResult | None:
        """The result that an earlier run had for the file, if it would be the same now."""
        origins.on = True  # in each process
        if not self._settled:
            self._stamps.clear()
        try:
            entry = self._entry(path)
            answer = entry.answers.get(self._key(settings)) if entry else None
            if answer is None:
                return None
            names, stamp, result = answer
            if _joined(self._stamp(name) for name in names) != stamp:
                return None
            return _unpacked(path, result)
        except (OSError, SourceError, *_MALFORMED):
            return None

    def put(self, path: Path, settings: str, result: FileResult) -> None:
        """Keep the result, if the file was read and stays as it is."""
        found = origins.of(path)
        if not found or not self._is_writable or not _is_kept(result):
            return
        entry = self._entry(path) or _Entry(os.path.abspath(path))
        entry.content, entry.imports = found[path].content, found[path].imports
        key = self._key(settings)
        entry.answers.pop(key, None)
        stamp = _joined(origin.stamp for origin in found.values())
        entry.answers[key] = [[str(name) for name in found], stamp, _packed(result)]
        for old in list(entry.answers)[:-_ANSWERS]:
            del entry.answers[old]
        self._is_writable = self._write(path, entry)

    def _key(self, settings: str) -> str:
        return digest(f"{self._asked}\0{settings}".encode(errors="surrogatepass"))

    def _place(self, path: Path) -> Path:
        # Where imports lead is seen from the current folder, by the path as it is spelled.
        name = digest(os.fsencode(os.getcwd()) + b"\0" + os.fsencode(path))
        return self.folder / name[:2] / name[2:]

    def _entry(self, path: Path) -> _Entry | None:
        return _read(self._place(path))

    def _stamp(self, name: str) -> str:
        """What `project.stamp` gives for the file as it is now."""
        found = self._stamps.get(name)
        if found is None:
            path = Path(name)
            data = read_bytes(path)
            content = digest(data)
            entry = self._entry(path)
            if entry is not None and entry.content == content:
                names = entry.imports
            else:
                names = _imports(path, data)
            found = self._stamps[name] = project.stamp(path, content, names)
        return found

    def _write(self, path: Path, entry: _Entry) -> bool:
        import json

        body = json.dumps(vars(entry), separators=(",", ":")).encode()
        try:
            place = self._place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            new = place.with_suffix(f".{os.getpid()}")
            new.write_bytes(_seal(place, body) + b"\n" + body)
            os.replace(new, place)
        except OSError:
            return False
        return True

    def tidied(self, results: Iterable[FileResult]) -> Iterator[FileResult]:
        """The results; behind the last one the folder is tidied."""
        yield from results
        self._tidy()

    def _tidy(self) -> None:
        """Once a day, drop what is old, and what is known of files that are gone."""
        now = time.time()
        mark = self.folder / "tidied"
        with contextlib.suppress(OSError):
            if mark.exists() and 0 <= now - mark.stat().st_mtime < _DAY:
                return
            mark.write_bytes(b"")
            for place in self.folder.glob("[0-9a-f][0-9a-f]/*"):
                entry = _read(place)
                age = now - place.stat().st_mtime
                if age > _OLD * _DAY or (
                    not os.path.lexists(entry.file) if entry else age > _DAY
                ):
                    place.unlink()


def _read(place: Path) -> _Entry | None:
    import json

    try:
        known, _, body = place.read_bytes().partition(b"\n")
        if _seal(place, body) != known:
            return None
        entry = _Entry(**json.loads(body))
        return entry if isinstance(entry.answers, dict) else None
    except (OSError, *_MALFORMED):
        return None


def _seal(place: Path, body: bytes) -> bytes:
    """What tells an entry from half of one, and from one of another file."""
    return digest(f"{place.parent.name}{place.name}".encode() + body).encode()


def _imports(path: Path, data: bytes) -> str:
    try:
        return imports(parse(path, data).tree)
    except SourceError:
        return ""


def _joined(stamps: Iterable[str]) -> str:
    return digest("\n".join(stamps).encode())


def _program() -> str:
    """Tells this program from others that could answer differently."""
    files = sorted(_files(os.path.dirname(jaxport.__file__)))
    return repr((jaxport.__version__, sys.version, files))


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    """The files of the program, with their sizes and times; none where they are in an archive."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            else:
                found = entry.stat()
                yield entry.path, found.st_size, found.st_mtime_ns


def rewriter() -> str:
    """Tells the version of what writes the rewrites, without loading it."""
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("libcst")
    try:
        version = os.stat(Path(str(found and found.origin)).with_name("_version.py"))
    except OSError:
        return ""
    return repr((version.st_size, version.st_mtime_ns))


# Results as JSON


def _is_kept(result: FileResult) -> bool:
    done = (result.fixed, result.notes, result.diff, result.changed, result.failed,
            result.config_error)
    return not any(done) and not any(item.code in UNCHECKED for item in result.findings)


def _packed(result: FileResult) -> list[Any]:
    return [
        sorted(result.codes),
        [
            [item.code, item.message, _packed_span(item.span), _packed_span(item.file_span),
             item.is_fixable, item.lines, _packed_fix(item.fix), item.place and vars(item.place)]
            for item in result.findings
        ],
    ]  # fmt: skip


def _packed_span(span: Span) -> list[int]:
    start, end = span.start, span.end
    return [start.row, start.column, start.cell, end.row, end.column, end.cell]


def _packed_fix(fix: Fix | None) -> list[Any] | None:
    if fix is None:
        return None
    edits = [[_packed_span(edit.span), edit.content] for edit in fix.edits]
    return [fix.applicability, fix.message, edits, fix.diff]


def _unpacked(path: Path, packed: list[Any]) -> FileResult:
    codes, findings = packed
    return FileResult(path, [_unpacked_finding(*item) for item in findings],
                      codes=frozenset(codes))


def _unpacked_finding(
    code: str, message: str, span: list[int], file_span: list[int], is_fixable: bool,
    lines: list[str], fix: list[Any] | None, place: dict[str, Any] | None,
) -> Shown:  # fmt: skip
    return Shown(
        code, message, _unpacked_span(*span), _unpacked_span(*file_span), is_fixable, tuple(lines),
        _unpacked_fix(*fix) if fix else None, Place(**place) if place else None,
    )


def _unpacked_span(
    row: int, column: int, cell: int, end_row: int, end_column: int, end_cell: int
) -> Span:
    return Span(Position(row, column, cell), Position(end_row, end_column, end_cell))


def _unpacked_fix(
    applicability: Applicability, message: str, edits: list[Any], diff: list[str]
) -> Fix:
    made = tuple(Edit(_unpacked_span(*span), content) for span, content in edits)
    return Fix(applicability, message, made, tuple(diff))
