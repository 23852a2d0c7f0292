"""How a file's new text is shown, or put in its place: whole or not at all."""

from __future__ import annotations

import difflib
import os
import stat
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
    return put(path, data)


def put(path: Path, data: bytes) -> str:
    """Put `data` in the file's place, whole or not at all; the reason where it can't be."""
    target = Path(os.path.realpath(path))
    try:
        mode = _mode(target)
        if not mode & 0o222:
            return "the file is read-only"
        if not stat.S_ISREG(mode):  # a pipe or a device, or a folder, which fails
            target.write_bytes(data)
            return ""
        import tempfile

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


def _mode(target: Path) -> int:
    """The file's mode; of a new file, what the process gives its files."""
    try:
        return target.stat().st_mode
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return stat.S_IFREG | 0o666 & ~mask
