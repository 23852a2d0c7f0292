"""What a program reports of the model families that it runs."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

# By family: the error, empty where it ran.
OUTCOMES: dict[str, str] = {}
_SECONDS = 180


def run(names: Callable[[], Iterable[str]], family: Callable[[str], None]) -> None:
    """The body of a program: with `--list` print the families, else run the ones it is given."""
    given = sys.argv[1:]
    if given == ["--list"]:
        print("\n".join(names()))
        return
    for name in given:
        attempt(name, family)


def attempt(family: str, run: Callable[[str], None]) -> None:
    """Run one family. An error is kept, with the place where it was raised."""
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(_SECONDS)
    try:
        run(family)
        OUTCOMES[family] = ""
    except Exception as error:  # whatever the package raises
        OUTCOMES[family] = described(error)
    finally:
        signal.alarm(0)


def described(error: BaseException) -> str:
    """The error's first line, and where it was raised."""
    first, *_ = str(error).splitlines() or [""]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {first[:200]} ({Path(place.filename).name}:{place.lineno})"


def _out_of_time(*_: object) -> NoReturn:
    raise TimeoutError(f"not done in {_SECONDS} s")
