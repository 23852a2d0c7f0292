"""The command line. It follows ruff's, so that whoever knows ruff knows jaxport."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module

import jaxport
from jaxport.config import ConfigError
from jaxport.formats.terminal import one_line, width

# A file of `commands` for each: only the one that is run is loaded.
_COMMANDS = {
    "check": "report what keeps files from running on JAX",
    "report": "show how far a migration is",
    "port": "port whole files to Flax NNX, or say what blocks them",
    "weights": "write a script that loads a torch checkpoint into a ported model",
    "verify": "run a ported model and its original, and compare",
    "rule": "explain a rule",
}


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
    return parser(argv).parse_args(_explicit(argv))


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


def parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The commands: the first of `argv` with its arguments, or all of them without."""
    # Without a width and a name argparse works them out, and loads half a dozen modules for that.
    form = partial(argparse.HelpFormatter, width=width() - 2)
    parser = argparse.ArgumentParser(
        "jaxport", description=jaxport.__doc__, formatter_class=form
    )
    parser.add_argument("--version", action="version", version=f"jaxport {jaxport.__version__}")
    commands = parser.add_subparsers(
        prog=parser.prog, dest="command", required=True, metavar="COMMAND"
    )
    first = argv[0] if argv else ""
    for name in [first] if first in _COMMANDS else _COMMANDS:
        command = commands.add_parser(name, help=_COMMANDS[name], formatter_class=form)
        if name in argv:
            import_module(f"jaxport.commands.{name}").add(command)
    return parser
