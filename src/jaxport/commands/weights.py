"""`jaxport weights`: a script that loads a checkpoint of torch into a ported model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_ABOUT = """\
Write a script that loads a torch checkpoint into CLASS of FILE, a file that `jaxport port` wrote.
This command only reads FILE. The script imports and runs the code in it."""


def add(run_: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    run_.description, run_.formatter_class = _ABOUT, argparse.RawDescriptionHelpFormatter
    run_.add_argument("target", metavar="FILE:CLASS", help="the ported file, and its model")
    run_.add_argument("-o", "--output", type=Path, metavar="OUT",
                      help="where the script goes; standard output by default")
    run_.add_argument("--arguments", metavar="TEXT",
                      help='what CLASS is called with, such as "dim=64, depth=2"')
    run_.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the script; 0 if that was done, 2 for errors."""
    from jaxport.transfer import TargetError, target
    from jaxport.weights import script

    output: Path | None = arguments.output
    try:
        path, name = target(arguments.target)
        text = script(path, name, output, arguments.arguments)
        if output is None:
            sys.stdout.write(text)
            return 0
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except TargetError as error:
        print(f"jaxport: {error}", file=sys.stderr)
        return 2
    except FileExistsError:
        print(f"jaxport: {output}: is there already, and may be changed by hand", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"jaxport: {output}: can't write the file: {error.strerror}", file=sys.stderr)
        return 2
    print(f"Wrote {output}.", file=sys.stderr)
    return 0
