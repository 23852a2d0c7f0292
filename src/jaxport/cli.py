"""The command line. It follows ruff's, so that whoever knows ruff knows jaxport."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence

import jaxport
from jaxport.commands import check, port, report, rule, verify, weights
from jaxport.config import ConfigError
from jaxport.formats.terminal import one_line


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 for nothing found, 1 for findings, 2 for errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except ConfigError as error:
        print(one_line(f"jaxport: {error}"), file=sys.stderr)
    except KeyboardInterrupt:
        print("jaxport: interrupted", file=sys.stderr)
    except BrokenPipeError:
        _silence()  # the reader has gone, as `head` does
        return 1
    except OSError as error:
        _silence()
        print(f"jaxport: can't write the output: {error.strerror}", file=sys.stderr)
    return 2


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says. Raises SystemExit where it is wrong."""
    return parser().parse_args(_explicit(argv))


def _silence() -> None:
    # What is still in the buffer must not fail once more at exit.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explicit(argv: Sequence[str]) -> list[str]:
    """`--changed-only` with an empty value, so that it never takes a PATH for its own."""
    end = argv.index("--") if "--" in argv else len(argv)
    flags = [
        f"{item}=" if item.startswith("--ch") and "--changed-only".startswith(item) else item
        for item in argv[:end]
    ]
    return [*flags, *argv[end:]]


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    parser = argparse.ArgumentParser("jaxport", description=jaxport.__doc__)
    parser.add_argument("--version", action="version", version=f"jaxport {jaxport.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (check, report, port, weights, verify, rule):
        command.add(commands)
    return parser
