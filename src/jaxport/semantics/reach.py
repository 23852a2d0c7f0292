"""Whether code reaches a module in another way than by the name that it is given.

A gradient is taken with respect to what the loss function is given. Whatever comes to the module's
parameters by another way, a closure or an object that holds it, gets a gradient of zero, silently.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Sequence

from jaxport.semantics.identity import same
from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Binding, Scope
from jaxport.semantics.values import Instance, LocalClass, LocalFunction

_DEPTH = 4
# Attributes of a module, or of its parameters, through which no gradient flows.
_PLAIN = frozenset({"device", "dtype", "training", "shape", "config", "cfg", "__class__"})
_COUNTS = frozenset({"len", "isinstance", "type", "int", "str", "print", "hasattr", "id"})
# Methods whose result no gradient flows back from.
_CUT = frozenset({"item", "state_dict", "numel", "detach", "tolist", "numpy"})
_CALLED = ("forward", "__call__")
_NO_GRADIENTS = frozenset({"no_grad", "inference_mode"})


def other_route(
    model: Model,
    statements: Iterable[ast.stmt],
    trained: Sequence[ast.expr],
    known: Container[ast.AST],
) -> str:
    """Why a gradient could get lost in `statements`; empty where none can.

    `known` are the places in them that become parameters of the loss function.
    """
    search = _Search(model, trained)
    inside = {node for item in statements for node in ast.walk(item)}
    for statement in statements:
        reason = search.of_code(statement, known, inside)
        if reason:
            return reason
    called = {node.attr for node in inside if isinstance(node, ast.Attribute)}
    return next(filter(None, (search.of_class(item, called) for item in trained)), "")


class _Search:
    def __init__(self, model: Model, trained: Sequence[ast.expr]) -> None:
        self.model = model
        self.trained = trained
        self.seen: set[object] = set()

    def is_trained(self, node: ast.AST) -> bool:
        return (
            isinstance(node, (ast.Name, ast.Attribute))
            and isinstance(node.ctx, ast.Load)
            and any(same(self.model, node, item) for item in self.trained)
        )

    def of_code(
        self, code: ast.AST, known: Container[ast.AST], inside: Container[ast.AST]
    ) -> str:
        queue: list[ast.AST] = [code]
        while queue:
            node = queue.pop()
            if node in known:
                continue
            reason = ""
            match node:
                case ast.Attribute(value=ast.Name(id="self")):
                    reason = self._of_own(node)
                case ast.Attribute():
                    queue.append(node.value)
                case ast.Name(id="self") if any(
                    ast.unparse(item).startswith("self.") for item in self.trained
                ):
                    reason = f"`self`, which holds the model, is passed on in line {node.lineno}"
                case ast.Name(ctx=ast.Load()):
                    reason = self._of_name(node, inside)
                case _:
                    queue.extend(ast.iter_child_nodes(node))
            if reason:
                return reason
        return ""

    def _of_own(self, node: ast.Attribute) -> str:
        """`self.criterion` or `self.compute_loss`: what it holds, or what it does."""
        values = self.model.infer(node)
        for value in values:
            if isinstance(value, LocalFunction):
                reason = self._of_function(value, f"self.{node.attr}")
                if reason:
                    return reason
        reason = self._of_criterion(node)
        if reason:
            return reason
        parent = self.model.walk.parents.get(node)
        is_called = isinstance(parent, ast.Call) and parent.func is node
        bindings = self._attributes(node)
        if is_called and not values and not bindings:
            return f"`self.{node.attr}` is not seen here, and could reach the model by itself"
        for binding in bindings:
            if isinstance(binding.node, ast.expr) and self._holds(binding.node):
                return f"`self.{node.attr}` in line {binding.row} holds the model"
        return ""

    def _attributes(self, node: ast.Attribute) -> list[Binding]:
        found: list[Binding] = []
        for value in self.model.infer(node.value):
            for other, info in self.model.local_classes(value):
                if other is self.model:
                    found += info.attributes.get(node.attr, [])
        return found

    def _of_criterion(self, node: ast.Name | ast.Attribute) -> str:
        """Whether the object that is called in the loss keeps something of it for itself."""
        for value in self.model.infer(node):
            if not isinstance(value, Instance) or not isinstance(value.of, LocalClass):
                continue
            for _, info in self.model.local_classes(value):
                for item in info.node.body:
                    if not isinstance(item, ast.FunctionDef) or item.name not in _CALLED:
                        continue
                    for inner in ast.walk(item):
                        if _keeps(inner):
                            return (
                                f"`{info.node.name}` keeps a part of the loss in line "
                                f"{getattr(inner, 'lineno', 0)}, where JAX has no value yet"
                            )
        return ""

    def _of_name(self, node: ast.Name, inside: Container[ast.AST]) -> str:
        reason = self._of_criterion(node)
        if reason:
            return reason
        for binding in self.model.lookup(node, node.id):
            if binding.node in inside or binding in self.seen or self._is_cut(binding):
                continue
            self.seen.add(binding)
            if binding.kind in ("function", "import"):
                for value in self.model.infer(node):
                    if isinstance(value, LocalFunction):
                        reason = self._of_function(value, node.id)
                        if reason:
                            return reason
            elif binding.kind in ("value", "item", "element") and isinstance(
                binding.node, ast.expr
            ):
                if self._holds(binding.node):
                    return (
                        f"`{node.id}` in line {binding.row} holds the model or a part of it, and "
                        "the loss function would not see its gradient"
                    )
            elif binding.kind == "parameter" and isinstance(binding.node, ast.arg):
                for call, given in self.model.passed(binding.node, binding.scope):
                    if not self.is_trained(given) and self._holds(given):
                        return f"`{node.id}`, given in line {call.lineno}, holds the model"
        return ""

    def _is_cut(self, binding: Binding) -> bool:
        """Whether the value is made where gradients are switched off."""
        return any(
            _no_gradients(item.context_expr)
            for block in self.model.walk.ancestors(binding.node)
            if isinstance(block, ast.With)
            for item in block.items
        )

    def _holds(self, node: ast.expr, depth: int = _DEPTH) -> bool:
        """Whether the value of `node` can hold a trained module or its parameters."""
        if depth == 0:
            return False
        match node:
            case ast.Attribute(attr=name) if name in _PLAIN:
                return False
            case ast.Call(func=ast.Name(id=name)) if name in _COUNTS:
                return False
            case ast.Call(func=ast.Attribute(attr=name)) if name in _CUT:
                return False
        if self.is_trained(node):
            return True
        if isinstance(node, ast.Name):
            return any(
                isinstance(binding.node, ast.expr) and binding.kind in ("value", "item", "element")
                and self._holds(binding.node, depth - 1)
                for binding in self.model.lookup(node, node.id)
            )
        return any(
            self._holds(child, depth)
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)
        ) or any(
            self._holds(keyword.value, depth) for keyword in getattr(node, "keywords", [])
        )

    def _of_function(self, function: LocalFunction, name: str, depth: int = _DEPTH) -> str:
        """Whether a function that the loss calls reaches the model by itself."""
        key = function.scope
        if depth == 0 or key in self.seen:
            return ""
        self.seen.add(key)
        row = _no_gradients(key.node)
        if row:
            return (
                f"`{name}` computes without gradients in line {row}, which JAX does not see; it "
                "needs `jax.lax.stop_gradient`"
            )
        row = _numbers(key.node)
        if row:
            return f"`{name}` needs numbers in line {row}, and JAX has none inside of a gradient"
        if function.model is not self.model:
            return ""
        for node in ast.walk(key.node):
            if self.is_trained(node) and self._is_free(node, key):
                text = ast.unparse(node)
                return f"`{name}` reaches `{text}` by itself; give it the model as an argument"
            if isinstance(node, ast.Call):
                for value in self.model.infer(node.func):
                    if isinstance(value, LocalFunction):
                        called = ast.unparse(node.func)
                        reason = self._of_function(value, called, depth - 1)
                        if reason:
                            return reason
        return ""

    def _is_free(self, node: ast.AST, scope: Scope) -> bool:
        """Whether the name comes from outside of the function, or from its `self`."""
        while isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                return True
            node = node.value
        if not isinstance(node, ast.Name):
            return False
        own = {id(item) for item in ast.walk(scope.node)}
        return all(id(item.scope.node) not in own for item in self.model.lookup(node, node.id))

    def of_class(self, trained: ast.expr, called: set[str]) -> str:
        """Whether the module's own code stops gradients in a way that JAX does not see.

        `called` are the methods that the loss calls on it; they lead to others.
        """
        methods = {"forward", "__call__", *called}
        for value in self.model.infer(trained):
            if not isinstance(value, Instance) or not isinstance(value.of, LocalClass):
                continue
            functions = [
                (info.node.name, item)
                for _, info in self.model.local_classes(value)
                for item in info.node.body
                if isinstance(item, ast.FunctionDef)
            ]
            for _ in functions:
                methods |= {
                    node.attr
                    for _, item in functions
                    if item.name in methods
                    for node in ast.walk(item)
                    if isinstance(node, ast.Attribute)
                }
            for name, item in functions:
                row = _no_gradients(item) if item.name in methods else 0
                if row:
                    return (
                        f"`{name}` computes without gradients in line {row}, which JAX does not "
                        "see; it needs `jax.lax.stop_gradient`"
                    )
        return ""


def _keeps(node: ast.AST) -> bool:
    """Whether `node` sets an attribute, or an item of one."""
    while isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        if isinstance(node.value, ast.Attribute):
            return True
        node = node.value
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)


def _numbers(code: ast.AST) -> int:
    """The line in `code` that needs the numbers in a tensor; 0 where there is none."""
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and (
            node.func.attr in ("numpy", "tolist")
        ):
            return node.lineno
    return 0


def _no_gradients(code: ast.AST) -> int:
    """The line in `code` where gradients are switched off; 0 where there is none."""
    for node in ast.walk(code):
        name = getattr(node, "attr", getattr(node, "id", ""))
        if isinstance(node, (ast.Attribute, ast.Name)) and name in _NO_GRADIENTS:
            return node.lineno
    return 0
