"""The kinds of the expressions of a file."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.annotations import annotation, given
from jaxport.semantics.kinds.kind import (
    INT,
    NUMBERS,
    SHAPE,
    TENSOR,
    UNKNOWN,
    Kinds,
    elements,
    listed,
    mapping,
    only,
    place,
    sequence,
)
from jaxport.semantics.kinds.literals import NOT_CONSTANT, constant, integer
from jaxport.semantics.model import Model, default_of
from jaxport.semantics.scopes import Binding, Class, Scope
from jaxport.semantics.values import External, Instance, LocalClass, LocalFunction
from jaxport.tables.constants import CONSTANTS, KEYWORD_ALIASES
from jaxport.tables.forms import Row, rows
from jaxport.tables.parts import layers, parts
from jaxport.tables.torch_names import TORCH_ONLY, is_module_class

_DEPTH = 60
_BY_TYPE = {
    "int": INT, "float": only("float"), "bool": only("bool"), "str": only("str"),
    "NoneType": only("none"), "bytes": only("other"), "complex": only("float"),
    "ellipsis": only("other"),
}  # fmt: skip
_EINOPS = {
    "einops.rearrange": TENSOR, "einops.repeat": TENSOR, "einops.reduce": TENSOR,
    "einops.einsum": TENSOR, "einops.pack": listed([TENSOR, UNKNOWN]),
    "einops.unpack": sequence(TENSOR), "einops.parse_shape": only("mapping"),
}  # fmt: skip
_SAME_KIND = {"to", "cuda", "cpu", "detach", "contiguous", "clone", "requires_grad_", "data",
              "at", "set", "add", "astype", "reshape", "block_until_ready", "xpu"}  # fmt: skip
_TENSOR_ATTRIBUTES = {"T", "mT", "H", "mH", "data", "real", "imag", "grad", "values", "indices"}
_PARAMETERS = ("weight", "bias", "running_mean", "running_var", "in_proj_weight")
_RESULT_FIELDS = {"values", "indices", "Q", "R", "U", "S", "Vh", "eigenvalues", "eigenvectors"}


class FileKinds:
    """The kinds of the expressions of one file, worked out on demand."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._known: dict[ast.AST, Kinds] = {}
        self._active: set[object] = set()

    def of(self, node: ast.AST) -> Kinds:
        """Everything that the expression can be; empty where nothing is known."""
        found = self._known.get(node)
        if found is not None:
            return found
        if node in self._active or len(self._active) > _DEPTH:
            return UNKNOWN
        self._active.add(node)
        try:
            found = self._of(node)
        finally:
            self._active.discard(node)
        if found or not self._active:
            self._known[node] = found
        return found

    def is_tensor(self, node: ast.AST) -> bool:
        """Whether the value, where it is not None, is a tensor."""
        found = {kind.name for kind in self.of(node)} - {"none"}
        return found == {"tensor"}

    def may_be_tensor(self, node: ast.AST) -> bool:
        return any(kind.name == "tensor" for kind in self.of(node))

    def names(self, node: ast.AST) -> set[str]:
        """The names of the kinds that the value can have."""
        return {kind.name for kind in self.of(node)}

    # Expressions

    def _of(self, node: ast.AST) -> Kinds:
        match node:
            case ast.Constant(value=value):
                return _BY_TYPE.get(type(value).__name__, only("other"))
            case ast.JoinedStr():
                return only("str")
            case ast.Name():
                return self._name(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.Call():
                return self._call(node)
            case ast.BinOp():
                return self._operation(node.left, node.right, node.op)
            case ast.UnaryOp(op=ast.Not()):
                return only("bool")
            case ast.UnaryOp(operand=operand):
                return self.of(operand)
            case ast.Compare(left=left, ops=ops, comparators=others):
                if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in ops):
                    return only("bool")
                if any(self.may_be_tensor(item) for item in (left, *others)):
                    return TENSOR
                known = all(self.of(item) for item in (left, *others))
                return only("bool") if known else UNKNOWN
            case ast.BoolOp(values=values):
                return UNKNOWN.union(*(self.of(value) for value in values))
            case ast.IfExp(body=body, orelse=orelse):
                return self.of(body) | self.of(orelse)
            case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                return self.of(value)
            case ast.Lambda():
                return only("function")
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return self._display(items)
            case ast.Set(elts=items):
                return sequence(UNKNOWN.union(*(self.of(item) for item in items)))
            case ast.Dict(values=values):
                return mapping(UNKNOWN.union(*(self.of(value) for value in values)))
            case ast.DictComp(value=value):
                return mapping(self.of(value))
            case ast.ListComp(elt=elt) | ast.GeneratorExp(elt=elt) | ast.SetComp(elt=elt):
                return sequence(self.of(elt))
        return UNKNOWN

    def _display(self, items: list[ast.expr]) -> Kinds:
        if any(isinstance(item, ast.Starred) for item in items):
            return sequence(UNKNOWN.union(*(
                elements(self.of(item.value)) if isinstance(item, ast.Starred) else self.of(item)
                for item in items
            )))
        return listed(self.of(item) for item in items)

    def _operation(self, left: ast.expr, right: ast.expr, op: ast.operator) -> Kinds:
        one, other = self.names(left), self.names(right)
        if "tensor" in one | other:
            return TENSOR
        if "numpy" in one | other:
            return only("numpy")
        if isinstance(op, ast.Mod) and one == {"str"}:
            return only("str")
        if {"sequence"} & one:
            return self.of(left) | (self.of(right) if isinstance(op, ast.Add) else UNKNOWN)
        if "sequence" in other:
            return self.of(right)
        if one and other and one | other <= NUMBERS:
            if isinstance(op, ast.Pow) and one | other <= {"int", "bool"}:
                power = constant(right)
                return INT if isinstance(power, int) and power >= 0 else UNKNOWN
            whole = one | other <= {"int", "bool"} and not isinstance(op, ast.Div)
            return INT if whole else only("float")
        if one == other == {"str"}:
            return only("str")
        return UNKNOWN

    def _subscript(self, node: ast.Subscript) -> Kinds:
        held = self.of(node.value)
        index = node.slice
        found: Kinds = UNKNOWN
        for kind in held:
            if kind.name in ("tensor", "numpy", "str"):
                found |= only(kind.name)
            elif kind.name == "mapping":
                found |= kind.each
            elif isinstance(index, ast.Slice):
                found |= sequence(elements(frozenset([kind])))
            else:
                number = integer(index)
                single = frozenset([kind])
                found |= elements(single) if number is None else place(single, number)
        if not found and self._module_values(node):
            return only("module")
        return found

    # Names

    def _name(self, node: ast.Name) -> Kinds:
        narrowed = [annotation(self.model, item) for item in self.narrowed(node)]
        if narrowed and all(narrowed):
            return UNKNOWN.union(*narrowed)
        found: Kinds = UNKNOWN
        bindings = self.model.before(node)
        for binding in bindings:
            found |= self._binding(binding)
        if bindings and all(binding.kind == "annotation" for binding in bindings):
            return found
        if not found - only("none") and self._by_use(node, bindings):
            found |= TENSOR
        if not found and self._module_values(node):
            return only("module")
        return found

    def narrowed(self, node: ast.Name) -> list[ast.expr]:
        """The classes that an `isinstance` around says the variable is an instance of."""
        _, blocks = self.model.walk.where.get(node, (None, ()))
        for block in reversed(blocks):
            inside = isinstance(block, (ast.If, ast.While)) and (
                block.body[0].lineno <= node.lineno <= (block.body[-1].end_lineno or 0)
            )
            tests = [block.test] if isinstance(block, (ast.If, ast.While)) and inside else []
            while tests:
                match tests.pop():
                    case ast.BoolOp(op=ast.And(), values=values):
                        tests += values
                    case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), of]):
                        if name == node.id:
                            return list(of.elts) if isinstance(of, ast.Tuple) else [of]
        return []

    def _binding(self, binding: Binding) -> Kinds:
        match binding.kind, binding.node:
            case "value", node:
                return self.of(node)
            case "annotation", node:
                return annotation(self.model, node)
            case "element", (ast.Tuple() | ast.List()) as node if any(
                isinstance(item, ast.Starred) for item in node.elts
            ):
                return self._within(self._behind_star(node, binding.index - 1), binding)
            case "element", node:
                return self._within(place(self.of(node), binding.index - 1), binding)
            case "item", node:
                return self._within(self._item(node, binding.index), binding)
            case "parameter", ast.arg() as argument:
                return self.parameter(argument, binding.scope)
            case "other", ast.AugAssign(target=target, value=value, op=op):
                return self._operation(target, value, op)
            case "class", _:
                return only("class")
            case "function", _:
                return only("function")
            case "import", _:
                return UNKNOWN
            case "added", node:
                return sequence(self.of(node))
        return UNKNOWN

    def _within(self, kinds: Kinds, binding: Binding) -> Kinds:
        for index in binding.inner:
            kinds = place(kinds, index - 1)
        return kinds

    def _behind_star(self, node: ast.Tuple | ast.List, index: int) -> Kinds:
        """What the target at `index` gets in `a, b, c = *x, y`."""
        statement = self.model.walk.parents.get(node)
        targets = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(targets, (ast.Tuple, ast.List)) or any(
            isinstance(item, ast.Starred) for item in targets.elts
        ):
            return UNKNOWN
        stars = [at for at, item in enumerate(node.elts) if isinstance(item, ast.Starred)]
        if index < stars[0]:
            return self.of(node.elts[index])
        from_end = index - len(targets.elts)
        if from_end >= stars[-1] + 1 - len(node.elts):
            return self.of(node.elts[from_end])
        return UNKNOWN.union(*(elements(self.of(node.elts[at])) for at in stars))

    def _item(self, iterable: ast.AST, index: int) -> Kinds:
        match iterable:
            case ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]):
                if index == 1:
                    return INT
                return elements(self.of(first)) if index == 2 else UNKNOWN
            case ast.Call(func=ast.Name(id="zip"), args=arguments) if 0 < index <= len(arguments):
                return elements(self.of(arguments[index - 1]))
            case ast.Call(func=ast.Attribute(value=holder, attr="items")):
                for kind in self.of(holder):
                    if kind.name == "mapping":
                        return kind.each if index == 2 else only("str")
            case ast.Call(func=ast.Attribute(value=holder, attr="values")):
                for kind in self.of(holder):
                    if kind.name == "mapping":
                        return kind.each
            case ast.Call(func=ast.Attribute(attr="parameters")):
                return TENSOR
            case ast.Call(func=ast.Attribute(attr="modules" | "children")):
                return only("module")
            case ast.Call(func=ast.Attribute(attr="named_parameters" | "named_buffers")):
                return TENSOR if index == 2 else only("str")
        found = elements(self.of(iterable))
        return place(found, index - 1) if index else found

    def parameter(self, argument: ast.arg, scope: Scope) -> Kinds:
        """The kinds of a parameter: its annotation, its default, what the file gives it."""
        key = ("parameter", argument)
        if key in self._active:
            return UNKNOWN
        self._active.add(key)
        try:
            return self._parameter(argument, scope)
        finally:
            self._active.discard(key)

    def _parameter(self, argument: ast.arg, scope: Scope) -> Kinds:
        function = scope.node
        if isinstance(function, ast.Lambda):
            return self._lambda_parameter(argument, function)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return UNKNOWN
        if self._is_receiver(argument, scope):
            return only("object")
        if function.args.vararg is argument:
            return sequence(UNKNOWN)
        if function.args.kwarg is argument:
            return only("mapping")
        found: Kinds = UNKNOWN
        if argument.annotation is not None:
            found = annotation(self.model, argument.annotation)
            if found:
                return found
        default = default_of(function.args, argument)
        if default is not None:
            found = self.of(default)
        if found - only("none"):
            return found
        for _, value in self.model.passed(argument, scope):
            found |= self.of(value)
        if not found - only("none") and self.used_as_tensor(argument, scope):
            return found | TENSOR
        return found

    @staticmethod
    def _is_receiver(argument: ast.arg, scope: Scope) -> bool:
        """Whether the parameter is `self` or `cls`."""
        arguments = getattr(scope.node, "args", None)
        decorators = {getattr(item, "id", "") for item in getattr(scope.node, "decorator_list", [])}
        return (
            scope.parent is not None and scope.parent.is_class and arguments is not None
            and [*arguments.posonlyargs, *arguments.args][:1] == [argument]
            and "staticmethod" not in decorators
        )

    def _lambda_parameter(self, argument: ast.arg, function: ast.Lambda) -> Kinds:
        default = default_of(function.args, argument)
        if default is not None:
            return self.of(default)
        call = self.model.walk.parents.get(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in (
            "map", "filter",
        ) and call.args[0] is function:
            index = function.args.args.index(argument) + 1
            if index < len(call.args):
                return elements(self.of(call.args[index]))
        scope = self.model.walk.scopes[function]
        return TENSOR if self.used_as_tensor(argument, scope) else UNKNOWN

    # Evidence from use

    def used_as_tensor(self, argument: ast.arg, scope: Scope) -> bool:
        """Whether the function does with its parameter what can be done with tensors only."""
        key = ("use", argument)
        if key in self._active:
            return False
        self._active.add(key)
        try:
            uses = [
                node for node in ast.walk(scope.node)
                if isinstance(node, ast.Name) and node.id == argument.arg
                and isinstance(node.ctx, ast.Load)
            ]
            return self._is_input(argument, scope, uses) or any(self._tensor_use(u) for u in uses)
        finally:
            self._active.discard(key)

    def _is_input(self, argument: ast.arg, scope: Scope, uses: list[ast.Name]) -> bool:
        """Whether it is the input of a module's `forward`, and nothing says otherwise."""
        function = scope.node
        if not isinstance(function, ast.FunctionDef) or function.name not in (
            "forward", "__call__",
        ):
            return False
        positional = function.args.args[1:]
        owner = scope.parent
        if argument not in positional or owner is None or not owner.is_class or not uses:
            return False
        if argument is not positional[0] and not any(self._has_tensor_method(use) for use in uses):
            return False
        if default_of(function.args, argument) is not None:
            return False
        instance = Instance(LocalClass(self.model, self.model.walk.classes[owner.node]))
        if not self.model.value_role(instance, "module") and "flax.nnx.Module" not in set(
            self.model.ancestors(instance)
        ):
            return False
        for use in uses:
            parent = self.model.walk.parents.get(use)
            match parent:
                case ast.Subscript(value=value, slice=ast.Constant(value=str())) if value is use:
                    return False
                case ast.Attribute(attr="items" | "keys" | "get" | "append" | "tensors"):
                    return False
                case ast.For(iter=iterable) if iterable is use:
                    return False
                case ast.Call(func=ast.Name(id="len" | "isinstance" | "zip" | "map" | "iter")):
                    return False
                case ast.Call(func=function_) if function_ is use:
                    return False
                case ast.Assign(targets=[ast.Tuple() | ast.List()]):
                    return False
        return True

    def _has_tensor_method(self, use: ast.Name) -> bool:
        """Whether a method that tensors have is called on it."""
        parent = self.model.walk.parents.get(use)
        return (
            isinstance(parent, ast.Attribute) and f"Tensor.{parent.attr}" in rows()
            and isinstance(self.model.walk.parents.get(parent), ast.Call)
        )

    def _by_use(self, node: ast.Name, bindings: list[Binding]) -> bool:
        """Whether something unknown is certainly a tensor, by what this scope does with it."""
        if any(binding.kind in ("import", "class", "function") for binding in bindings):
            return False
        key = ("by use", node.id, tuple(bindings))
        if key in self._active:
            return False
        self._active.add(key)
        try:
            scope, _ = self.model.walk.where.get(node, (self.model.walk.module, ()))
            function = scope.function()
            holder = function.node if function is not None else self.model.source.tree
            return any(
                self._tensor_use(use)
                for use in self._loads(holder).get(node.id, [])
                if self.model.before(use) == bindings
            )
        finally:
            self._active.discard(key)

    def _loads(self, holder: ast.AST) -> dict[str, list[ast.Name]]:
        cache: dict[ast.AST, dict[str, list[ast.Name]]] = self.__dict__.setdefault("_loaded", {})
        if holder not in cache:
            found: dict[str, list[ast.Name]] = {}
            for node in ast.walk(holder):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    found.setdefault(node.id, []).append(node)
            cache[holder] = found
        return cache[holder]

    def _tensor_use(self, use: ast.expr) -> bool:
        parent = self.model.walk.parents.get(use)
        match parent:
            case ast.Attribute(value=value, attr=name) if value is use:
                above = self.model.walk.parents.get(parent)
                called = isinstance(above, ast.Call) and above.func is parent
                if name == "device":
                    return not called
                if isinstance(above, ast.Call) and called:
                    if name in TORCH_ONLY or any(k.arg == "dim" for k in above.keywords):
                        return True
                    # What its result is used for tells as much.
                    known = name in _SAME_KIND or f"Tensor.{name}" in rows()
                    return known and self._tensor_use(above)
                return False
            case ast.Subscript(value=value) if value is use:
                return self._tensor_use(parent)
            case ast.Call(func=func, args=arguments) if use in arguments:
                return self._takes_tensor(parent, func, arguments.index(use))
            case ast.Tuple() | ast.List():
                above = self.model.walk.parents.get(parent)
                if isinstance(above, ast.Call) and above.args[:1] == [parent]:
                    name = self.model.qualified(above.func) or ""
                    return name in ("torch.cat", "torch.concat", "torch.stack")
            case ast.BinOp(op=ast.MatMult()):
                return True
            case ast.BinOp() | ast.AugAssign() if isinstance(use, ast.Call):
                # `x.to(dtype)` in an operation: a module or a text could not stand there.
                func = use.func
                return isinstance(func, ast.Attribute) and func.attr in ("to", "type", "clone")
        return False

    def _takes_tensor(self, call: ast.Call, func: ast.expr, index: int) -> bool:
        name = self.model.qualified(func) or ""
        if name in _EINOPS:
            return name != "einops.einsum" or index < len(call.args) - 1
        if name in ("torch.einsum",):
            return index > 0
        found = rows().get(name, ())
        if found:
            return all(
                index < len(row.parameters)
                and row.parameters[index].annotation == "Tensor"
                and not row.parameters[index].variadic
                for row in found
            )
        for value in self.model.infer(func):
            match value:
                case Instance(of=External(name=layer)) if layer in layers() and index == 0:
                    return "Embedding" not in layer or True
                case Instance(of=LocalClass()):
                    for model, info in self.model.local_classes(value):
                        for method in ("forward", "__call__"):
                            for binding in info.scope.bindings.get(method, []):
                                if model is self.model and isinstance(
                                    binding.node, ast.FunctionDef
                                ):
                                    inner = binding.node.args.args[1:]
                                    if index < len(inner):
                                        return self.parameter(
                                            inner[index], model.walk.scopes[binding.node]
                                        ) == TENSOR
                                    return False
        return False

    # Attributes

    def _attribute(self, node: ast.Attribute) -> Kinds:
        name = self.model.qualified(node) or ""
        if name in CONSTANTS:
            return self.constant(name)
        if name.startswith(("math.", "numpy.")) and name.count(".") == 1:
            return only("float") if name.split(".")[1] in ("pi", "e", "inf", "nan") else UNKNOWN
        held = self.of(node.value)
        found: Kinds = UNKNOWN
        for kind in held:
            if kind.name == "tensor":
                found |= {
                    "shape": SHAPE, "ndim": INT, "dtype": only("dtype"), "device": only("device"),
                    "itemsize": INT, "nbytes": INT, "requires_grad": only("bool"),
                    "is_cuda": only("bool"), "size": INT,
                }.get(node.attr, TENSOR if node.attr in _TENSOR_ATTRIBUTES else UNKNOWN)
            elif kind.name == "numpy":
                found |= SHAPE if node.attr == "shape" else only("numpy")
            elif kind.name == "sequence" and node.attr in _RESULT_FIELDS:
                found |= elements(frozenset([kind]))
            elif kind.name == "limits":
                found |= only("float")
        if found:
            return found
        if node.attr == "shape" and not held:
            return SHAPE
        return self._member(node)

    def constant(self, name: str) -> Kinds:
        """The kind of a torch name that is a value."""
        last = name.rsplit(".", 1)[-1]
        if last in ("pi", "inf", "nan", "e"):
            return only("float")
        return only("class") if last[:1].isupper() else only("dtype")

    def _member(self, node: ast.Attribute) -> Kinds:
        """What an attribute of an instance is: everything that the class assigns to it."""
        found: Kinds = UNKNOWN
        if isinstance(node.value, ast.Name) and node.attr in _PARAMETERS:
            names = [self.model.qualified(item) for item in self.narrowed(node.value)]
            if names and all(name in layers() for name in names):
                return TENSOR
        for value in self.model.infer(node.value):
            match value:
                case Instance(of=LocalClass()):
                    for model, info in self.model.local_classes(value):
                        kinds = self if model is self.model else kinds_of(model)
                        found |= kinds.attribute(info, node.attr)
                        if found:
                            break
                case Instance(of=External(name=name)) if name in layers():
                    if node.attr in _PARAMETERS:
                        found |= TENSOR
        if not found and self._module_values(node):
            return only("module")
        if not found and self._attribute_by_use(node):
            return TENSOR
        return found

    def _attribute_by_use(self, node: ast.Attribute) -> bool:
        """Whether an unknown attribute is a tensor by what is done with it right here."""
        return isinstance(node.ctx, ast.Load) and self._tensor_use(node) and not any(
            isinstance(value, External) for value in self.model.infer(node)
        )

    def attribute(self, info: Class, name: str) -> Kinds:
        """What the methods of a class assign to the attribute `name` of `self`."""
        key = ("attribute", info, name)
        if key in self._active:
            return UNKNOWN
        self._active.add(key)
        try:
            found: Kinds = UNKNOWN
            if name in self.variables(info):
                found |= TENSOR
            for binding in [*info.attributes.get(name, []), *info.scope.bindings.get(name, [])]:
                node = binding.node
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    names = {getattr(item, "id", getattr(item, "attr", "")) for item in
                             node.decorator_list}
                    if names & {"property", "cached_property"}:
                        found |= self.returned(self.model.walk.scopes[node])
                    else:
                        found |= only("function")
                    continue
                found |= self._binding(binding)
            return found
        finally:
            self._active.discard(key)

    def variables(self, info: Class) -> dict[str, str]:
        """The parameters and buffers of a class by attribute: `parameter` or `buffer`."""
        cache: dict[Class, dict[str, str]] = self.__dict__.setdefault("_variables", {})
        if info in cache:
            return cache[info]
        found: dict[str, str] = {}
        for name, bindings in info.attributes.items():
            for binding in bindings:
                sort = self.makes_variable(binding.node) if binding.kind == "value" else ""
                if sort:
                    found[name] = sort
        for call in (node for node in ast.walk(info.node) if isinstance(node, ast.Call)):
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="self"), attr=method),
                    args=[ast.Constant(value=str(name)), *_],
                ) if method in ("register_buffer", "register_parameter"):
                    found[name] = method.split("_")[1]
                case ast.Call(
                    func=ast.Name(id="setattr"),
                    args=[ast.Name(id="self"), ast.Constant(value=str(name)), ast.Call(func=func)],
                ):
                    made = self.model.qualified(func) or ""
                    if made in ("flax.nnx.BatchStat", "flax.nnx.Param"):
                        found[name] = "buffer" if made.endswith("BatchStat") else "parameter"
        cache[info] = found
        return found

    def makes_variable(self, node: ast.AST) -> str:
        """`parameter` or `buffer` where the expression makes one, else empty."""
        if isinstance(node, ast.IfExp):
            return self.makes_variable(node.body) or self.makes_variable(node.orelse)
        if not isinstance(node, ast.Call):
            return ""
        name = self.model.qualified(node.func) or ""
        if name in ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "flax.nnx.Param"):
            return "parameter"
        return "buffer" if name in ("torch.nn.Buffer", "flax.nnx.BatchStat") else ""

    # Calls

    def _call(self, node: ast.Call) -> Kinds:
        func = node.func
        name = self.model.qualified(func) or ""
        if name:
            found = self._external(name, node)
            if found is not None:
                return found
        if isinstance(func, ast.Name) and not self.model.lookup(func, func.id):
            return self._builtin(func.id, node)
        if isinstance(func, ast.Attribute):
            found = self._method(func, node)
            if found is not None:
                return found
        result: Kinds = UNKNOWN
        for value in self.model.infer(func):
            match value:
                case LocalFunction(model=model, scope=scope):
                    kinds = self if model is self.model else kinds_of(model)
                    result |= kinds.returned(scope, node)
                case Instance(of=External(name=layer)) if layer in layers():
                    result |= given(layers()[layer].gives)
                case Instance(of=External(name=layer)) if layer.startswith(
                    ("torch.nn.", "einops.layers.")
                ):
                    result |= TENSOR
                case Instance(of=LocalClass()):
                    result |= self._forward(value, node)
                case LocalClass():
                    instance = Instance(value)
                    result |= only("module" if self.model.value_role(instance, "module")
                                   else "object")
                case External(name=layer) if layer in layers():
                    result |= only("module")
        if not result and self._module_values(node):
            return only("module")
        if not result and self._tensor_use(node):
            return TENSOR
        if not result and node.args and isinstance(func, ast.Attribute) and self._in_module(
            func
        ) and self.is_tensor(node.args[0]):
            return TENSOR  # a part of the module that is made elsewhere
        return result

    def _in_module(self, func: ast.Attribute) -> bool:
        return isinstance(func.value, ast.Name) and func.value.id == "self"

    def _forward(self, value: Instance, call: ast.Call) -> Kinds:
        for model, info in self.model.local_classes(value):
            kinds = self if model is self.model else kinds_of(model)
            for method in ("forward", "__call__"):
                for binding in info.scope.bindings.get(method, []):
                    if isinstance(binding.node, ast.FunctionDef):
                        found = kinds.returned(model.walk.scopes[binding.node], call)
                        return found or TENSOR
        return UNKNOWN

    def returned(self, scope: Scope, call: ast.Call | None = None) -> Kinds:
        """What a call of the function with this scope gives."""
        key = ("returned", scope.node)
        if key in self._active or scope.node in self.model.walk.yields:
            return UNKNOWN
        self._active.add(key)
        try:
            if isinstance(scope.node, ast.Lambda):
                return self.of(scope.node.body)
            found: Kinds = UNKNOWN
            for value in self.model.walk.returns.get(scope.node, []):
                known = self.of(value)
                if not known and call is not None and isinstance(value, ast.Name):
                    known = self._passed_through(value.id, scope.node, call)
                found |= known
            annotation = getattr(scope.node, "returns", None)
            if not found - only("none") and annotation is not None:
                found |= annotation(self.model, annotation)
            return found
        finally:
            self._active.discard(key)

    def _passed_through(self, name: str, function: ast.AST, call: ast.Call) -> Kinds:
        """The kind of the argument that the function gives back as it is."""
        if not isinstance(function, ast.FunctionDef):
            return UNKNOWN
        names = [argument.arg for argument in function.args.args]
        for keyword in call.keywords:
            if keyword.arg == name:
                return self.of(keyword.value)
        if name in names and names.index(name) < len(call.args):
            return self.of(call.args[names.index(name)])
        return UNKNOWN

    def _external(self, name: str, node: ast.Call) -> Kinds | None:
        if name in _EINOPS:
            return _EINOPS[name]
        if name in ("torch.finfo", "torch.iinfo", "jax.numpy.finfo", "jax.numpy.iinfo"):
            return only("limits")
        if name in ("torch.device",):
            return only("device")
        if name in ("torch.nn.Parameter", "torch.nn.Buffer", "flax.nnx.Param"):
            return TENSOR
        if name == "torch.einsum":
            return TENSOR
        found = rows().get(name)
        if found:
            row = chosen(self, found, node, method=False)
            return given(row.gives) if row is not None else UNKNOWN
        if name in layers() or is_module_class(name):
            return only("module")
        if name.startswith(("jax.numpy.", "jax.nn.", "jax.random.", "jax.lax.")):
            return TENSOR
        part = parts().get(name.rsplit(".", 1)[-1])
        if part is not None and name.startswith("torch."):
            return given(part.gives)
        if name.startswith("numpy."):
            return only("numpy")
        if name.startswith("math."):
            whole = name[5:] in ("ceil", "floor", "gcd", "lcm", "comb", "factorial", "isqrt",
                                 "trunc", "prod")
            return INT if whole else only("float")
        if name.startswith(("torch.linalg.", "torch.fft.")):
            return TENSOR
        return None

    def _method(self, func: ast.Attribute, node: ast.Call) -> Kinds | None:
        held = self.of(func.value)
        names = {kind.name for kind in held} - {"none"}
        if names == {"tensor"} or (func.attr in TORCH_ONLY and (not names or "tensor" in names)):
            if func.attr in _SAME_KIND:
                return TENSOR
            if func.attr == "item":
                return only("float")
            if func.attr == "numpy":
                return only("numpy")
            if func.attr == "tolist":
                return sequence(UNKNOWN)
            found = rows().get(f"Tensor.{func.attr}")
            if found:
                row = chosen(self, found, node, method=True)
                return given(row.gives) if row is not None else TENSOR
            return TENSOR
        if names == {"numpy"}:
            return only("numpy")
        if names == {"str"}:
            return sequence(only("str")) if func.attr.endswith("split") else only("str")
        if names == {"mapping"} and func.attr in ("get", "pop"):
            return UNKNOWN.union(*(kind.each for kind in held))
        if names == {"sequence"} and func.attr in ("pop", "index", "count", "copy"):
            return elements(held) if func.attr == "pop" else INT
        return None

    def _builtin(self, name: str, node: ast.Call) -> Kinds:
        arguments = node.args
        if name in ("int", "len", "round", "ord", "hash", "id"):
            return INT
        if name == "float":
            return only("float")
        if name in ("bool", "isinstance", "hasattr", "callable", "all", "any", "issubclass"):
            return only("bool")
        if name in ("str", "repr", "format"):
            return only("str")
        if name == "range":
            return SHAPE
        if name in ("list", "tuple", "reversed", "sorted", "iter") and arguments:
            inner = self.of(arguments[0])
            if name in ("list", "tuple") and inner and all(
                kind.name == "sequence" for kind in inner
            ):
                return inner
            return sequence(elements(inner))
        if name in ("list", "tuple", "set"):
            return sequence(UNKNOWN)
        if name == "dict":
            return only("mapping")
        if name == "enumerate" and arguments:
            return sequence(listed([INT, elements(self.of(arguments[0]))]))
        if name == "zip":
            return sequence(listed(elements(self.of(item)) for item in arguments))
        if name == "map" and len(arguments) >= 2:
            return self._mapped(arguments)
        if name == "filter" and len(arguments) == 2:
            return sequence(elements(self.of(arguments[1])))
        if name == "next" and arguments:
            return elements(self.of(arguments[0]))
        if name == "abs" and arguments:
            return self.of(arguments[0])
        if name in ("min", "max", "sum") and arguments:
            if len(arguments) > 1 and name != "sum":
                return UNKNOWN.union(*(self.of(item) for item in arguments))
            return elements(self.of(arguments[0]))
        if name in ("getattr",):
            return UNKNOWN
        return UNKNOWN

    def _mapped(self, arguments: list[ast.expr]) -> Kinds:
        function = arguments[0]
        source = self.of(arguments[1])
        if isinstance(function, ast.Lambda):
            each = self.of(function.body)
        else:
            each = UNKNOWN
            for value in self.model.infer(function):
                if isinstance(value, LocalFunction) and value.model is self.model:
                    each |= self.returned(value.scope)
                elif isinstance(value, Instance):
                    each |= TENSOR
            if isinstance(function, ast.Name) and function.id in ("int", "float", "str"):
                each = only(function.id)
        places = [kind.places for kind in source if kind.places]
        if len(places) == 1:
            return listed(each for _ in places[0])
        return sequence(each)

    def _module_values(self, node: ast.AST) -> bool:
        return any(
            self.model.value_role(value, "module") is not None for value in self.model.infer(node)
        )


