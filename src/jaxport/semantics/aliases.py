"""Which names could see a change in place: JAX arrays never change, torch's tensors do.

`x[0] = 1` becomes `x = x.at[0].set(1)`. That is the same only where nothing else looks at the
memory of `x`: no view of it, no container that holds it, no caller that gave it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.model import dotted
from jaxport.semantics.scopes import Scope
from jaxport.semantics.values import External, Instance, LocalFunction
from jaxport.tables.parts import layers

# Methods and functions whose result can share memory with their input.
_VIEWS = frozenset({
    "view", "reshape", "transpose", "permute", "squeeze", "unsqueeze", "expand", "expand_as",
    "flatten", "chunk", "split", "unbind", "select", "narrow", "detach", "to", "contiguous", "cuda",
    "cpu", "float", "long", "int", "half", "double", "bool", "type", "type_as", "view_as", "t",
    "swapaxes", "movedim", "diagonal", "unfold", "rearrange", "requires_grad_", "numpy",
    "as_tensor", "from_numpy", "asarray", "broadcast_to", "real", "imag", "view_as_real",
    "view_as_complex",
    "reshape_as", "unflatten", "ravel", "swapdims", "moveaxis", "atleast_1d", "unpack",
})  # fmt: skip
_FIELDS = frozenset({"T", "mT", "H", "mH", "data", "real", "imag"})
_IDENTITY_LAYERS = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "Flatten",
                    "Unflatten", "Rearrange", "AlphaDropout")  # fmt: skip
_KEEPS = frozenset({"append", "add", "insert", "extend", "appendleft", "put", "setdefault"})


class Aliases:
    """The memory that the names of a file share."""

    def __init__(self, kinds: FileKinds) -> None:
        self.kinds = kinds
        self.model = kinds.model

    def why_seen(self, target: ast.Name, statement: ast.stmt) -> str:
        """Who else could see a change of the tensor `target` in `statement`; empty for nobody."""
        scope, _ = self.model.walk.where.get(target, (self.model.walk.module, ()))
        function = scope.function() or self.model.walk.module
        sources = set(self._sources_of_name(target, set()))
        for source in sorted(sources):
            if source == f"parameter {target.id}" or source.startswith("parameter "):
                return f"`{source.split(' ', 1)[1]}` is the caller's tensor, which sees the change"
            if source.startswith("attribute "):
                return f"`{source.split(' ', 1)[1]}` shares its memory and sees the change"
            if source != target.id and self._read_after(function, source, statement):
                return f"`{source}` shares its memory and sees the change"
        for name in self._views(function, target.id, statement):
            if self._read_after(function, name, statement):
                return f"`{name}` is a view of it and sees the change"
        kept = self._kept(function, target.id, statement)
        if kept:
            return f"it is kept elsewhere in line {kept}, where the change is seen"
        return ""

    # Where a value's memory comes from

    def _sources_of_name(self, node: ast.Name, seen: set[ast.AST]) -> Iterator[str]:
        for binding in self.model.before(node):
            if binding.node in seen:
                continue
            seen.add(binding.node)
            if binding.kind == "parameter":
                yield f"parameter {node.id}"
            elif binding.kind in ("value", "element", "item"):
                yield from self._sources(binding.node, seen)
            elif binding.kind == "other":
                continue  # an operation in place: the name itself

    def _sources(self, node: ast.AST, seen: set[ast.AST]) -> Iterator[str]:
        match node:
            case ast.Name():
                yield node.id
                yield from self._sources_of_name(node, seen)
            case ast.Attribute(attr=attr, value=value) if attr in _FIELDS and (
                self.kinds.is_tensor(value)
            ):
                yield from self._sources(value, seen)
            case ast.Attribute():
                if self.kinds.may_be_tensor(node) or not self.kinds.of(node):
                    yield f"attribute {dotted(node) or ast.unparse(node)}"
            case ast.Subscript(value=value, slice=index):
                if not self._copies(index):
                    yield from self._sources(value, seen)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._sources(body, seen)
                yield from self._sources(orelse, seen)
            case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
                for value in values:
                    yield from self._sources(value, seen)
            case ast.NamedExpr(value=value) | ast.Starred(value=value):
                yield from self._sources(value, seen)
            case ast.Call():
                yield from self._sources_of_call(node, seen)

    def _copies(self, index: ast.expr) -> bool:
        """Whether the index takes a copy: tensors and lists do, slices do not."""
        items = index.elts if isinstance(index, ast.Tuple) else [index]
        return any(self.kinds.is_tensor(item) or isinstance(item, ast.List) for item in items)

    def _sources_of_call(self, node: ast.Call, seen: set[ast.AST]) -> Iterator[str]:
        func = node.func
        name = self.model.qualified(func) or ""
        last = name.rsplit(".", 1)[-1] or getattr(func, "attr", "")
        arguments: list[ast.expr] = [*node.args, *(item.value for item in node.keywords)]
        if isinstance(func, ast.Attribute) and not name and self.kinds.may_be_tensor(func.value):
            if func.attr in _VIEWS or (func.attr.endswith("_") and not func.attr.endswith("__")):
                yield from self._sources(func.value, seen)
            return
        if name.startswith(("torch.", "einops.", "jax.", "numpy.")) and name not in layers():
            if last in _VIEWS and node.args:
                yield from self._sources(node.args[0], seen)
            if any(item.arg == "inplace" for item in node.keywords) and node.args:
                yield from self._sources(node.args[0], seen)
            return
        values = self.model.infer(func)
        if values and all(
            isinstance(value, Instance) and isinstance(value.of, External)
            and value.of.name in layers()
            and value.of.name.rsplit(".", 1)[-1] not in _IDENTITY_LAYERS
            and not self._in_place_layer(value)
            for value in values
        ):
            return
        if isinstance(func, ast.Name) and func.id in ("len", "int", "float", "range", "sum", "zip"):
            return
        if isinstance(func, ast.Name) and func.id == "map" and isinstance(
            node.args[0], ast.Lambda
        ) and isinstance(node.args[0].body, ast.Call):
            inner = node.args[0].body
            qualified = self.model.qualified(inner.func) or ""
            if qualified.startswith("torch.") and qualified.rsplit(".", 1)[-1] not in _VIEWS:
                return
        fresh = [self._is_fresh(value) for value in values]
        if values and all(fresh):
            return
        for argument in arguments:
            yield from self._sources(argument, seen)

    def _is_fresh(self, value: object) -> bool:
        """Whether the function gives something that it has computed, and not what it was given."""
        match value:
            case LocalFunction(model=model, scope=scope):
                return model is self.model and self._returns_fresh(scope)
            case Instance():
                for model, info in self.model.local_classes(value):
                    for method in ("forward", "__call__"):
                        for binding in info.scope.bindings.get(method, []):
                            return model is self.model and binding.kind == "function" and (
                                self._returns_fresh(model.walk.scopes[binding.node])
                            )
        return False

    def _returns_fresh(self, scope: Scope) -> bool:
        returns = self.model.walk.returns.get(scope.node, [])
        return bool(returns) and all(
            isinstance(item, (ast.BinOp, ast.Compare)) for item in returns
        )

    @staticmethod
    def _in_place_layer(value: Instance) -> bool:
        return value.call is not None and any(
            item.arg == "inplace" for item in value.call.keywords
        )

    # Who looks at it afterwards

    def _read_after(self, function: Scope, name: str, statement: ast.stmt) -> bool:
        """Whether `name` is read behind the statement, before it gets another value."""
        loops = [
            outer for outer in self.model.walk.ancestors(statement)
            if isinstance(outer, (ast.For, ast.While)) and outer is not function.node
        ]
        inside = set(ast.walk(statement))
        last = statement.end_lineno or statement.lineno
        rebound = min(
            (
                binding.row for binding in function.bindings.get(name, [])
                if binding.row > last and not set(binding.blocks) - set(self._blocks(statement))
            ),
            default=1 << 30,
        )
        for node in ast.walk(function.node):
            if not (isinstance(node, ast.Name) and node.id == name) or node in inside:
                continue
            if not isinstance(node.ctx, ast.Load):
                continue
            if last < node.lineno <= rebound:
                return True
            if node.lineno <= last and any(
                loop.lineno <= node.lineno for loop in loops
            ) and not any(
                loops[-1].lineno <= binding.row <= node.lineno
                for binding in function.bindings.get(name, [])
            ):
                return True
        return False

    def _blocks(self, statement: ast.stmt) -> tuple[ast.AST, ...]:
        for node in ast.walk(statement):
            found = self.model.walk.where.get(node)
            if found is not None:
                return found[1]
        return ()

    def _views(self, function: Scope, name: str, statement: ast.stmt) -> Iterator[str]:
        """The names that were bound to `name` or a view of it in front of the statement."""
        for other, bindings in function.bindings.items():
            if other == name:
                continue
            for binding in bindings:
                if binding.kind in ("value", "element") and binding.row < statement.lineno:
                    direct = set(self._direct(binding.node))
                    if name in direct:
                        yield other

    def _direct(self, node: ast.AST) -> Iterator[str]:
        """The names whose memory the expression shares, names behind names left out."""
        seen: set[ast.AST] = set()
        match node:
            case ast.Name(id=name):
                yield name
            case _:
                yield from self._sources(node, seen)

    def _kept(self, function: Scope, name: str, statement: ast.stmt) -> int:
        """The line in which a container or an attribute took hold of the tensor."""
        rebound = max(
            (binding.row for binding in function.bindings.get(name, [])
             if binding.row < statement.lineno and binding.kind in ("value", "element", "item")),
            default=0,
        )
        for node in ast.walk(function.node):
            if not (isinstance(node, ast.Name) and node.id == name
                    and isinstance(node.ctx, ast.Load)):
                continue
            if not rebound < node.lineno < statement.lineno:
                continue
            parent = self.model.walk.parents.get(node)
            match parent:
                case ast.Call(func=ast.Attribute(attr=method), args=arguments) if (
                    method in _KEEPS and node in arguments
                ):
                    return node.lineno
                case ast.Assign(value=value, targets=targets) if value is node and any(
                    isinstance(item, (ast.Attribute, ast.Subscript)) for item in targets
                ):
                    return node.lineno
                case ast.List() | ast.Dict() | ast.Set():
                    above = self.model.walk.parents.get(parent)
                    if isinstance(above, ast.Assign):
                        return node.lineno
        return 0
