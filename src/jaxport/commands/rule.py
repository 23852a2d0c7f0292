"""`jaxport rule`: what a rule says about itself."""

from __future__ import annotations

import argparse

from jaxport.config import ConfigError
from jaxport.rules import Rule, all_rules


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's arguments."""
    run_ = commands.add_parser("rule", help="explain a rule")
    run_.add_argument("code", nargs="?", metavar="CODE")
    run_.add_argument("--all", action="store_true", help="explain every rule")
    run_.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the pages of the rules that are asked for."""
    if not arguments.all and not arguments.code:
        raise ConfigError("rule: name a rule, or give --all")
    wanted = [rule for rule in all_rules() if arguments.all or rule.code == arguments.code.upper()]
    if not wanted:
        raise ConfigError(f"rule: no rule is called `{arguments.code}`")
    print("\n".join(page(rule) for rule in wanted), end="")
    return 0


def page(rule: Rule) -> str:
    """All that the rule says about itself, as Markdown."""
    parts = [
        f"# {rule.name} ({rule.code})\n",
        f"## What it does\n\n{rule.summary}\n",
        f"## Why it matters\n\n{rule.why}\n",
    ]
    for example in rule.examples:
        parts.append(f"## Example\n\n```python\n{example.before}```\n")
        if example.nnx is not None:
            parts.append(f"Use instead (`nnx`):\n\n```python\n{example.nnx}```\n")
        if example.switcheroo is not None and example.switcheroo != example.nnx:
            parts.append(f"`switcheroo`:\n\n```python\n{example.switcheroo}```\n")
        if example.port is not None:
            parts.append(f"`jaxport port` writes:\n\n```python\n{example.port}```\n")
        elif example.nnx is None:
            parts.append("Reported, not rewritten" + (" in `nnx`" * bool(example.switcheroo)) +
                         ".\n")
    parts.append(f"## Fix safety\n\n{rule.fix_safety}\n")
    if not rule.default:
        parts.append("Off by default; `--select ALL` turns it on.\n")
    return "\n".join(parts)
