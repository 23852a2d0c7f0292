"""The report for machines."""

from __future__ import annotations

import json
from typing import Any

from jaxport.report.measure import Count
from jaxport.report.text import names
from jaxport.report.tree import FAMILIES, Node, Report


def render(report: Report) -> str:
    """One object; `jaxport report --help` says what its numbers mean.

    * `root`, `rules`: the folder, and which rules were on.
    * `total`, and each of `folders` and `files`: `path`, `lines`, `findings` with `total`, `fix`,
      `port` and `hand`, and the same by `families` and `codes`; a file's `state`; for the others
      `done`, a share or null, and `files` and `lines_by_state` by state.
    * `families`, `codes`: their names.
    * `start`: folders, the easiest first, with `automatic`, a share, and `needs`, the number of
      files elsewhere that are imported and to do.
    * `ready`: the files that `port` may finish now.
    """
    nodes = [node for _, node in report.root.walk()]
    return json.dumps(
        {
            "root": str(report.root.path),
            "rules": report.rules,
            "total": _node(report.root),
            "families": FAMILIES,
            "codes": names(),
            "start": [
                {"path": str(start.path), "files": start.files, "findings": _count(start.count),
                 "automatic": round(start.automatic, 4), "needs": start.needs}
                for start in report.starts
            ],
            "ready": [str(file.path) for file in report.ready],
            "folders": [_node(node) for node in nodes if node.file is None],
            "files": [_node(node) for node in nodes if node.file is not None],
        },
        indent=2,
    ) + "\n"  # fmt: skip


def _node(node: Node) -> dict[str, Any]:
    numbers = {
        "path": str(node.path),
        "lines": node.lines.total(),
        "findings": _count(node.count),
        "families": {key: _count(count) for key, count in node.families.items()},
        "codes": {code: _count(count) for code, count in sorted(node.codes.items())},
    }
    if node.file is not None:
        return {**numbers, "state": node.file.state}
    return {
        **numbers,
        "done": None if node.done is None else round(node.done, 4),
        "files": dict(node.files),
        "lines_by_state": dict(node.lines),
    }


def _count(count: Count) -> dict[str, int]:
    return {"total": count.found, "fix": count.fix, "port": count.port, "hand": count.hand}
