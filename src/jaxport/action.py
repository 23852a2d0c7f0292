"""What the GitHub Action runs: one check, shown as annotations, a summary, SARIF and a patch.

It is told what to do by environment variables: those that `action.yml` makes of its inputs, and
those of GitHub. Nothing that it prints or writes can be a command that a file's name asks for.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
# Arguments of `check` that show or write something else than the action does.
_OURS = ("diff", "statistics", "write_baseline", "add_noqa", "show_fixes")


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
    arguments = _arguments(inputs)
    totals = check.Totals()
    results = list(check.results(arguments, totals))
    code = 2 if totals.failed else int(totals.found > 0)
    outputs = {
        "findings": str(totals.found), "fixable": str(totals.fixable),
        "fixed": str(totals.fixed), "exit-code": str(code),
    }  # fmt: skip
    if inputs.level is not None:
        sys.stdout.writelines(FORMATS["github"].render(results, Options(False, inputs.level)))
    if inputs.sarif_file:
        text = "".join(FORMATS["sarif"].render(results, Options(False, "error")))
        Path(inputs.sarif_file).write_text(text, encoding="utf-8")
        outputs["sarif-file"] = inputs.sarif_file
    patch = _patch([result.path for result in results if result.changed])
    if patch:
        outputs["patch-file"] = str(_save(patch))
    if inputs.fail_on == "new" or inputs.changed_only:
        outputs["new-findings"] = str(_new(inputs, results))
    _append("GITHUB_STEP_SUMMARY", _summary(inputs, results, patch))
    _say(outputs)
    print(totals.summary())
    if code == 2 or inputs.fail_on == "any":
        return code
    return int(inputs.fail_on == "new" and outputs["new-findings"] != "0")


def _arguments(inputs: Inputs) -> argparse.Namespace:
    """The arguments of `check`."""
    arguments = cli.parser().parse_args(["check", *inputs.args, "--", *inputs.paths])
    for name in _OURS:
        if getattr(arguments, name):
            option = name.replace("_", "-")
            raise ConfigError(f"input args: the action has no place for `--{option}`")
    arguments.fix = arguments.fix or inputs.fix
    arguments.output_format = "sarif" if inputs.sarif_file else "github"
    arguments.places = inputs.fail_on == "new"
    if inputs.changed_only:
        arguments.changed_only = _base()
    return arguments


def _new(inputs: Inputs, results: Sequence[FileResult]) -> int:
    """How many of the findings are on lines that the event changes."""
    if not inputs.changed_only:
        changes = Changes([Path(path) for path in inputs.paths], _base())
        results = [changes.only(result) for result in results]
    return sum(len(result.findings) for result in results)


def _base() -> str:
    """The commit that the event's changes start from; empty where the event names none."""
    event = _event()
    pull = event.get("pull_request")
    if isinstance(pull, dict):
        # What is checked out may be the merge of the pull request into its base.
        if _git("rev-parse", "--verify", "--quiet", "HEAD^2") == pull["head"]["sha"]:
            return "HEAD^1"
        return str(pull["base"]["sha"])
    before = str(event.get("before") or "")
    return before if before.strip("0") else ""


def _event() -> dict[str, Any]:
    try:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}


def _patch(paths: Sequence[Path]) -> str:
    """What git sees changed in the files, for `git apply` in the repository's root."""
    if not paths:
        return ""
    options = ("--no-color", "--no-ext-diff", "--binary", "--src-prefix=a/", "--dst-prefix=b/")
    return _git("diff", *options, "--", *map(str, paths), strip=False)


def _git(*arguments: str, strip: bool = True) -> str:
    command = ["git", "--literal-pathspecs", *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return ""
    text = os.fsdecode(done.stdout) if done.returncode == 0 else ""
    return text.strip() if strip else text


def _save(patch: str) -> Path:
    path = Path(os.environ.get("RUNNER_TEMP", "."), "jaxport.patch")
    path.write_bytes(os.fsencode(patch))
    return path


def _summary(inputs: Inputs, results: Sequence[FileResult], patch: str) -> str:
    scope = " that changed, on changed lines" if inputs.changed_only else ""
    return summary.render(results, scope, patch)


def _say(outputs: Mapping[str, str]) -> None:
    """Hand the outputs to the steps that follow."""
    _append("GITHUB_OUTPUT", "".join(_output(name, value) for name, value in outputs.items()))


def _output(name: str, value: str) -> str:
    mark = f"jaxport-{secrets.token_hex(16)}"  # nobody can end the value before us
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def _append(variable: str, text: str) -> None:
    """Add to one of the runner's files; nothing where it has none."""
    path = os.environ.get(variable)
    if path:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)


if __name__ == "__main__":
    sys.exit(main())
