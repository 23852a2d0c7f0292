"""What attributes are: those of tensors, and what classes assign to theirs."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.functions import returned
from jaxport.semantics.kinds.kind import INT, SHAPE, TENSOR, UNKNOWN, Kind, Kinds, elements, only
from jaxport.semantics.kinds.names import bound_by, narrowed
from jaxport.semantics.kinds.uses import is_tensor_use
from jaxport.semantics.kinds.variables import registered_values
from jaxport.semantics.scopes import Class
from jaxport.semantics.values import External, Instance, LocalClass
from jaxport.tables.constants import CONSTANTS
from jaxport.tables.parts import layers

_OF_TENSORS = {
    "shape": SHAPE, "ndim": INT, "dtype": only("dtype"), "device": only("device"),
    "itemsize": INT, "nbytes": INT, "requires_grad": only("bool"), "is_cuda": only("bool"),
    "size": INT,
    **dict.fromkeys(
        ("T", "mT", "H", "mH", "data", "real", "imag", "grad", "values", "indices"), TENSOR
    ),
}  # fmt: skip
_OF_RESULTS = {"values", "indices", "Q", "R", "U", "S", "Vh", "eigenvalues", "eigenvectors"}
_OF_LAYERS = ("weight", "bias", "running_mean", "running_var", "in_proj_weight")


def of_attribute(kinds: FileKinds, node: ast.Attribute) -> Kinds:
    name = kinds.model.qualified(node) or ""
    if name in CONSTANTS:
        return _of_constant(name)
    if name.startswith(("math.", "numpy.")) and name.count(".") == 1:
        return only("float") if name.split(".")[1] in ("pi", "e", "inf", "nan") else UNKNOWN
    held = kinds.of(node.value)
    found = UNKNOWN.union(*(_of_kind(kind, node.attr) for kind in held))
    if found:
        return found
    if node.attr == "shape" and not held:
        return SHAPE
    return _of_instance(kinds, node)


def _of_constant(name: str) -> Kinds:
    """The kind of a torch name that is a value."""
    last = name.rsplit(".", 1)[-1]
    if last in ("pi", "inf", "nan", "e"):
        return only("float")
    return only("class") if last[:1].isupper() else only("dtype")


def _of_kind(kind: Kind, name: str) -> Kinds:
    """What the attribute `name` of a value of this kind is."""
    if kind.name == "tensor":
        return _OF_TENSORS.get(name, UNKNOWN)
    if kind.name == "numpy":
        return SHAPE if name == "shape" else only("numpy")
    if kind.name == "sequence" and name in _OF_RESULTS:
        return elements(frozenset([kind]))
    return only("float") if kind.name == "limits" else UNKNOWN


def _of_instance(kinds: FileKinds, node: ast.Attribute) -> Kinds:
    """What an attribute of an instance is: everything that the class assigns to it."""
    found: Kinds = UNKNOWN
    if isinstance(node.value, ast.Name) and node.attr in _OF_LAYERS:
        names = [kinds.model.qualified(item) for item in narrowed(kinds.model, node.value)]
        if names and all(name in layers() for name in names):
            return TENSOR
    for value in kinds.model.infer(node.value):
        match value:
            case Instance(of=LocalClass()):
                for model, info in kinds.model.local_classes(value):
                    found |= _of_class(kinds.elsewhere(model), info, node.attr)
                    if found:
                        break
                if not found and node.attr in _OF_LAYERS and any(
                    name in layers() for name in kinds.model.ancestors(value)
                ):
                    found |= TENSOR
            case Instance(of=External(name=name)) if name in layers():
                if node.attr in _OF_LAYERS:
                    found |= TENSOR
    if not found and kinds.may_be_module(node):
        return only("module")
    if not found and _used_as_tensor(kinds, node):
        return TENSOR
    return found


def _used_as_tensor(kinds: FileKinds, node: ast.Attribute) -> bool:
    """Whether an unknown attribute is a tensor by what is done with it right here."""
    return isinstance(node.ctx, ast.Load) and is_tensor_use(kinds, node) and not any(
        isinstance(value, External) for value in kinds.model.infer(node)
    )


def _of_class(kinds: FileKinds, info: Class, name: str) -> Kinds:
    """What the methods of a class assign to the attribute `name` of `self`."""
    with kinds.asking(("attribute", info, name)) as new:
        if not new:
            return UNKNOWN
        found = TENSOR if name in kinds.variables(info) else UNKNOWN
        for value in registered_values(info, name):
            found |= kinds.of(value) & only("none")
        for binding in [*info.attributes.get(name, []), *info.scope.bindings.get(name, [])]:
            if isinstance(binding.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found |= _of_method(kinds, binding.node)
            else:
                found |= bound_by(kinds, binding)
        return found


def _of_method(kinds: FileKinds, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Kinds:
    """A method as an attribute: a function, or what a property gives."""
    names = {getattr(item, "id", getattr(item, "attr", "")) for item in node.decorator_list}
    if names & {"property", "cached_property"}:
        return returned(kinds, kinds.model.walk.scopes[node])
    return only("function")
