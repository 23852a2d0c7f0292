"""What a layer does with the memory of its input: give it on, change it, or make new memory."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.records import record
from jaxport.semantics.kinds.overloads import bound
from jaxport.semantics.model import Model, default_of
from jaxport.semantics.values import External, Instance, Value
from jaxport.tables.forms import rows
from jaxport.tables.parts import layers

# Layers that can give their input itself, or a view of it.
_SHARE = frozenset({
    "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "Flatten",
    "Unflatten", "Rearrange", "Reduce", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle",
    "Sequential", "DataLoader", "Dataset", "TensorDataset",
})  # fmt: skip
_DEPTH = 6
Blocks = tuple[ast.AST, ...]
# A layer of a chain, in which file, and the blocks that have to run for it to be there.
Link = tuple[Model, ast.expr, Blocks]


@record(frozen=True)
class Effect:
    """What calling a layer does: whether it changes its input, and whether its result is new."""

    changes: bool
    is_new: bool


def function_changes(call: ast.Call, name: str) -> bool:
    """Whether the call of torch's function `name` can change its first argument."""
    if name.endswith("_") and not name.endswith("__"):
        return True
    for row in rows().get(name, ()):
        given = (bound(row, call, method=False) or {}).get("inplace", [])
        if any(not _is_false(item) for item in given):
            return True
    return _says_in_place(call)


def effect(model: Model, func: ast.expr, depth: int = _DEPTH) -> Effect | None:
    """What calling `func` does, where it can be a layer; None where nothing tells."""
    if isinstance(func, ast.Attribute) and func.attr in ("forward", "__call__"):
        func = func.value
    values = model.infer(func)
    if not values and _is_call_of(func, "getattr"):
        given = [call.args[-1] for call in model.walk.calls if _is_call_of(call, "setattr")]
        done = [effect(model, layer, depth - 1) for layer in given] if depth else []
        changed = any(item is not None and item.changes for item in done)
        return Effect(True, True) if changed else None
    found = [_of_value(model, value, depth) for value in values]
    known = [item for item in found if item is not None]
    changes = any(item.changes for item in known) or (
        all(isinstance(value, External) for value in values)
        and any(map(_says_in_place, _made(model, func)))
    )
    if not changes and not known:
        return None
    return Effect(changes, bool(known) and len(known) == len(found)
                  and all(item.is_new for item in known))


def _of_value(model: Model, value: Value, depth: int) -> Effect | None:
    if not isinstance(value, Instance) or depth == 0:
        return None
    call = value.call
    if isinstance(value.of, External):
        name = value.of.name
        if name == "torch.nn.Sequential" and call is not None:
            return _of_chain(model, _chain(model, call.args), depth)
        if name not in layers():
            return None
        return Effect(call is not None and _makes_in_place(model, call, name),
                      name.rsplit(".", 1)[-1] not in _SHARE)
    if "torch.nn.Sequential" in model.ancestors(value) and not _has_forward(model, value):
        return _of_chain(model, _inherited(model, value), depth)
    return None


def _of_chain(model: Model, chain: list[Link], depth: int) -> Effect:
    """The layers up to the first that makes new memory decide."""
    new: list[Blocks] = []
    for owner, layer, blocks in chain:
        found = effect(owner, layer, depth - 1)
        if found is None or any(blocks[: len(before)] == before for before in new):
            continue
        if found.changes:
            return Effect(True, True)
        if found.is_new:
            new.append(blocks)
    return Effect(False, () in new or any(_on_both_ways(blocks, new) for blocks in new))


def _on_both_ways(blocks: Blocks, new: list[Blocks]) -> bool:
    """Whether the branch of an `if` has a layer, and its `else` has one as well."""
    match blocks:
        case (ast.If(orelse=[first, *_]),):
            return (first,) in new
    return False


