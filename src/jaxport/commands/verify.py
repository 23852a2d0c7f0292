"""`jaxport verify`: a ported model against its original, on the same weights and inputs."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxport.verify import Difference

_ABOUT = """\
Compare CLASS of FILE, a file that `jaxport port` wrote, with the torch class that it was. This
command imports both files and runs the code in them.

Both models are built with the same arguments, get the same weights, and are called with the same
random inputs, in evaluation mode and, with --train, in training mode. Parameters that start as
constants, such as ones and zeros, are changed at random, so that no layer is hidden behind them.
Outputs are compared, and so are buffers, such as running statistics.

  git worktree add ../before HEAD
  jaxport verify model.py:Net --against ../before/model.py --arguments "dim=8" \\
      --inputs "float32[2, 3, 32, 32]" "int64[2, 5]<100" "mask=bool[2, 5]"

Numbers are normal, integers from 0 to the bound, and anything else is read as a constant of Python.
The relative difference of a number is that to its own magnitude, or to the median magnitude in its
array where that is larger. Integers and truth values have to be equal.

Exit code: 0 within the tolerance, 1 beyond, 2 for errors."""


def add(run_: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    run_.description, run_.formatter_class = _ABOUT, argparse.RawDescriptionHelpFormatter
    run_.add_argument("target", metavar="FILE:CLASS", help="the ported file, and its model")
    run_.add_argument("--against", required=True, metavar="ORIGINAL[:CLASS]",
                      help="the file as it was for torch, in its own package")
    run_.add_argument("--arguments", default="", metavar="TEXT",
                      help='what the classes are called with, such as "dim=64, depth=2"')
    run_.add_argument("--inputs", nargs="+", default=[], metavar="INPUT",
                      help="what the models are called with")
    run_.add_argument("--seed", type=_seed_number, default=0, metavar="N",
                      help="of weights and inputs; default 0")
    run_.add_argument("--tolerance", type=_tolerance, default=1e-4, metavar="X",
                      help="the largest relative difference of equal numbers; default 1e-4")
    run_.add_argument("--train", action="store_true", help="compare in training mode as well")
    run_.set_defaults(run=run)


def _seed_number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 0 to 2147483647")
    return int(text)


def _tolerance(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 0 on")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Compare and report; 0 if all is within the tolerance, 1 if something is not, 2 for errors."""
    from jaxport.transfer import TargetError, target
    from jaxport.verify import VerifyError, compare, sides

    differences: list[Difference] = []
    failure = ""
    try:
        path, name = target(arguments.target)
        against, original = target(arguments.against, default=name)
        for difference in compare(
            *sides(path, name, against, original), arguments.arguments, arguments.inputs,
            arguments.seed, arguments.tolerance, arguments.train,
        ):  # fmt: skip
            differences.append(difference)
    except (TargetError, VerifyError) as error:
        failure = str(error)
    width = max((len(item.where) for item in differences), default=0)
    for item in differences:
        print(f"{item.where:{width}}  {item}")
    if failure:
        print(f"jaxport: {failure}", file=sys.stderr)
        return 2
    far = [item.where for item in differences if item.is_beyond(arguments.tolerance)]
    both = f"{path}:{name} and {against}:{original}"
    if far:
        print(f"{both} differ by more than {arguments.tolerance:g} in {', '.join(far)}.")
        return 1
    print(f"{both} agree within {arguments.tolerance:g}.")
    return 0
