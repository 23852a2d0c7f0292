"""A stand-in for GitHub's runner: it executes the steps of an action or a job as they are written.

Expressions are those that this project uses, and no more: an unknown one is an error. Actions of
others are stood in for by their outputs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
Outputs = dict[str, str]

_EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")
_INPUT = re.compile(r"inputs\.([\w-]+)")
_OUTPUT = re.compile(r"steps\.([\w-]+)\.outputs\.([\w-]+)")
# What the runner obeys.
_COMMANDS = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group",
    "notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A workflow command."""

    name: str
    properties: Mapping[str, str]
    message: str


@dataclass
class Done:
    """What the steps of an action came to."""

    code: int = 0
    out: str = ""
    steps: dict[str, Outputs] = field(default_factory=dict)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    outputs: Outputs = field(default_factory=dict)
    summary: str = ""

    @property
    def lines(self) -> list[str]:
        return re.split(r"\r\n|\r|\n", self.out.rstrip("\n"))

    @property
    def commands(self) -> list[Command]:
        return [command for line in self.lines if (command := _command(line))]


def _command(line: str) -> Command | None:
    """The command that the runner sees in a line, in its new form or its old one."""
    new = re.match(r"\s*::([^ :]+)(?: (.*?))?::(.*)", line, re.DOTALL)
    if new and new[1] in _COMMANDS:
        pairs = (pair.split("=", 1) for pair in (new[2] or "").split(",") if "=" in pair)
        properties = {name: _decoded(value, ":,") for name, value in pairs}
        return Command(new[1], properties, _decoded(new[3], ""))
    old = re.search(r"##\[([^ \]]+)(.*?)\](.*)", line, re.DOTALL)
    return Command(old[1], {}, old[3]) if old and old[1] in _COMMANDS else None


def _decoded(text: str, more: str) -> str:
    for char in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(char):02X}", char)
    return text


@dataclass
class Runner:
    """One job: its work tree, the files of its event, and what the machine has.

    `installed` holds the outputs of steps that are not executed again.
    """

    workspace: Path
    temp: Path
    python: str
    event: object = None
    installed: Mapping[str, Outputs] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def action(self, given: Mapping[str, str] | None = None) -> Done:
        """Use the action with these inputs."""
        self.temp.mkdir(exist_ok=True)
        declared = ACTION["inputs"]
        unknown = set(given or {}) - set(declared)
        assert not unknown, unknown
        inputs = {name: str(item["default"]) for name, item in declared.items()} | dict(given or {})
        done = self._steps(ACTION["runs"]["steps"], inputs)
        done.outputs = {
            name: _evaluated(item["value"], inputs, done.steps)
            for name, item in ACTION["outputs"].items()
        }
        return done

    def job(
        self, steps: list[dict[str, Any]], use: Callable[[dict[str, Any]], Done]
    ) -> Done:
        """Execute the steps of a job; `use` executes those that use this action."""
        return self._steps(steps, {}, use)

    def _steps(
        self,
        steps: list[dict[str, Any]],
        inputs: Mapping[str, str],
        use: Callable[[dict[str, Any]], Done] | None = None,
    ) -> Done:
        done = Done()
        for number, step in enumerate(steps):
            name = step.get("id", f"step-{number}")
            if step.get("uses") == "./" and use is not None:
                used = use(step)
                done.code, done.steps[name] = used.code, used.outputs
            elif "uses" in step:
                given = {key: _evaluated(str(value), inputs, done.steps)
                         for key, value in step.get("with", {}).items()}  # fmt: skip
                done.used.append((step["uses"], given))
                done.steps[name] = {"python-path": self.python}
            elif name in self.installed:
                done.steps[name] = self.installed[name]
            else:
                self._run(step, name, inputs, done)
            if done.code:
                break
        return done

    def _run(
        self, step: dict[str, Any], name: str, inputs: Mapping[str, str], done: Done
    ) -> None:
        assert step.get("shell", "bash") == "bash"
        assert "${{" not in step["run"], "an expression in a script is an injection"
        files = {key: self.temp / f"{name}-{key}" for key in
                 ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}  # fmt: skip
        for file in files.values():
            file.write_bytes(b"")
        script = self.temp / f"{name}.sh"
        script.write_text(step["run"], encoding="utf-8")
        given = {key: _evaluated(str(value), inputs, done.steps)
                 for key, value in step.get("env", {}).items()}  # fmt: skip
        folder = self.workspace / _evaluated(step.get("working-directory", "."), inputs, done.steps)
        result = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=folder, env=self._environment() | {k: str(v) for k, v in files.items()} | given,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        done.code = result.returncode
        done.out += result.stdout.decode(errors="replace")
        done.steps[name] = _outputs(files["GITHUB_OUTPUT"])
        done.summary += files["GITHUB_STEP_SUMMARY"].read_bytes().decode()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("GIT_", "GITHUB_", "RUNNER_", "JAXPORT_"))}  # fmt: skip
        variables = {
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        if self.event is not None:
            file = self.temp / "event.json"
            file.write_text(json.dumps(self.event), encoding="utf-8")
            variables["GITHUB_EVENT_PATH"] = str(file)
        return kept | variables | dict(self.variables)


def _evaluated(text: str, inputs: Mapping[str, str], steps: Mapping[str, Outputs]) -> str:
    def value(match: re.Match[str]) -> str:
        if found := _INPUT.fullmatch(match[1]):
            return inputs[found[1]]
        found = _OUTPUT.fullmatch(match[1])
        assert found, f"an expression that the tests don't know: {match[0]}"
        return steps.get(found[1], {}).get(found[2], "")

    return _EXPRESSION.sub(value, text)


def _outputs(file: Path) -> Outputs:
    """The outputs of a step, read line by line as the runner reads them."""
    outputs: Outputs = {}
    lines = iter(file.read_bytes().decode().splitlines(keepends=True))
    for line in lines:
        name, equals, value = line.rstrip("\n").partition("=")
        head, heredoc, mark = line.rstrip("\n").partition("<<")
        if heredoc and len(head) < len(name):
            inside: list[str] = []
            while (part := next(lines)).rstrip("\n") != mark:
                inside.append(part)
            outputs[head] = "".join(inside).removesuffix("\n")
        else:
            assert equals, line
            outputs[name] = value
    return outputs
