"""Port files in place with `jaxport port`, and read what kept it from porting some."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(?P<path>.+?):(?P<row>\d+):\d+: (?P<code>\w+) (?:\[\*\] )?(?P<message>.*)")


@dataclass(frozen=True)
class Blocker:
    """A line that keeps a file from being ported."""

    row: int
    code: str
    message: str


def port_files(files: Sequence[Path]) -> dict[Path, list[Blocker]]:
    """Port the files, which may import each other, in place; the blockers of each.

    A file with blockers is left as it was. Raises RuntimeError if the command itself fails.
    """
    command = [sys.executable, "-m", "jaxport", "port", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"jaxport port: {done.stderr.strip() or done.stdout.strip()}")
    blockers: dict[Path, list[Blocker]] = {path: [] for path in files}
    for line in done.stdout.splitlines():
        match = _LINE.fullmatch(line)
        if match:
            blocker = Blocker(int(match["row"]), match["code"], match["message"])
            blockers[Path(match["path"])].append(blocker)
    if done.returncode and not any(blockers.values()):
        raise RuntimeError(f"jaxport port names no blocker: {done.stderr.strip()}")
    return blockers
