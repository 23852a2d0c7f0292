"""What the GitHub Action runs: one check, shown as annotations, a summary, SARIF and a patch.

It is told what to do by environment variables: those that `action.yml` makes of its inputs, and
those of GitHub. What it prints are workflow commands and one sentence of its own, since the runner
obeys whatever looks like a command, on both outputs and inside of a line too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxport import cli, writing
from jaxport.changes import Changes
from jaxport.commands import check
from jaxport.config import ConfigError
from jaxport.formats import FORMATS, github, summary
from jaxport.formats.options import Options
from jaxport.records import record
from jaxport.results import FileResult

if TYPE_CHECKING:
    from jaxport.formats.options import Level

_LEVELS: dict[str, Level | None] = {
    "error": "error", "warning": "warning", "notice": "notice", "none": None,
}  # fmt: skip
_FAIL_ON = ("any", "new", "never")
# Arguments of `check` that are the action's own business, or have no place in it.
_OURS = (
    "diff", "statistics", "write_baseline", "add_noqa", "show_fixes", "exit_zero",
    "exit_non_zero_on_fix", "output_format", "annotations", "stdin_filename",
)  # fmt: skip
_PATCH = (
    "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--binary", "--unified=3",
    "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
_CHUNK = 100  # a command line has an end


@record(frozen=True)
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
        select = (f"--select={given['select']}",) if given["select"] else ()
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    code = 2
    lines: list[str] = []
    problems: list[str] = []
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            code, lines = _run(Inputs.of(os.environ))
    except ConfigError as error:
        problems.append(str(error))
    except OSError as error:
        problems.append(f"{error.filename or 'output'}: {error.strerror}")
    if problems:
        _say({"exit-code": "2"})
    # First, since GitHub shows ten annotations of a kind.
    for note in [*said.getvalue().splitlines(), *problems]:
        level = "error" if code == 2 else "notice"
        sys.stdout.write(github.command(level, {"title": "jaxport"}, note))
    sys.stdout.writelines(lines)
    return code


def _run(inputs: Inputs) -> tuple[int, list[str]]:
    """The exit code, and the lines to print."""
    arguments = _arguments(inputs)
    totals = check.Totals()
    results = list(check.results(arguments, totals))
    code = 2 if totals.failed else int(totals.found > 0)
    outputs = {
        "findings": str(totals.found), "fixable": str(totals.fixable),
        "fixed": str(totals.fixed), "exit-code": str(code),
    }  # fmt: skip
    changed_only = arguments.changed_only is not None
    new = totals.found
    if inputs.fail_on == "new" and not changed_only:
        new = _new(arguments.paths, results)
    if inputs.fail_on == "new" or changed_only:
        outputs["new-findings"] = str(new)
    if inputs.sarif_file:
        outputs["sarif-file"] = _sarif(inputs.sarif_file, results)
    patch = _patch([result.path for result in results if result.changed])
    if patch:
        outputs["patch-file"] = _saved(patch)
    text = summary.render(results, changed_only=changed_only, failed=totals.failed, patch=patch)
    _append("GITHUB_STEP_SUMMARY", text)
    _say(outputs)
    lines = [totals.summary() + "\n"]
    if inputs.level is not None:
        lines = [*FORMATS["github"].render(results, Options(level=inputs.level)), *lines]
    fails = {"any": totals.found, "new": new, "never": 0}[inputs.fail_on]
    return 2 if totals.failed else int(fails > 0), lines


def _arguments(inputs: Inputs) -> argparse.Namespace:
    """The arguments of `check`."""
    arguments = _parsed(["check", *inputs.args, "--", *inputs.paths])
    defaults = _parsed(["check"])
    for name in _OURS:
        if getattr(arguments, name) != getattr(defaults, name):
            option = name.replace("_", "-")
            raise ConfigError(f"input args: the action has no place for `--{option}`")
    if arguments.paths == [Path("-")]:
        raise ConfigError("input paths: the action has no standard input to check")
    arguments.fix |= inputs.fix
    arguments.output_format = "sarif" if inputs.sarif_file else "github"
    arguments.places = inputs.fail_on == "new"
    if inputs.changed_only and arguments.changed_only is None:
        arguments.changed_only = _base()
    return arguments


def _parsed(argv: list[str]) -> argparse.Namespace:
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return cli.parse(argv)
    except SystemExit:
        reason = said.getvalue().partition("error: ")[2].strip() or "this only shows help"
        raise ConfigError(f"input args: {reason}") from None


def _new(paths: Sequence[Path], results: Sequence[FileResult]) -> int:
    """How many of the findings are on lines that the event changes."""
    changes = Changes([path for path in paths if os.path.lexists(path)], _base())
    changed = changes.among(result.path for result in results)
    return sum(
        len(changes.only(result).findings) for result in results if result.path in changed
    )


def _base() -> str:
    """The commit that the event's changes start from; empty where the event names none."""
    event = _event()
    if "pull_request" in event:
        pull = event["pull_request"]
        # What is checked out may be the merge of the pull request into its base.
        done = _git("rev-parse", "--verify", "--quiet", "HEAD^2")
        merged = done.returncode == 0 and done.stdout.decode().strip() == pull["head"]["sha"]
        return "HEAD^1" if merged else str(pull["base"]["sha"])
    if "merge_group" in event:
        return str(event["merge_group"]["base_sha"])
    before = str(event.get("before", ""))
    return before if before.strip("0") else ""  # a new branch comes from nowhere


def _event() -> dict[str, Any]:
    try:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}


def _sarif(name: str, results: Sequence[FileResult]) -> str:
    """Write the file; its full path."""
    text = "".join(FORMATS["sarif"].render(results, Options()))
    path = os.path.abspath(name)
    problem = writing.put(Path(path), text.encode())
    if problem:
        raise ConfigError(f"input sarif-file: can't write {name}: {problem}")
    return path


def _patch(paths: Sequence[Path]) -> bytes:
    """What git sees changed in the files, for `git apply` in the repository's root."""
    names = [os.path.realpath(path) for path in paths]
    patch = b""
    for start in range(0, len(names), _CHUNK):
        done = _git("diff", *_PATCH, "--", *names[start : start + _CHUNK])
        if done.returncode:
            reason = done.stderr.decode(errors="replace").partition("\n")[0]
            print(f"jaxport: no patch of what was rewritten: {reason}", file=sys.stderr)
            return b""
        patch += done.stdout
    return patch


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "--literal-pathspecs", *arguments]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, b"", f"git: {error.strerror}".encode())


def _saved(patch: bytes) -> str:
    folder = os.environ.get("RUNNER_TEMP")
    handle, name = tempfile.mkstemp(prefix="jaxport-", suffix=".patch", dir=folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(patch)
    return name


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
        with open(path, "a", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            stream.write(text)


if __name__ == "__main__":
    sys.exit(main())
