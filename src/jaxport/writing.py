"""How a file's new text is shown, or put in its place: whole or not at all."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path

from jaxport.source import SourceFile, split_lines


def diff(path: Path, before: SourceFile, text: str) -> str:
    """The change from the file to `text` as a unified diff."""
    pairs = zip(before.sections(before.text), before.sections(text), strict=True)
    return "".join(_diff(path, name, old, new) for (name, old), (_, new) in pairs)


def _diff(path: Path, section: str, old: str, new: str) -> str:
    name = f"{path}{section}"
    unended = "\n" if section else "\n\\ No newline at end of file\n"
    lines = difflib.unified_diff(split_lines(old), split_lines(new), name, name)
    return "".join(
        line if line.endswith(("\n", "\r")) else line + unended for line in lines
    )


def write(path: Path, source: SourceFile, text: str) -> str:
    """Put `text` in the file's place, whole or not at all; the reason where it can't be."""
    try:
        data = source.encode(text)
    except UnicodeEncodeError as error:
        return str(error)
    return write_bytes(path, data)


def write_bytes(path: Path, data: bytes) -> str:
    """Put `data` in the place of a file, or make it one; the reason where it can't be."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode if target.exists() else 0o666 & ~_umask()
        if not mode & 0o222:
            return "the file is read-only"
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
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
