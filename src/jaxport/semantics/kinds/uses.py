"""What is done with a value, where that tells what parameters and other unknown values are."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.annotations import annotation
from jaxport.semantics.kinds.externals import EINOPS, SAME_KIND
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.functions import forwards
from jaxport.semantics.kinds.kind import TENSOR, UNKNOWN, Kinds, elements, only, sequence
from jaxport.semantics.model import default_of
from jaxport.semantics.scopes import Binding, Scope
from jaxport.semantics.values import External, Instance, LocalClass
from jaxport.tables.forms import rows
from jaxport.tables.parts import layers
from jaxport.tables.torch_names import TORCH_ONLY

# Parameters


def of_parameter(kinds: FileKinds, argument: ast.arg, scope: Scope) -> Kinds:
    """The kinds of a parameter: its annotation, its default, what the file gives it."""
    with kinds.asking(("parameter", argument)) as new:
        return _parameter(kinds, argument, scope) if new else UNKNOWN


def _parameter(kinds: FileKinds, argument: ast.arg, scope: Scope) -> Kinds:
    function = scope.node
    if isinstance(function, ast.Lambda):
        return _lambda_parameter(kinds, argument, function)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return UNKNOWN
    if _is_receiver(argument, scope):
        return only("object")
    if function.args.vararg is argument:
        return sequence(UNKNOWN)
    if function.args.kwarg is argument:
        return only("mapping")
    found: Kinds = UNKNOWN
    if argument.annotation is not None:
        found = annotation(kinds.model, argument.annotation)
        if found:
            return found
    default = default_of(function.args, argument)
    if default is not None:
        found = kinds.of(default)
    if found - only("none"):
        return found
    for _, given in kinds.model.passed(argument, scope):
        found |= kinds.of(given)
    if not found - only("none") and _takes_tensors(kinds, argument, scope):
        return found | TENSOR
    return found


def _is_receiver(argument: ast.arg, scope: Scope) -> bool:
    """Whether the parameter is `self` or `cls`."""
    arguments = getattr(scope.node, "args", None)
    decorators = {getattr(item, "id", "") for item in getattr(scope.node, "decorator_list", [])}
    return (
        scope.parent is not None and scope.parent.is_class and arguments is not None
        and [*arguments.posonlyargs, *arguments.args][:1] == [argument]
        and "staticmethod" not in decorators
    )


def _lambda_parameter(kinds: FileKinds, argument: ast.arg, function: ast.Lambda) -> Kinds:
    default = default_of(function.args, argument)
    if default is not None:
        return kinds.of(default)
    call = kinds.model.walk.parents.get(function)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in (
        "map", "filter",
    ) and call.args[0] is function:
        index = function.args.args.index(argument) + 1
        if index < len(call.args):
            return elements(kinds.of(call.args[index]))
    scope = kinds.model.walk.scopes[function]
    return TENSOR if _takes_tensors(kinds, argument, scope) else UNKNOWN


def _takes_tensors(kinds: FileKinds, argument: ast.arg, scope: Scope) -> bool:
    """Whether the function does with its parameter what can be done with tensors only."""
    with kinds.asking(("use", argument)) as new:
        if not new:
            return False
        uses = kinds.loads(scope.node).get(argument.arg, [])
        return _is_input(kinds, argument, scope, uses) or any(
            is_tensor_use(kinds, use) for use in uses
        )


def _is_input(kinds: FileKinds, argument: ast.arg, scope: Scope, uses: list[ast.Name]) -> bool:
    """Whether it is the input of a module's `forward`, and nothing says otherwise."""
    function = scope.node
    if not isinstance(function, ast.FunctionDef) or function.name not in ("forward", "__call__"):
        return False
    positional = function.args.args[1:]
    owner = scope.parent
    if argument not in positional or owner is None or not owner.is_class or not uses:
        return False
    if argument is not positional[0] and not any(_has_tensor_method(kinds, use) for use in uses):
        return False
    if default_of(function.args, argument) is not None:
        return False
    instance = Instance(LocalClass(kinds.model, kinds.model.walk.classes[owner.node]))
    if not kinds.model.value_role(instance, "module") and "flax.nnx.Module" not in set(
        kinds.model.ancestors(instance)
    ):
        return False
    return not any(_is_other_use(kinds, use) for use in uses)


