"""`jaxport rule`: what a rule says about itself."""

from __future__ import annotations

import argparse

from jaxport.config import ConfigError
from jaxport.formats.rule_page import page
from jaxport.rules import all_rules


def add(run_: argparse.ArgumentParser) -> None:
    """The command's arguments."""
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