def kinds_of(model: Model) -> FileKinds:
    """The kinds of a file, made once."""
    found: FileKinds | None = model.__dict__.get("kinds")
    if found is None:
        found = model.__dict__["kinds"] = FileKinds(model)
    return found


# Which form a call has


def chosen(
    kinds: FileKinds, overloads: tuple[Row, ...], call: ast.Call, method: bool
) -> Row | None:
    """The first overload that the arguments fit; None where none does, or it can't be told."""
    doubts = [(row, doubtful(kinds, row, call, method)) for row in overloads]
    fitting = [(row, names) for row, names in doubts if names is not None]
    for row, names in fitting:
        # A doubt that all of them share decides nothing.
        if all(
            {item.annotation for item in other.parameters if item.name == name}
            <= {item.annotation for item in row.parameters if item.name == name}
            for name in names for other, _ in fitting
        ):
            return row
    return None


def bound(row: Row, call: ast.Call, method: bool) -> dict[str, list[ast.expr]] | None:
    """The arguments of `call` by parameter; None where the signature has no place for one."""
    given: list[ast.expr] = list(call.args)
    if method:
        assert isinstance(call.func, ast.Attribute)
        given.insert(0, call.func.value)
    found: dict[str, list[ast.expr]] = {}
    places = [item for item in row.parameters if not item.keyword_only]
    for parameter in places:
        if parameter.variadic:
            found[parameter.name] = given
            given = []
        elif given:
            if isinstance(given[0], ast.Starred):
                return None
            found[parameter.name] = [given.pop(0)]
    if given:
        return None
    named = {item.name: item for item in row.parameters}
    for keyword in call.keywords:
        name = keyword.arg
        if name not in named:
            name = KEYWORD_ALIASES.get(name or "")
        if name is None or name not in named:
            return None
        if found.get(name):
            return None
        found[name] = [keyword.value]
    for parameter in row.parameters:
        if not found.get(parameter.name) and parameter.default is None and not parameter.variadic:
            return None
    return found