def _has_tensor_method(kinds: FileKinds, use: ast.Name) -> bool:
    """Whether a method that tensors have is called on it."""
    parent = kinds.model.walk.parents.get(use)
    return (
        isinstance(parent, ast.Attribute) and f"Tensor.{parent.attr}" in rows()
        and isinstance(kinds.model.walk.parents.get(parent), ast.Call)
    )


def _is_other_use(kinds: FileKinds, use: ast.Name) -> bool:
    """Whether what is done with it is done with mappings, sequences or functions."""
    match kinds.model.walk.parents.get(use):
        case ast.Subscript(value=value, slice=ast.Constant(value=str())):
            return value is use
        case ast.Attribute(attr="items" | "keys" | "get" | "append" | "tensors"):
            return True
        case ast.For(iter=iterable):
            return iterable is use
        case ast.Call(func=ast.Name(id="len" | "isinstance" | "zip" | "map" | "iter")):
            return True
        case ast.Call(func=func):
            return func is use
        case ast.Assign(targets=[ast.Tuple() | ast.List()]):
            return True
    return False


# Whatever is unknown


def used_as_tensor(kinds: FileKinds, node: ast.Name, bindings: list[Binding]) -> bool:
    """Whether something unknown is certainly a tensor, by what this scope does with it."""
    if any(binding.kind in ("import", "class", "function") for binding in bindings):
        return False
    with kinds.asking(("by use", node.id, tuple(bindings))) as new:
        if not new:
            return False
        scope, _ = kinds.model.walk.where.get(node, (kinds.model.walk.module, ()))
        function = scope.function()
        holder = function.node if function is not None else kinds.model.source.tree
        return any(
            is_tensor_use(kinds, use)
            for use in kinds.loads(holder).get(node.id, [])
            if kinds.before(use) == bindings
        )


def is_tensor_use(kinds: FileKinds, use: ast.expr) -> bool:
    """Whether what is done with the expression can be done with tensors only."""
    parents = kinds.model.walk.parents
    parent = parents.get(use)
    match parent:
        case ast.Attribute(value=value) if value is use:
            return _is_tensor_attribute(kinds, parent)
        case ast.Subscript(value=value) if value is use:
            return is_tensor_use(kinds, parent)
        case ast.Call(args=arguments) if use in arguments:
            return _is_tensor_argument(kinds, parent, arguments.index(use))
        case ast.Tuple() | ast.List():
            above = parents.get(parent)
            return isinstance(above, ast.Call) and above.args[:1] == [parent] and (
                kinds.model.qualified(above.func) in ("torch.cat", "torch.concat", "torch.stack")
            )
        case ast.BinOp(op=ast.MatMult()):
            return True
        case ast.BinOp() | ast.AugAssign() if isinstance(use, ast.Call):
            # `x.to(dtype)` in an operation: a module or a text could not stand there.
            func = use.func
            return isinstance(func, ast.Attribute) and func.attr in ("to", "type", "clone")
    return False


def _is_tensor_attribute(kinds: FileKinds, node: ast.Attribute) -> bool:
    call = kinds.model.walk.parents.get(node)
    if not isinstance(call, ast.Call) or call.func is not node:
        return node.attr == "device"
    if node.attr == "device":
        return False
    if node.attr in TORCH_ONLY or any(keyword.arg == "dim" for keyword in call.keywords):
        return True
    # What its result is used for tells as much.
    known = node.attr in SAME_KIND or f"Tensor.{node.attr}" in rows()
    return known and is_tensor_use(kinds, call)


def _is_tensor_argument(kinds: FileKinds, call: ast.Call, index: int) -> bool:
    name = kinds.model.qualified(call.func) or ""
    if name in EINOPS:
        return name != "einops.einsum" or index < len(call.args) - 1
    if name == "torch.einsum":
        return index > 0
    overloads = rows().get(name, ())
    if overloads:
        return all(
            index < len(row.parameters)
            and row.parameters[index].annotation == "Tensor"
            and not row.parameters[index].variadic
            for row in overloads
        )
    for value in kinds.model.infer(call.func):
        match value:
            case Instance(of=External(name=layer)) if layer in layers() and index == 0:
                return True
            case Instance(of=LocalClass()):
                for model, function in forwards(kinds.model, value):
                    if model is kinds.model:
                        inner = function.args.args[1:]
                        scope = model.walk.scopes[function]
                        return index < len(inner) and (
                            of_parameter(kinds, inner[index], scope) == TENSOR
                        )
    return False
