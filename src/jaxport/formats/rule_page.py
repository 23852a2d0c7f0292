"""What a rule says about itself, as Markdown."""

from __future__ import annotations

from jaxport.rules import Rule


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
