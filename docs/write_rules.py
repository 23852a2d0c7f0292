"""Writes `docs/rules/`, a page for each rule, from the rules themselves.

    python docs/write_rules.py
"""

from __future__ import annotations

from pathlib import Path

from jaxport.formats.markdown import escaped
from jaxport.formats.rule_page import page
from jaxport.report.tree import FAMILIES
from jaxport.rules import all_rules

FOLDER = Path(__file__).parent / "rules"


def pages() -> dict[str, str]:
    """The text of each file in the folder."""
    found = {f"{rule.code}.md": page(rule) for rule in all_rules()}
    found["README.md"] = "\n".join(_index()) + "\n"
    return found


def _index() -> list[str]:
    lines = ["# Rules", "", "`jaxport rule CODE` prints the same pages."]
    for family, name in FAMILIES.items():
        lines += ["", f"## {family}: {name}", "", "| code | name | what it finds | default |",
                  "|---|---|---|---|"]
        lines += [
            f"| [{rule.code}]({rule.code}.md) | {rule.name} | {escaped(rule.summary)} "
            f"| {'on' if rule.default else 'off'} |"
            for rule in all_rules() if rule.code.startswith(family)
        ]
    return lines


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
