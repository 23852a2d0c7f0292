"""What calls give."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.annotations import given
from jaxport.semantics.kinds.builtins import of_builtin
from jaxport.semantics.kinds.externals import of_external, of_method
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.functions import Call, of_forward, returned
from jaxport.semantics.kinds.kind import TENSOR, UNKNOWN, Kinds, only
from jaxport.semantics.kinds.uses import is_tensor_use
from jaxport.semantics.values import External, Instance, LocalClass, LocalFunction, Value
from jaxport.tables.parts import layers


def of_call(kinds: FileKinds, node: ast.Call) -> Kinds:
    func = node.func
    name = kinds.model.qualified(func) or ""
    if name:
        found = of_external(kinds, name, node)
        if found is not None:
            return found
    if isinstance(func, ast.Name) and not kinds.model.lookup(func, func.id):
        return of_builtin(kinds, func.id, node.args)
    if isinstance(func, ast.Attribute):
        found = of_method(kinds, func, node)
        if found is not None:
            return found
    values = kinds.model.infer(func)
    result = UNKNOWN.union(*(_of_value(kinds, value, node) for value in values))
    if result:
        return result
    if kinds.may_be_module(node):
        return only("module")
    if is_tensor_use(kinds, node):
        return TENSOR
    if node.args and _is_own(func) and kinds.is_tensor(node.args[0]):
        return TENSOR  # a part of the module that is made elsewhere
    return UNKNOWN


def _of_value(kinds: FileKinds, value: Value, call: ast.Call) -> Kinds:
    """What a call of `value` gives."""
    match value:
        case LocalFunction(model=model, scope=scope):
            return returned(kinds.elsewhere(model), scope, Call(call, kinds))
        case Instance(of=External(name=layer)) if layer in layers():
            return given(layers()[layer].gives)
        case Instance(of=External(name=layer)):
            return TENSOR if layer.startswith(("torch.nn.", "einops.layers.")) else UNKNOWN
        case Instance(of=LocalClass()):
            return of_forward(kinds, value, call)
        case LocalClass():
            role = kinds.model.value_role(Instance(value), "module")
            return only("module" if role else "object")
        case External(name=layer) if layer in layers():
            return only("module")
    return UNKNOWN


def _is_own(func: ast.expr) -> bool:
    """Whether it is an attribute of `self`."""
    return (
        isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name)
        and func.value.id == "self"
    )
