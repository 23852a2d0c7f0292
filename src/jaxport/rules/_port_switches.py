"""Torch's switches: `with torch.no_grad()`, `@torch.no_grad()`, and what else has no say in JAX."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from jaxport.findings import Edit, Finding, Position, Span
from jaxport.rules import _port_gradients
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_gradients import NO_GRAD

# Contexts that choose how torch computes, not what.
_BACKENDS = ("torch.nn.attention.sdpa_kernel", "torch.backends.cuda.sdp_kernel")
_ASKED = "JAX computes gradients only where it is asked to"
_CHOOSES = "JAX chooses itself how it computes"


def block(port: Conversion, node: ast.With) -> Iterator[Finding]:
    """A `with` of a switch: its block, without it."""
    switches = [_switch(port, item.context_expr) for item in node.items]
    if not any(switches):
        return
    for item in node.items:
        port.covered.update(ast.walk(item.context_expr))
    if len(node.items) > 1 or node.body[0].lineno == node.lineno:
        yield port.blocked("JXP702", node, _ASKED, "it stands among other contexts")
        return
    edits = _dedented(port, node)
    if edits is None:
        yield port.blocked("JXP702", node, _ASKED, "a text in it goes over several lines")
        return
    if switches[0] not in NO_GRAD:
        yield port.text("JXP702", node, _CHOOSES, edits)
        return
    if not _port_gradients.is_differentiated(port, node):
        yield port.text("JXP702", node, _ASKED, edits, ("jax",))
        return
    yield from _port_gradients.hidden(port, node)
    stops, used = _stopped(port, node)
    yield port.text("JXP702", node, _ASKED, [*edits, *stops], ("jax",), used)


def decorators(
    port: Conversion, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Finding]:
    for item in node.decorator_list:
        switch = _switch(port, item)
        if not switch:
            continue
        port.covered.update(ast.walk(item))
        if switch in NO_GRAD:
            yield from _port_gradients.hidden(port, node)
            yield from _port_gradients.given_back(port, node)
            yield port.text("JXP702", item, _ASKED,
                            [port.replaced(item, port.part_name("no_grad"))], used=("no_grad",))
        else:
            row = item.end_lineno or item.lineno
            last = Position(row, len(port.model.source.lines[row - 1]))
            yield port.text("JXP702", item, _CHOOSES,
                            [Edit(Span(Position(item.lineno, 0), last), "")])


def _switch(port: Conversion, node: ast.expr) -> str:
    """The name of the switch that the expression makes, else empty."""
    function = node.func if isinstance(node, ast.Call) else node
    name = port.model.qualified(function) or ""
    if name.endswith("autocast") and name.startswith("torch.") and isinstance(node, ast.Call):
        off = any(item.arg == "enabled" and isinstance(item.value, ast.Constant)
                  and item.value.value is False for item in node.keywords)
        return name if off else ""
    return name if name in NO_GRAD or name in _BACKENDS else ""


# Where a gradient would flow without the switch


def _stopped(port: Conversion, node: ast.With) -> tuple[list[Edit], tuple[str, ...]]:
    """The edits that stop the gradients of what the block returns and of what is read later."""
    edits: list[Edit] = []
    used: tuple[str, ...] = ()
    for item in ast.walk(node):
        if not isinstance(item, ast.Return) or item.value is None:
            continue
        parts = item.value.elts if isinstance(item.value, ast.Tuple) else [item.value]
        given = any(_port_gradients.is_kept_whole(port, part, item) for part in parts)
        for part in parts if given else [item.value]:
            if not _port_gradients.is_kept_whole(port, part, item):
                stops, needed = _port_gradients.stopped(port, part)
                edits += stops
                used += needed
    kept, tensors = _read_later(port, node)
    line = port.model.source.newline(node.lineno) + port.indent(node.lineno)
    if kept:
        text = ", ".join(kept)
        value = text if len(kept) == 1 else f"({text})"
        head = f"{port.spelled('jax', node.items[0].context_expr)}.lax.stop_gradient"
        if not tensors:
            head, used = port.part_name("stopped"), (*used, "stopped")
        edits.append(port.after(node, f"{line}{text} = {head}({value})"))
    return edits, tuple(dict.fromkeys(used))


def _read_later(port: Conversion, node: ast.With) -> tuple[list[str], bool]:
    """The names that the block gives a tensor and that are read behind it; if all are tensors."""
    bound = dict.fromkeys(
        item.id for statement in node.body for item in ast.walk(statement)
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
    )
    end = node.end_lineno or node.lineno
    found: list[str] = []
    tensors = True
    for name in bound:
        uses = [
            item for item in ast.walk(_port_gradients.holder(port, node))
            if isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load)
            and item.lineno > end and not port.kinds.names(item) & {"int", "float", "str", "bool"}
        ]
        if uses:
            found.append(name)
            tensors = tensors and all(port.kinds.names(item) == {"tensor"} for item in uses)
    return found, tensors


# The block without its `with`


def _dedented(port: Conversion, node: ast.With) -> list[Edit] | None:
    """The edits that take the `with` away and move its block to the left."""
    source = port.model.source
    outer = port.indent(node.lineno)
    first = node.body[0]
    row = min([first.lineno, *(item.lineno for item in getattr(first, "decorator_list", []))])
    deeper = port.indent(row)
    end = node.end_lineno or node.lineno
    if len(deeper) <= len(outer) or _has_long_string(source.lines[row - 1 : end]):
        return None
    edits = [Edit(Span(Position(node.lineno, 0), Position(row, len(deeper))), outer)]
    for line in range(row + 1, end + 1):
        if source.lines[line - 1].startswith(deeper):
            at = Span(Position(line, len(outer)), Position(line, len(deeper)))
            edits.append(Edit(at, ""))
    return edits


def _has_long_string(lines: list[str]) -> bool:
    text = "if True:\n" + "".join(lines)
    try:
        return any(
            token.type == tokenize.STRING and token.start[0] != token.end[0]
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
        )
    except (tokenize.TokenError, SyntaxError):
        return True
