"""The ratchet: findings that a file lists are known, and only what is new is reported.

An entry is a rule, a file, the names around the finding and its code, and how often that
occurs; no rows, so that code may move. A run speaks for the files and the rules that it looked
at: only their entries can be gone, and only they are written anew.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jaxport import writing
from jaxport.config import ConfigError
from jaxport.places import digest, real, squeezed
from jaxport.records import replace
from jaxport.results import FileResult, Shown

_FORMAT = 1


class Entry(NamedTuple):
    """One kind of finding; `path` is relative to the baseline's folder, with slashes."""

    path: str
    code: str
    scope: str
    text: str
    statement: str = ""


# What makes a finding a known one, best first: its lines in the same function, its lines
# elsewhere, or its whole statement laid out in another way.
_LIKENESS: tuple[Callable[[Entry], Hashable], ...] = (
    lambda entry: (entry.code, squeezed(entry.text), entry.scope),
    lambda entry: (entry.code, squeezed(entry.text)),
    lambda entry: (entry.code, entry.statement or digest(entry.text)),
)


class Baseline:
    """The known findings in `file`.

    Raises:
        ConfigError: the file can't be read, or is no baseline. With `missing_ok` it may be missing.
    """

    def __init__(self, file: Path, missing_ok: bool = False) -> None:
        self.file = file
        self._folder = real(file).parent
        self._files: dict[str, Counter[Entry]] = defaultdict(Counter)
        for entry, count in _read(file, missing_ok):
            self._files[entry.path][entry] += count
        # A file that is not there any more may be one that has been moved.
        moved: Counter[Entry] = Counter()
        for path in [path for path in self._files if not os.path.lexists(self._folder / path)]:
            moved.update(self._files.pop(path))
        self._moved = _Known(moved)
        self._gone: dict[str, int] = {}

    def new(self, results: Iterable[FileResult]) -> Iterator[FileResult]:
        """The results without what is known."""
        for result in results:
            path = self._path(result)
            is_listed = path in self._files
            known = _Known(self._files[path]) if is_listed else self._moved
            taken = known.take([_entry(path, item) for item in result.findings])
            if is_listed:
                self._gone[path] = known.left(result.codes)
            findings = [item for at, item in enumerate(result.findings) if at not in taken]
            yield replace(result, findings=findings)

    def gone(self) -> int:
        """How many known findings the results that have passed do not contain any more."""
        return sum(self._gone.values()) + self._moved.left()

    def renewed(self, results: Iterable[FileResult]) -> Iterator[FileResult]:
        """The results with nothing left to report: all of it becomes known."""
        for result in results:
            path = self._path(result)
            kept = {entry: count for entry, count in self._files[path].items()
                    if entry.code not in result.codes}
            self._files[path] = Counter(kept)
            self._files[path].update(_entry(path, item) for item in result.findings)
            yield replace(result, findings=[])

    def write(self) -> int:
        """Put what is known into the file; how many findings these are. Raises ConfigError."""
        entries = sorted(pair for known in self._files.values() for pair in known.items())
        lines = [
            json.dumps({**_fields(entry), "count": count}, ensure_ascii=False)
            for entry, count in entries
        ]
        text = f'{{"jaxport-baseline": {_FORMAT}, "findings": [\n' + ",\n".join(lines) + "\n]}\n"
        # A name that is no Unicode is written as JSON's own escapes.
        problem = writing.put(self.file, text.encode("utf-8", "backslashreplace"))
        if problem:
            raise ConfigError(f"{self.file}: can't write the baseline: {problem}")
        return sum(count for _, count in entries)

    def _path(self, result: FileResult) -> str:
        path = real(result.path)
        try:
            return Path(os.path.relpath(path, self._folder)).as_posix()
        except ValueError:  # another drive
            return path.as_posix()


class _Known:
    """Entries that findings are taken from, each as often as it occurs."""

    def __init__(self, entries: Counter[Entry]) -> None:
        self._left = Counter(entries)
        self._alike: list[dict[Hashable, list[Entry]]] = []

    def left(self, codes: frozenset[str] | None = None) -> int:
        """How many have not been taken, of these rules or of all."""
        return sum(
            count for entry, count in self._left.items() if codes is None or entry.code in codes
        )

    def take(self, found: list[Entry]) -> set[int]:
        """Which of the findings are known."""
        taken: set[int] = set()
        for level, likeness in enumerate(_LIKENESS):
            if len(taken) == len(found):
                break
            if level == len(self._alike):
                self._alike.append(defaultdict(list))
                for entry in self._left:
                    self._alike[level][likeness(entry)].append(entry)
            for at, entry in enumerate(found):
                if at not in taken and self._took(self._alike[level].get(likeness(entry), [])):
                    taken.add(at)
        return taken

    def _took(self, entries: list[Entry]) -> bool:
        while entries and not self._left[entries[-1]]:
            entries.pop()
        if entries:
            self._left[entries[-1]] -= 1
        return bool(entries)


def _entry(path: str, finding: Shown) -> Entry:
    place = finding.place
    assert place is not None
    return Entry(path, finding.code, place.scope, place.text, place.statement)


def _fields(entry: Entry) -> dict[str, str]:
    return {key: value for key, value in entry._asdict().items() if value or key != "statement"}


def _read(file: Path, missing_ok: bool) -> Iterator[tuple[Entry, int]]:
    try:
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        if missing_ok:
            return
        raise ConfigError(f"{file}: no such baseline; --write-baseline makes it") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't read the baseline: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: the baseline is not JSON: {error}") from None
    version = data.get("jaxport-baseline") if isinstance(data, dict) else None
    if version is None:
        raise ConfigError(f"{file}: not a baseline of jaxport")
    findings = data.get("findings")
    if version != _FORMAT or not isinstance(findings, list):
        raise ConfigError(f"{file}: not a baseline that this version of jaxport can read")
    for number, item in enumerate(findings, 1):
        entry = _parsed(item)
        if entry is None:
            raise ConfigError(f"{file}: entry {number} of the baseline is broken")
        yield entry


def _parsed(item: Any) -> tuple[Entry, int] | None:
    if not isinstance(item, dict):
        return None
    count = item.pop("count", None)
    if type(count) is not int or count < 1:
        return None
    if not all(isinstance(value, str) for value in item.values()):
        return None
    try:
        return Entry(**item), count
    except TypeError:  # a field too many, or too few
        return None
