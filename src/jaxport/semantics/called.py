"""Which memory the result of a call can share, and what the call changes."""

from __future__ import annotations

import ast

from jaxport.semantics.expressions import FUNCTIONS, Expressions, arguments_of
from jaxport.semantics.in_place_layers import effect, function_changes
from jaxport.semantics.memory import NOTHING, TWICE, Cell, Memory, together, union
from jaxport.semantics.sharing import (
    HOLDINGS,
    KEEPING,
    METADATA,
    NEW_BUILTINS,
    makes_new,
    method_makes_new,
)
from jaxport.semantics.values import External, Instance, LocalFunction, Value
from jaxport.tables.forms import rows


class Calls(Expressions):
    """Evaluates calls as well."""

    def of_call(self, node: ast.Call) -> Memory:
        func = node.func
        name = self.model.qualified(func) or ""
        given = [*node.args, *(item.value for item in node.keywords)]
        if isinstance(func, ast.Name) and func.id in ("len", "isinstance", "type") and not name:
            self.each([item for item in given if not isinstance(item, ast.Name)])
            return NOTHING
        if isinstance(func, ast.Attribute) and func.attr in METADATA and not name:
            self.each([*([] if isinstance(func.value, ast.Name) else [func.value]), *given])
            return NOTHING
        is_method = isinstance(func, ast.Attribute) and not name
        receiver = func.value if isinstance(func, ast.Attribute) and is_method else func
        own, *held = self.each([receiver, *given])
        if self.is_plain(node):
            return NOTHING
        if isinstance(func, ast.Attribute) and is_method:
            found = self._of_method(node, func, own, held)
            if found is not None:
                return found
        elif name:
            found = self._of_function(node, name, held)
            if found is not None:
                return found
        return self._of_value(node, own, held)

    def _of_function(self, node: ast.Call, name: str, held: list[Memory]) -> Memory | None:
        if name.startswith("torch.nn.init.") and name.endswith("_") and node.args:
            return self.change(node, held[0], node.args[0])
        if name.startswith("torch.") and function_changes(node, name) and held:
            return self.change(node, held[0], None, _name(node.args[:1]))
        if makes_new(name):
            return self.state.renew(node)
        return together(held) if name in rows() or name.startswith("einops.") else None

    def _of_method(
        self, node: ast.Call, func: ast.Attribute, own: Memory, held: list[Memory]
    ) -> Memory | None:
        is_tensor = self.kinds.is_tensor(func.value)
        known = bool(self.model.infer(func)) or self.is_plain(func.value)
        if func.attr in HOLDINGS and not is_tensor:
            return frozenset([Cell(ast.unparse(func), "outside")])
        if changes_receiver(func.attr) and not known:
            return self.change(node, own, func.value)
        if func.attr in KEEPING and not known and not is_tensor:
            memory = union(held)
            self.absorb(func.value, own, memory)
            return own | memory
        if known and not is_tensor:
            return None
        if method_makes_new(func.attr, is_tensor):
            return self.state.renew(node)
        if is_tensor and f"Tensor.{func.attr}" in rows():
            return together([own, *held])
        return self.state.renew(node, own | union(held)) | {TWICE}

    def _of_value(self, node: ast.Call, own: Memory, held: list[Memory]) -> Memory:
        """The call of a layer, of a function of the file, or of something unknown."""
        func, everything = node.func, union(held)
        done = effect(self.model, func)
        if done is not None and done.changes and held:
            return self.change(node, held[0], None, _name(node.args[:1]))
        if done is not None:
            return self.state.renew(node) if done.is_new else everything
        if isinstance(func, ast.Name) and not self.model.lookup(func, func.id):
            if func.id in NEW_BUILTINS and len(node.args) == 1:
                return self.state.renew(node)
            if func.id in ("zip", "enumerate", "list", "tuple", "reversed", "iter", "next"):
                return self.state.renew(node, together(held))
            if func.id == "map" and node.args and isinstance(node.args[0], ast.Lambda):
                return self._mapped(node, node.args[0], held[1:])
        found = self._of_local(node, held)
        if found is not None:
            return self.state.renew(node, found)
        inner = [cell.of for cell in own if isinstance(cell.of, FUNCTIONS)]
        for function in inner:
            everything |= union(
                self.state.held.get(item.id, NOTHING) for item in ast.walk(function)
                if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load))
        made_here = frozenset(cell for cell in own if cell.sort in ("new", "old"))
        return self.state.renew(node, self.unmarked(everything | made_here)) | {TWICE}

    def _of_local(self, node: ast.Call, held: list[Memory]) -> Memory | None:
        """What the file's own functions give and keep of what they are given."""
        functions = [self._function(value) for value in self.model.infer(node.func)]
        summaries = [self.context.summary(item) if item is not None else None
                     for item in functions]
        if not summaries or any(item is None for item in summaries):
            return None
        found = NOTHING
        for function, summary in zip(functions, summaries, strict=True):
            assert function is not None and summary is not None
            given = _given(node, function, held)
            found |= union(self._from(cell, given) for cell in summary.returns)
            self.keep(union(self._from(cell, given) for cell in summary.keeps))
        return found

    def _function(self, value: Value) -> LocalFunction | None:
        """What is called where `value` is: the function, or the `forward` of a module."""
        if isinstance(value, LocalFunction):
            return value
        if isinstance(value, Instance) and not isinstance(value.of, External):
            for model, info in self.model.local_classes(value):
                for method in ("forward", "__call__"):
                    for binding in info.scope.bindings.get(method, []):
                        if binding.kind == "function":
                            return LocalFunction(model, model.walk.scopes[binding.node], value)
        return None

    def _from(self, cell: Cell, given: dict[str, Memory]) -> Memory:
        if cell.sort == "parameter" and isinstance(cell.of, str):
            return given.get(cell.of, union(given.values()))
        if cell.sort == "outside" and isinstance(cell.of, str):
            return self.state.held.get(cell.of, frozenset([cell]))
        return frozenset([cell]) if cell == TWICE else NOTHING

    def _mapped(self, node: ast.Call, function: ast.Lambda, held: list[Memory]) -> Memory:
        names = [item.arg for item in function.args.args]
        outer = {name: self.state.held.get(name) for name in names}
        for name, memory in zip(names, held, strict=False):
            self.state.bind(name, memory)
        found = self.of(function.body)
        self.restore(outer)
        return self.state.renew(node, found)


