"""What annotations promise: those of the file, and those of our own forms and parts."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.kind import (
    SHAPE,
    TENSOR,
    UNKNOWN,
    Kinds,
    listed,
    mapping,
    only,
    sequence,
)
from jaxport.semantics.model import Model
from jaxport.semantics.values import Instance, LocalClass
from jaxport.tables import torch_names
from jaxport.tables.parts import parts


def annotation(model: Model, node: ast.AST) -> Kinds:
    """The kinds that a type annotation of the file promises."""
    match node:
        case ast.Constant(value=None):
            return only("none")
        case ast.Constant(value=str(text)):
            return TENSOR if text.rsplit(".", 1)[-1] in ("Tensor", "Array") else _plain(text)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            one, other = annotation(model, left), annotation(model, right)
            return one | other if one and other else UNKNOWN
        case ast.Subscript(value=value, slice=index):
            items = list(index.elts) if isinstance(index, ast.Tuple) else [index]
            return _generic(model, value, items)
    return _class(model, node)


def _generic(model: Model, value: ast.expr, items: list[ast.expr]) -> Kinds:
    """What `value[*items]` promises."""
    name = (model.qualified(value) or ast.unparse(value)).rsplit(".", 1)[-1]
    if name == "Optional":
        return annotation(model, items[0]) | only("none")
    if name == "Union":
        members = [annotation(model, item) for item in items]
        return UNKNOWN.union(*members) if all(members) else UNKNOWN
    if name in ("List", "list", "Sequence", "Iterable", "Iterator", "Set", "set"):
        return sequence(annotation(model, items[0]))
    if name in ("Tuple", "tuple"):
        if len(items) == 2 and ast.unparse(items[1]) == "...":
            return sequence(annotation(model, items[0]))
        return listed(annotation(model, item) for item in items)
    if name in ("Dict", "dict", "Mapping"):
        return mapping(annotation(model, items[-1]))
    return UNKNOWN


def _class(model: Model, node: ast.AST) -> Kinds:
    full = model.qualified(node) or ""
    if full in ("torch.Tensor", "jax.Array", "torch.nn.Parameter") or (
        full.startswith("torch.") and full.endswith("Tensor")
    ):
        return TENSOR
    if full == "torch.Size":
        return SHAPE
    if full in ("torch.dtype", "torch.device"):
        return only(full.rsplit(".", 1)[1])
    if full == "numpy.ndarray":
        return only("numpy")
    if full and torch_names.is_module_class(full):
        return only("module")
    if any(
        isinstance(value, LocalClass) and model.value_role(Instance(value), "module") is not None
        for value in model.infer(node)
    ):
        return only("module")
    return _plain(node.id) if isinstance(node, ast.Name) else UNKNOWN


def _plain(name: str) -> Kinds:
    if name in ("int", "float", "bool", "str"):
        return only(name)
    if name in ("list", "tuple", "List", "Tuple"):
        return sequence(UNKNOWN)
    return only("mapping") if name in ("dict", "Dict") else UNKNOWN


def given(text: str) -> Kinds:
    """The kinds that the return annotation of a form or a part stands for."""
    return _given(ast.parse(text, mode="eval").body)


def _given(node: ast.AST) -> Kinds:
    match node:
        case ast.Constant(value=None):
            return only("none")
        case ast.Name(id="shape"):
            return SHAPE
        case ast.Name(id="Tensor" | "Any" | "any") | ast.Attribute(attr="Array"):
            return TENSOR
        case ast.Name(id=name) if name in ("int", "float", "bool", "str", "dtype", "device"):
            return only(name)
        case ast.Name(id=name) if name in parts():
            fields = [
                _given(item.annotation)
                for item in getattr(parts()[name].node, "body", [])
                if isinstance(item, ast.AnnAssign)
            ]
            return listed(fields) if fields else only("module")
        case ast.BinOp(left=left, right=right):
            return _given(left) | _given(right)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=items)):
            if isinstance(items[-1], ast.Constant) and items[-1].value is ...:
                return sequence(_given(items[0]))
            return listed(_given(item) for item in items)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return sequence(_given(item))
    return UNKNOWN