def doubtful(kinds: FileKinds, row: Row, call: ast.Call, method: bool) -> set[str] | None:
    """The parameters whose argument may be of another kind; None where the row does not fit."""
    given = bound(row, call, method)
    if given is None:
        return None
    doubts: set[str] = set()
    for index, parameter in enumerate(row.parameters):
        for argument in given.get(parameter.name, ()):
            if row.jax.count(f"{{{parameter.name}}}") > 1 and any(
                isinstance(node, ast.Call) for node in ast.walk(argument)
            ):
                return None  # the form would compute it more than once
            if method and index == 0:
                continue
            literals = parameter.literals
            if literals is not None:
                value = constant(argument)
                if value is NOT_CONSTANT or not any(
                    value is item or (value == item and type(value) is type(item))
                    for item in literals
                ):
                    return None
                continue
            verdict = _agrees(kinds, argument, parameter.annotation, parameter.variadic)
            if verdict == "no":
                return None
            if verdict == "maybe":
                doubts.add(parameter.name)
    return doubts


_WANTED = {
    "Tensor": {"tensor"}, "int": {"int", "bool"}, "float": {"float", "int"},
    "number": {"int", "float", "bool"}, "bool": {"bool"}, "str": {"str"}, "dtype": {"dtype"},
    "device": {"device", "str"}, "shape": {"sequence"}, "list[Tensor]": {"sequence"},
    "None": {"none"}, "list[int]": {"sequence", "numpy"}, "function": {"function", "class"},
}  # fmt: skip


def _agrees(kinds: FileKinds, argument: ast.expr, annotation: str, variadic: bool) -> str:
    wanted: set[str] = set()
    for name in annotation.split(" | "):
        if name == "any":
            return "yes"
        wanted |= _WANTED.get(name.strip(), {name.strip()})
    if isinstance(argument, ast.Starred):
        return "yes" if variadic else "no"
    names = kinds.names(argument)
    if variadic:
        wanted |= {"sequence"}
    if not names:
        return "maybe"
    if names <= wanted:
        return "yes"
    return "maybe" if names & wanted else "no"
