"""The files of a report in their folders, with what they come to, and where to start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from jaxport.records import field, record
from jaxport.report.measure import Count, FileNumbers, State

FAMILIES = {
    "JXP0": "the file itself", "JXP1": "state containers",
    "JXP2": "optimizer and training step", "JXP3": "batch norm", "JXP4": "module structure",
    "JXP5": "tensors", "JXP6": "random numbers", "JXP7": "device, dtype, autograd",
    "JXP8": "data and checkpoints", "JXP9": "plain API names",
}  # fmt: skip


@record
class Node:
    """A folder or a file, with the numbers of all that is in it."""

    name: str
    path: Path
    file: FileNumbers | None = None
    children: list[Node] = field(default_factory=list)
    files: Counter[State] = field(default_factory=Counter)
    lines: Counter[State] = field(default_factory=Counter)
    codes: dict[str, Count] = field(default_factory=dict)

    def add(self, file: FileNumbers) -> None:
        self.files[file.state] += 1
        self.lines[file.state] += file.lines
        for code, count in file.counts.items():
            self.codes.setdefault(code, Count()).add(count)

    @cached_property
    def count(self) -> Count:
        """All findings."""
        return total(self.codes.values())

    @cached_property
    def families(self) -> dict[str, Count]:
        """The findings by family, of those that occur."""
        found: dict[str, Count] = {}
        for code in sorted(self.codes):
            found.setdefault(code[:4], Count()).add(self.codes[code])
        return found

    @property
    def done(self) -> float | None:
        """The share of the code that is done, of all code that is or was torch's."""
        todo, done = self.lines["to do"], self.lines["done"]
        if not todo + done:
            todo, done = self.files["to do"], self.files["done"]
        return done / (todo + done) if todo + done else None

    @property
    def density(self) -> float:
        """Findings for each 100 lines of code."""
        return 100 * self.count.found / max(1, self.lines.total())

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Node]]:
        """The node and all below it, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


@record(frozen=True)
class Start:
    """A folder to start with: its own files that are to do, and how many elsewhere they need."""

    path: Path
    files: int
    count: Count
    needs: int

    @property
    def automatic(self) -> float:
        """The share of its findings that need no person."""
        return 1 - self.count.hand / max(1, self.count.found)


@record(frozen=True)
class Report:
    """A whole report. `rules` says in words which rules were on."""

    root: Node
    rules: str
    ready: list[FileNumbers]
    starts: list[Start]

    @property
    def top(self) -> list[tuple[str, Count, int]]:
        """The codes, those first that leave most to a person: findings, and files they are in."""
        files = Counter(
            code for _, node in self.root.walk() if node.file for code in node.file.counts
        )
        ordered = sorted(
            self.root.codes.items(), key=lambda item: (-item[1].hand, -item[1].found, item[0])
        )
        return [(code, count, files[code]) for code, count in ordered]


def total(counts: Iterable[Count]) -> Count:
    """The sum."""
    found = Count()
    for count in counts:
        found.add(count)
    return found


def report(files: list[FileNumbers], rules: str) -> Report:
    """The report on measured files."""
    root = tree(files)
    return Report(root, rules, _ready(files), _starts(files))


def tree(files: list[FileNumbers]) -> Node:
    """The files in their folders, below the deepest folder that has all of them."""
    if any(file.path.is_absolute() for file in files):
        places = {file.path.absolute(): file for file in files}
    else:
        places = {file.path: file for file in files}
    top = _common([path.parent for path in places])
    root = Node(top.absolute().name or str(top.absolute()), top)
    folders = {top: root}
    for path, file in sorted(places.items()):
        folder = _folder(folders, path.parent)
        leaf = Node(path.name, path, file)
        folder.children.append(leaf)
        leaf.add(file)
        while True:
            folder.add(file)
            if folder is root:
                break
            folder = folders[folder.path.parent]
    for folder in folders.values():
        folder.children.sort(key=lambda node: (node.file is not None, node.name))
    return root


def _common(folders: list[Path]) -> Path:
    if not folders:
        return Path()
    first = folders[0]
    return next(
        place for place in (first, *first.parents)
        if all(place == folder or place in folder.parents for folder in folders)
    )  # fmt: skip


def _folder(folders: dict[Path, Node], path: Path) -> Node:
    if path not in folders:
        node = folders[path] = Node(path.name, path)
        _folder(folders, path.parent).children.append(node)
    return folders[path]


def _ready(files: list[FileNumbers]) -> list[FileNumbers]:
    """The files that `port` may finish: nothing is left to a person, in what they import either."""
    needed = _needed(files)
    todo = {file.path.resolve(): file for file in files if file.state == "to do"}
    ready = {
        path for path, file in todo.items()
        if file.counts and not any(count.hand for count in file.counts.values())
    }  # fmt: skip
    while blocked := {path for path in ready if needed[path] - ready}:
        ready -= blocked
    return [file for path, file in todo.items() if path in ready]


def _needed(files: list[FileNumbers]) -> dict[Path, set[Path]]:
    """The files that are to do, each with those that it imports, through others if need be."""
    known = {file.path.resolve(): file for file in files}
    needed: dict[Path, set[Path]] = {}
    for path, file in known.items():
        if file.state != "to do":
            continue
        reached: set[Path] = set()
        stack = [path]
        while stack:
            for target in known[stack.pop()].imports & (known.keys() - reached):
                reached.add(target)
                if known[target].state != "to do":
                    stack.append(target)
        needed[path] = {item for item in reached if known[item].state == "to do"} - {path}
    return needed


def _starts(files: list[FileNumbers]) -> list[Start]:
    """The folders, the easiest first: most done by machine, fewest unported files imported."""
    all_needed = _needed(files)
    folders: dict[Path, list[FileNumbers]] = {}
    for file in files:
        if file.state == "to do":
            folders.setdefault(file.path.parent, []).append(file)
    found = []
    for path, inside in folders.items():
        own = {file.path.resolve() for file in inside}
        needed = set[Path]().union(*(all_needed[item] for item in own)) - own
        count = total(count for file in inside for count in file.counts.values())
        found.append(Start(path, len(inside), count, len(needed)))
    return sorted(found, key=lambda item: (-item.automatic / (1 + item.needs), item.path))


def many(count: int, noun: str) -> str:
    """The number and the noun, in the plural where it needs to be."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def percent(share: float | None) -> str:
    """The share in percent, never rounded up to all of it."""
    return "-" if share is None else f"{int(share * 100)} %"