def changes_receiver(method: str) -> bool:
    return method.endswith("_") and not method.startswith("_") and not method.endswith("__") and (
        method not in ("requires_grad_", "zero_grad_", "detach_", "retain_grad_")
    )


def _name(nodes: list[ast.expr]) -> str:
    return nodes[0].id if nodes and isinstance(nodes[0], ast.Name) else ""


def _given(call: ast.Call, function: LocalFunction, held: list[Memory]) -> dict[str, Memory]:
    """The memory that each parameter gets; one that gets nothing is left out."""
    names = [item.arg for item in arguments_of(function.scope.node)]
    positional = getattr(function.scope.node, "args", None)
    if function.receiver is not None or (
        function.scope.parent is not None and function.scope.parent.is_class
    ):
        names = names[1:]
    plain = positional is not None and positional.vararg is None and positional.kwarg is None
    if not plain or any(isinstance(item, ast.Starred) for item in call.args) or any(
        item.arg is None for item in call.keywords
    ):
        return dict.fromkeys(names, union(held) | {TWICE})
    found = dict.fromkeys(names, NOTHING)
    found.update(zip(names, held, strict=False))
    for keyword, memory in zip(call.keywords, held[len(call.args):], strict=True):
        assert keyword.arg is not None
        found[keyword.arg] = memory
    return found