def _chain(
    model: Model, arguments: list[ast.expr], blocks: Blocks = (), depth: int = _DEPTH
) -> list[Link]:
    """The layers in their order, those of lists that are unpacked among them."""
    found: list[Link] = []
    for node in arguments if depth else []:
        match node:
            case ast.Starred(value=ast.List(elts=items) | ast.Tuple(elts=items)):
                found += _chain(model, items, blocks, depth - 1)
            case ast.Starred(value=ast.Name() as name):
                found += _listed(model, name, depth - 1)
            case ast.Starred(value=ast.ListComp(elt=item) | ast.GeneratorExp(elt=item)):
                found.append((model, item, (*blocks, node)))
            case ast.Starred(value=ast.IfExp(body=body, orelse=orelse)):
                for part in (body, orelse):
                    unpacked = ast.Starred(part, ast.Load())
                    found += _chain(model, [unpacked], (*blocks, part), depth - 1)
            case ast.Starred(value=ast.BinOp(left=left, op=ast.Add(), right=right)):
                both: list[ast.expr] = [ast.Starred(part, ast.Load()) for part in (left, right)]
                found += _chain(model, both, blocks, depth - 1)
            case ast.Call(func=func, args=[ast.List(elts=items)]) if (
                model.qualified(func) == "collections.OrderedDict"
            ):
                pairs = [item for item in items if isinstance(item, ast.Tuple)]
                found += [(model, item.elts[-1], blocks) for item in pairs if item.elts]
            case _:
                found.append((model, node, blocks))
    return found


def _listed(model: Model, name: ast.Name, depth: int) -> list[Link]:
    """The layers in a list: those it is made with, and those added to it."""
    found: list[Link] = []
    _, here = model.walk.where.get(name, (None, ()))
    for binding in sorted(model.lookup(name, name.id), key=lambda item: item.row):
        blocks = binding.blocks
        if here[: len(blocks)] == blocks:
            blocks = ()
        match binding.kind, binding.node:
            case "added", ast.expr() as node:
                found.append((model, node, blocks))
            case "value", (ast.List() | ast.Tuple() | ast.ListComp()) as node:
                found += _chain(model, [ast.Starred(node, ast.Load())], blocks, depth)
            case "other", ast.AugAssign(value=ast.expr() as node):
                found += _chain(model, [ast.Starred(node, ast.Load())], blocks, depth)
    return found


def _inherited(model: Model, value: Instance) -> list[Link]:
    """What a class of its own gives to `Sequential`: `super().__init__(conv, norm, relu)`."""
    for owner, info in model.local_classes(value):
        if "torch.nn.Sequential" not in {owner.qualified(base) for base in info.node.bases}:
            continue
        for call in owner.walk.calls:
            match call.func:
                case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__") if (
                    info.node in owner.walk.ancestors(call)
                ):
                    return _chain(owner, call.args)
    return []


def _has_forward(model: Model, value: Instance) -> bool:
    return any("forward" in info.scope.bindings for _, info in model.local_classes(value))


def _makes_in_place(model: Model, call: ast.Call, name: str) -> bool:
    """Whether the call makes a layer that changes its input, by `inplace=True` or by its place."""
    names = [item.arg for item in layers()[name].parameters.args]
    place = names.index("inplace") if "inplace" in names else len(call.args)
    by_place = call.args[place : place + 1]
    return (
        _says_in_place(call) or any(not _is_false(item) for item in by_place)
        or any(map(_says_in_place, _made(model, call.func)))
    )


def _made(model: Model, node: ast.expr, depth: int = _DEPTH) -> Iterator[ast.Call]:
    """The calls that the value comes from: of a layer's class or of `partial`."""
    if depth == 0:
        return
    match node:
        case ast.Call(func=func):
            yield node
            if model.qualified(func) != "functools.partial":
                yield from _made(model, func, depth - 1)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _made(model, body, depth - 1)
            yield from _made(model, orelse, depth - 1)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _made(model, value, depth - 1)
        case ast.Name(id=name):
            for binding in model.lookup(node, name):
                if binding.kind == "value" and isinstance(binding.node, ast.expr):
                    yield from _made(model, binding.node, depth - 1)
                elif isinstance(binding.node, ast.arg):
                    arguments = getattr(binding.scope.node, "args", None)
                    default = default_of(arguments, binding.node) if arguments else None
                    given = [item for _, item in model.passed(binding.node, binding.scope)]
                    for item in [*([default] if default else []), *given]:
                        yield from _made(model, item, depth - 1)
        case ast.Attribute(value=holder, attr=name):
            for held in model.infer(holder):
                for owner, info in model.local_classes(held):
                    for binding in info.attributes.get(name, []):
                        if binding.kind == "value" and isinstance(binding.node, ast.expr):
                            yield from _made(owner, binding.node, depth - 1)


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (
        node.func.id == name and len(node.args) > 1)


def _says_in_place(call: ast.Call) -> bool:
    return any(item.arg == "inplace" and not _is_false(item.value) for item in call.keywords)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value
