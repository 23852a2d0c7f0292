"""What the GitHub Action runs: one check, shown as annotations, a summary, SARIF and a patch.

It is told what to do by environment variables: those that `action.yml` makes of its inputs, and
those of GitHub. Nothing that it prints or writes can be a command that a file's name asks for.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxport import cli
from jaxport.changes import Changes
from jaxport.commands import check
from jaxport.config import ConfigError
from jaxport.formats import FORMATS, github, summary
from jaxport.formats.options import Level, Options
from jaxport.results import FileResult

_LEVELS: dict[str, Level | None] = {
    "error": "error", "warning": "warning", "notice": "notice", "none": None,
}  # fmt: skip
_FAIL_ON = ("any", "new", "never")


@dataclass(frozen=True)
class Inputs:
    """The inputs of the action, as `action.yml` describes them."""

    paths: tuple[str, ...]
    args: tuple[str, ...]
    changed_only: bool
    fix: bool
    sarif_file: str
    level: Level | None
    fail_on: str

    @staticmethod
    def of(environment: Mapping[str, str]) -> Inputs:
        """What the environment says. Raises ConfigError where an input has no such value."""
        given = {
            name: environment.get(f"JAXPORT_{name.replace('-', '_').upper()}", "").strip()
            for name in ("paths", "args", "select", "changed-only", "fix", "sarif-file",
                         "annotations", "fail-on")
        }  # fmt: skip
        select = ("--select", given["select"]) if given["select"] else ()
        return Inputs(
            tuple(_words("paths", given["paths"] or ".")),
            (*select, *_words("args", given["args"])),
            _one_of("changed-only", given["changed-only"], ("false", "true")) == "true",
            _one_of("fix", given["fix"], ("false", "true")) == "true",
            given["sarif-file"],
            _LEVELS[_one_of("annotations", given["annotations"], tuple(_LEVELS))],
            _one_of("fail-on", given["fail-on"], _FAIL_ON),
        )


def _words(name: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"input {name}: {error}") from None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value and value not in allowed:
        raise ConfigError(f"input {name}: `{value}` is none of {', '.join(allowed)}")
    return value or allowed[0]


def main() -> int:
    """Run the action; the exit code of its step."""
    try:
        return _run(Inputs.of(os.environ))
    except ConfigError as error:
        sys.stdout.write(github.command("error", {"title": "jaxport"}, str(error)))
    except OSError as error:
        text = f"{error.filename or 'output'}: {error.strerror}"
        sys.stdout.write(github.command("error", {"title": "jaxport"}, text))
    _say({"exit-code": "2"})
    return 2


def _run(inputs: Inputs) -> int:
    arguments = cli.parser().parse_args(["check", *inputs.args, "--", *inputs.paths])
    if not inputs.args_are_plain(arguments):
        raise ConfigError("input args: leave the output to the action")
    base = _base()
    arguments.fix = arguments.fix or inputs.fix
    arguments.output_format = "sarif" if inputs.sarif_file else "github"
    arguments.changed_only = base if inputs.changed_only else arguments.changed_only
