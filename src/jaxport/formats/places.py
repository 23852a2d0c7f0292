"""Names of files and findings that hold on other machines, and in other commits."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from jaxport.results import FileResult, Shown


def in_repository(path: Path) -> str | None:
    """The path from the repository's root, with slashes; None where it is outside of it.

    The root is what GitLab or GitHub says in the environment, else the current folder.
    """
    full = Path(os.path.abspath(path))
    for name in ("CI_PROJECT_DIR", "GITHUB_WORKSPACE"):
        root = os.environ.get(name)
        if root and full.is_relative_to(root):
            return full.relative_to(root).as_posix()
    here = Path.cwd()
    return full.relative_to(here).as_posix() if full.is_relative_to(here) else None


def in_cell(finding: Shown) -> str:
    """What names the cell of a notebook in front of a message; empty elsewhere."""
    at = finding.span.start
    return f"cell {at.cell}, line {at.row}: " if at.cell else ""


def fingerprints(result: FileResult) -> Iterator[str]:
    """For each finding a name that no other one has, and that stays when its lines move.

    It is made of file, code and source text, and of a number where these are the same.
    """
    import hashlib

    seen: Counter[tuple[str, ...]] = Counter()
    name = in_repository(result.path) or str(result.path)
    for finding in result.findings:
        key = (name, finding.code, *(text.strip() for text in finding.lines))
        parts = "\n".join([*key, str(seen[key])])
        seen[key] += 1
        yield hashlib.sha256(parts.encode(errors="surrogatepass")).hexdigest()[:32]
