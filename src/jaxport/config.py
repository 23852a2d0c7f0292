"""`[tool.jaxport]` in `pyproject.toml`, found upward from each file."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from jaxport.rules import Dialect, all_rules

EXCLUDED = (
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "__pycache__", "build", "dist",
    "node_modules", "site-packages", ".eggs", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    ".ipynb_checkpoints",
)  # fmt: skip
_EXCLUDED_NAMES = frozenset(map(os.path.normcase, EXCLUDED))
CODE_LISTS = ("select", "ignore", "extend-select")


class ConfigError(Exception):
    """The configuration or the command line asks for something that does not exist."""


@dataclass(frozen=True)
class Config:
    """What to check, and how. `root` is the folder that patterns start from."""

    root: Path = Path()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    include: tuple[str, ...] = ("*.py", "*.pyi", "*.ipynb")
    exclude: tuple[str, ...] = ()
    dialect: Dialect = "nnx"
    baseline: str = ""

    def codes(self, path: Path) -> frozenset[str]:
        """The rules that are on for the file at `path`. The longest prefix decides, as in ruff."""
        per_file = tuple(
            code
            for pattern, codes in self.per_file_ignores if self.matches(path, pattern)
            for code in codes if code not in self.ignore
        )
        return _codes(self.select, self.extend_select, self.ignore, per_file)

    def _relative(self, path: Path) -> str:
        try:
            return path.absolute().relative_to(self.root.absolute()).as_posix()
        except ValueError:
            return path.name

    def matches(self, path: Path, pattern: str) -> bool:
        """Whether `path`, seen from the configuration's folder, fits the pattern."""
        relative = self._relative(path)
        folders = [relative, *(parent.as_posix() for parent in Path(relative).parents)]
        return any(
            fnmatch.fnmatch(name, pattern.rstrip("/")) or fnmatch.fnmatch(Path(name).name, pattern)
            for name in folders
        )

    def excluded(self, path: Path) -> bool:
        parts = map(os.path.normcase, Path(self._relative(path)).parts)
        return not _EXCLUDED_NAMES.isdisjoint(parts) or any(
            self.matches(path, pattern) for pattern in self.exclude
        )


@lru_cache(maxsize=256)
def _codes(
    select: tuple[str, ...], extend_select: tuple[str, ...], ignore: tuple[str, ...],
    per_file: tuple[str, ...],
) -> frozenset[str]:
    chosen = set()
    for rule in all_rules():
        on = _longest(select, rule.code) if select else int(rule.default) - 1
        on = max(on, _longest(extend_select, rule.code))
        if on >= 0 and _longest((*ignore, *per_file), rule.code) < max(on, 1) and (
            _longest(per_file, rule.code) < 0
        ):
            chosen.add(rule.code)
    return frozenset(chosen)


def _longest(prefixes: Sequence[str], code: str) -> int:
    found = [len(p) if p != "ALL" else 0 for p in prefixes if p == "ALL" or code.startswith(p)]
    return max(found, default=-1)


def check_codes(codes: Sequence[str], where: str) -> tuple[str, ...]:
    """The codes in capitals. Raises ConfigError where one names no rule."""
    wanted = tuple(code.strip().upper() for code in codes if code.strip())
    for code in wanted:
        if code != "ALL" and not any(rule.code.startswith(code) for rule in all_rules()):
            raise ConfigError(f"{where}: no rule is called `{code}`")
    return wanted


def load(path: Path) -> Config:
    """The configuration in the TOML file at `path`. Raises ConfigError."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        data = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{path}: can't read the file: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    tool = data.get("tool", {})
    table = tool.get("jaxport", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.jaxport must be a table")
    return _from_table(table, path)


def _from_table(table: Mapping[str, Any], path: Path) -> Config:
    config = Config(root=path.parent)
    for key, value in table.items():
        where = f"{path}: tool.jaxport.{key}"
        if key in CODE_LISTS:
            config = with_codes(config, key, check_codes(_strings(value, where), where))
        elif key == "include":
            config = replace(config, include=_strings(value, where))
        elif key == "exclude":
            config = replace(config, exclude=_strings(value, where))
        elif key == "per-file-ignores":
            if not isinstance(value, dict):
                raise ConfigError(f"{where} must be a table of patterns and lists of codes")
            pairs = tuple(
                (pattern, check_codes(_strings(codes, f"{where}.{pattern}"), where))
                for pattern, codes in value.items()
            )
            config = replace(config, per_file_ignores=pairs)
        elif key == "dialect":
            if value not in get_args(Dialect):
                raise ConfigError(f"{where} must be one of {', '.join(get_args(Dialect))}")
            config = replace(config, dialect=value)
        elif key == "baseline":
            if not isinstance(value, str) or not value:
                raise ConfigError(f"{where} must be the name of a file")
            config = replace(config, baseline=value)
        else:
            raise ConfigError(f"{where}: no such setting")
    return config


def with_codes(config: Config, key: str, codes: tuple[str, ...]) -> Config:
    """The configuration with one of its lists of codes replaced; `key` as in `CODE_LISTS`."""
    if key == "select":
        return replace(config, select=codes)
    if key == "ignore":
        return replace(config, ignore=codes)
    return replace(config, extend_select=codes)


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{where} must be a list of strings")
    return tuple(value)


@lru_cache(maxsize=4096)
def find(folder: Path) -> Config:
    """The configuration for files in `folder`: the nearest `pyproject.toml` that has one."""
    for parent in (folder, *folder.parents):
        candidate = parent / "pyproject.toml"
        if candidate.is_file():
            text = candidate.read_bytes()
            if b"jaxport" in text:
                config = load(candidate)
                if b"tool.jaxport" in text or config != Config(root=candidate.parent):
                    return config
    return Config(root=folder)
