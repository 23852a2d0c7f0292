"""What changed since the merge base of HEAD and a branch, as git sees it.

Uncommitted changes and untracked files count. A path belongs to the repository that it stands
in; files of other repositories below it, submodules among them, have not changed.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from jaxport.config import ConfigError
from jaxport.places import real
from jaxport.records import record, replace
from jaxport.results import FileResult, Shown
from jaxport.rules.file_itself import UNCHECKED

# What a base is where none is given: the first of these that the repository has.
_BASES = (
    "refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master",
    "refs/heads/main", "refs/heads/master",
)  # fmt: skip
# How a hook's own repository is passed on; we ask for the one of a path.
_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
_DIFF = (
    "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
    "--ignore-submodules=all",
)  # fmt: skip
# Where lines are added, and how many if not one. Every line of code has a sign in front.
_HUNK = re.compile(rb"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_BARE_RETURN = re.compile(rb"\r(?!\n)")


class Changes:
    """The changes around `paths` since their merge base with `base`; empty for the usual one.

    Raises:
        ConfigError: git can't tell.
    """

    def __init__(self, paths: Iterable[Path], base: str) -> None:
        folders = {real(path if path.is_dir() else path.parent) for path in paths}
        tops = {_top(folder) for folder in sorted(folders)}
        self._repositories = [_Repository.at(top, base) for top in sorted(tops)]

    def among(self, files: Iterable[Path]) -> list[Path]:
        """The files that changed."""
        return [path for path in files if self._repository(path)]

    def only(self, result: FileResult) -> FileResult:
        """The result with what touches a changed line, and what holds for the whole file."""
        repository = self._repository(result.path)
        if repository is None or all(item.code in UNCHECKED for item in result.findings):
            return result
        rows = repository.rows(real(result.path))
        if rows is None:
            return result
        findings = [
            item
            for item in result.findings
            if item.code in UNCHECKED or not rows.isdisjoint(_rows(item))
        ]
        return replace(result, findings=findings)

    def _repository(self, path: Path) -> _Repository | None:
        path = real(path)
        return next((item for item in self._repositories if path in item.changed), None)


def _rows(finding: Shown) -> range:
    assert finding.place is not None
    return range(finding.file_span.start.row, finding.place.last_row + 1)


@record(frozen=True)
class _Repository:
    """One work tree, and the commit it is compared with; none where nothing is committed."""

    top: Path
    base: str | None

    @staticmethod
    def at(top: Path, base: str) -> _Repository:
        if not base and not _commit(top, "HEAD"):
            return _Repository(top, None)
        return _Repository(top, _merge_base(top, base))

    @cached_property
    def changed(self) -> frozenset[Path]:
        if self.base is None:
            return self._untracked
        names = _git(self.top, *_DIFF, "--name-only", "-z", self.base, "--")
        return self._untracked | self._paths(names)

    @cached_property
    def _untracked(self) -> frozenset[Path]:
        tracked = ["--cached"] if self.base is None else []
        return self._paths(
            _git(self.top, "ls-files", "-z", "--others", "--exclude-standard", *tracked)
        )

    def _paths(self, names: bytes) -> frozenset[Path]:
        return frozenset(self.top / os.fsdecode(name) for name in names.split(b"\0") if name)

    def rows(self, path: Path) -> frozenset[int] | None:
        """The rows of a changed file that are new or different; None for all of them."""
        if self.base is None or path in self._untracked:
            return None
        if _BARE_RETURN.search(path.read_bytes()):
            return None  # git does not count these as line ends, Python does
        name = path.relative_to(self.top).as_posix()
        options = ("--text", "--unified=0", "--inter-hunk-context=0", self.base)
        return frozenset(_added(_git(self.top, *_DIFF, *options, "--", name)))


def _added(diff: bytes) -> Iterator[int]:
    """The rows that the diff of one file adds."""
    for row, count in _HUNK.findall(diff):
        yield from range(int(row), int(row) + int(count or 1))


def _top(folder: Path) -> Path:
    done = _run(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        reason = _reason(done)
        if "not a git repository" in reason:
            raise ConfigError(f"--changed-only: {folder} is not in a git repository")
        raise ConfigError(f"--changed-only: {folder}: {reason}")
    return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))


def _merge_base(top: Path, base: str) -> str:
    names = (base,) if base else _BASES
    commit = next(filter(None, (_commit(top, name) for name in names)), "")
    if not commit and not base:
        raise ConfigError(
            f"--changed-only: {top} has no origin/HEAD, main or master; give --changed-only=BASE"
        )
    if not commit:
        raise ConfigError(f"--changed-only: {top} has no commit {base!r}{_fetch_hint(top)}")
    done = _run(top, "merge-base", "HEAD", commit)
    if done.returncode == 1:
        raise ConfigError(
            f"--changed-only: HEAD and {base or 'the main branch'} have no common commit in {top}"
            f"{_fetch_hint(top)}"
        )
    return os.fsdecode(_checked(done)).strip()


def _commit(top: Path, name: str) -> str:
    """The commit that `name` means; empty where it means none."""
    if name.startswith("-"):  # no name of git's, but one of its options
        return ""
    done = _run(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return "" if done.returncode else os.fsdecode(done.stdout).strip()


def _fetch_hint(top: Path) -> str:
    if _git(top, "rev-parse", "--is-shallow-repository").strip() == b"true":
        return (
            "; the clone is shallow: fetch more history"
            " (git fetch --unshallow; on GitHub fetch-depth: 0)"
        )
    return ""


def _git(folder: Path, *arguments: str) -> bytes:
    return _checked(_run(folder, *arguments))


def _checked(done: subprocess.CompletedProcess[bytes]) -> bytes:
    if done.returncode:
        raise ConfigError(f"--changed-only: {_reason(done)}")
    return done.stdout


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
    return "git: " + next((line for line in lines if line.startswith("fatal: ")), lines[-1])


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {key: value for key, value in os.environ.items() if key not in _LOCAL}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "--literal-pathspecs", *arguments]
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"--changed-only: can't run git: {reason}") from None
