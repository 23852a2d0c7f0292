"""One walk over a file: who binds which name where, and which calls there are."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
BindingKind = Literal[
    "value", "item", "element", "added", "parameter", "import", "class", "function", "annotation",
    "other",
]
# These say more of a value that another binding gives.
_WEAK = ("annotation", "added")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.Match)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(eq=False)
class Binding:
    """One place that gives a name a value.

    `node` is what decides the value: the assigned expression (`value`), the iterable whose
    items it takes (`item`), the expression that is unpacked (`element`, at `index`), the
    item that is added to a container (`added`), the `ast.arg`, the import statement, the class
    or the function. `inner` are the places within the item at `index`: `i, (a, b)` binds `b` at
    index 2 and inner place 2.
    """

    name: str
    kind: BindingKind
    node: ast.AST
    scope: Scope
    blocks: tuple[ast.AST, ...]
    row: int
    index: int = 0
    target: str = ""
    inner: tuple[int, ...] = ()


@dataclass(eq=False)
class Scope:
    """A module, class, function or comprehension, with the names that it binds."""

    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: set[str] = field(default_factory=set)

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def is_module(self) -> bool:
        return isinstance(self.node, ast.Module)

    def enclosing(self) -> Iterator[Scope]:
        """This scope and those that names are looked up in after it, nearest first."""
        yield self
        outer = self.parent
        while outer is not None:
            if not outer.is_class:
                yield outer
            outer = outer.parent

    def function(self) -> Scope | None:
        """The function that this scope belongs to, through comprehensions."""
        scope: Scope | None = self
        while scope is not None and isinstance(scope.node, _COMPREHENSIONS):
            scope = scope.parent
        return scope if scope is not None and isinstance(scope.node, _FUNCTIONS) else None

    def owner(self) -> Scope | None:
        """The class whose method this scope belongs to."""
        scope: Scope | None = self
        while scope is not None and not scope.is_class:
            scope = scope.parent
        return scope


@dataclass(eq=False)
class Class:
    """A class of the file: its scope and what its methods assign to `self`."""

    node: ast.ClassDef
    scope: Scope
    outer: Scope
    attributes: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))


@dataclass(eq=False)
class Walk:
    """Everything that one pass over the tree collects."""

    module: Scope
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    where: dict[ast.AST, tuple[Scope, tuple[ast.AST, ...]]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    names: list[ast.Name] = field(default_factory=list)
    attributes: list[ast.Attribute] = field(default_factory=list)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    classes: dict[ast.AST, Class] = field(default_factory=dict)
    returns: dict[ast.AST, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    returns_none: set[ast.AST] = field(default_factory=set)
    yields: set[ast.AST] = field(default_factory=set)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The parent of `node`, its parent, up to the module."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that `node` is a part of."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node


def walk(tree: ast.Module) -> Walk:
    """Collect the scopes, bindings and calls of `tree`. Raises RecursionError if too deep."""
    collector = _Collector(tree)
    for statement in tree.body:
        collector.visit(statement, tree, collector.walk.module, ())
    return collector.walk


class _Collector:
    def __init__(self, tree: ast.Module) -> None:
        self.walk = Walk(Scope(tree, None))
        self.walk.scopes[tree] = self.walk.module

    def visit(
        self, node: ast.AST, parent: ast.AST, scope: Scope, blocks: tuple[ast.AST, ...]
    ) -> None:
        found = self.walk
        found.parents[node] = parent
        if isinstance(node, ast.expr):
            found.where[node] = (scope, blocks)
        match node:
            case ast.Name():
                if isinstance(node.ctx, ast.Load):
                    found.names.append(node)
                return
            case ast.Constant():
                return
            case ast.Call():
                found.calls.append(node)
                self._added(node, scope, blocks)
            case ast.Attribute():
                found.attributes.append(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope, blocks)
            case ast.Assign():
                for target in node.targets:
                    self._bind(target, "value", node.value, scope, blocks)
            case ast.AnnAssign():
                self._bind(node.target, "annotation", node.annotation, scope, blocks)
                if node.value is not None:
                    self._bind(node.target, "value", node.value, scope, blocks)
            case ast.NamedExpr():
                holder = scope
                while isinstance(holder.node, _COMPREHENSIONS) and holder.parent:
                    holder = holder.parent
                self._bind(node.target, "value", node.value, holder, blocks)
            case ast.AugAssign():
                self._bind(node.target, "other", node, scope, blocks)
            case ast.For() | ast.AsyncFor():
                self._bind(node.target, "item", node.iter, scope, (*blocks, node))
            case ast.withitem():
                if node.optional_vars is not None:
                    self._bind(node.optional_vars, "value", node.context_expr, scope, blocks)
            case ast.ExceptHandler():
                if node.name:
                    self._add(node.name, "other", node, scope, blocks)
            case ast.MatchAs() | ast.MatchStar():
                if node.name:
                    self._add(node.name, "other", node, scope, blocks)
            case ast.Delete():
                for target in node.targets:
                    self._bind(target, "other", node, scope, blocks)
            case ast.Global() | ast.Nonlocal():
                scope.elsewhere.update(node.names)
            case ast.Return():
                function = scope.function()
                if function is not None and node.value is not None:
                    found.returns[function.node].append(node.value)
                elif function is not None:
                    found.returns_none.add(function.node)
            case ast.Yield() | ast.YieldFrom():
                function = scope.function()
                if function is not None:
                    found.yields.add(function.node)
            case ast.ClassDef():
                self._class(node, scope, blocks)
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, scope, blocks)
                return
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                inner = Scope(node, scope)
                found.scopes[node] = inner
                for generator in node.generators:
                    self._bind(generator.target, "item", generator.iter, inner, blocks)
                scope = inner
            case _:
                pass
        if isinstance(node, _BLOCKS):
            self._branches(node, scope, blocks)
            return
        for child in ast.iter_child_nodes(node):
            self.visit(child, node, scope, blocks)

    def _branches(self, node: ast.AST, scope: Scope, blocks: tuple[ast.AST, ...]) -> None:
        # The body and the else of a statement are blocks of their own.
        for name, value in ast.iter_fields(node):
            inner = blocks
            children = value if isinstance(value, list) else [value]
            if name == "body":
                inner = (*blocks, node)
            elif name in ("orelse", "finalbody") and children:
                inner = (*blocks, children[0])
            for child in children:
                if isinstance(child, (ast.ExceptHandler, ast.match_case)):
                    inner = (*blocks, child)
                if isinstance(child, ast.AST):
                    self.visit(child, node, scope, inner)

    def _class(self, node: ast.ClassDef, scope: Scope, blocks: tuple[ast.AST, ...]) -> None:
        self._add(node.name, "class", node, scope, blocks)
        inner = Scope(node, scope)
        self.walk.scopes[node] = inner
        self.walk.classes[node] = Class(node, inner, scope)
        for outside in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(outside, node, scope, blocks)
        for statement in node.body:
            self.visit(statement, node, inner, ())

    def _function(self, node: Function, scope: Scope, blocks: tuple[ast.AST, ...]) -> None:
        inner = Scope(node, scope)
        self.walk.scopes[node] = inner
        if not isinstance(node, ast.Lambda):
            self._add(node.name, "function", node, scope, blocks)
            for outside in [*node.decorator_list, *([node.returns] if node.returns else [])]:
                self.visit(outside, node, scope, blocks)
        arguments = node.args
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.visit(default, node, scope, blocks)
        for argument in _parameters(arguments):
            self.walk.parents[argument] = node
            self._add(argument.arg, "parameter", argument, inner, ())
            if argument.annotation is not None:
                self.visit(argument.annotation, argument, scope, blocks)
        for child in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(child, node, inner, ())

    def _added(self, call: ast.Call, scope: Scope, blocks: tuple[ast.AST, ...]) -> None:
        # `blocks.append(layer)` and `self.add_module("bn", layer)` bind as an assignment does.
        match call:
            case ast.Call(func=ast.Attribute(value=holder, attr="append" | "add"), args=[item]):
                self._bind(holder, "added", item, scope, blocks)
            case ast.Call(
                func=ast.Attribute(value=holder, attr="add_module" | "register_module"),
                args=[ast.Constant(value=str(name)), item],
            ):
                target = ast.Attribute(holder, name, ast.Store(), lineno=call.lineno)
                self._bind(target, "value", item, scope, blocks)

    def _import(
        self, node: ast.Import | ast.ImportFrom, scope: Scope, blocks: tuple[ast.AST, ...]
    ) -> None:
        self.walk.imports.append(node)
        for alias in node.names:
            name = alias.asname or (
                alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name
            )
            target = name if isinstance(node, ast.Import) and not alias.asname else alias.name
            self._add(name, "import", node, scope, blocks, target=target)

    def _bind(
        self,
        target: ast.expr,
        kind: BindingKind,
        node: ast.AST,
        scope: Scope,
        blocks: tuple[ast.AST, ...],
        index: int = 0,
        nested: tuple[int, ...] = (),
    ) -> None:
        match target:
            case ast.Name(id=name):
                self._add(name, kind, node, scope, blocks, index, inner=nested)
            case ast.Attribute(value=ast.Name(id=receiver), attr=name):
                owner = scope.owner()
                function = scope.function()
                if owner is not None and function is not None and _is_self(receiver, function):
                    binding = Binding(name, kind, node, scope, blocks, target.lineno, index)
                    self.walk.classes[owner.node].attributes[name].append(binding)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = node.elts if isinstance(node, (ast.Tuple, ast.List)) else []
                for place, element in enumerate(targets):
                    if kind == "value" and len(values) == len(targets):
                        self._bind(element, "value", values[place], scope, blocks)
                    elif kind in ("item", "element") and index:
                        self._bind(
                            element, kind, node, scope, blocks, index, (*nested, place + 1)
                        )
                    elif kind in ("value", "item"):
                        inner: BindingKind = "element" if kind == "value" else "item"
                        self._bind(element, inner, node, scope, blocks, place + 1)
                    else:
                        self._bind(element, "other", node, scope, blocks)
            case ast.Starred(value=inner_target):
                self._bind(inner_target, "other", node, scope, blocks)
            case _:
                pass

    def _add(
        self,
        name: str,
        kind: BindingKind,
        node: ast.AST,
        scope: Scope,
        blocks: tuple[ast.AST, ...],
        index: int = 0,
        target: str = "",
        inner: tuple[int, ...] = (),
    ) -> None:
        if name in scope.elsewhere:
            scope = self.walk.module
        row = getattr(node, "lineno", 0)
        scope.bindings[name].append(
            Binding(name, kind, node, scope, blocks, row, index, target, inner)
        )


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def _is_self(name: str, function: Scope) -> bool:
    scope: Scope | None = function
    while scope is not None and not (scope.parent and scope.parent.is_class):
        scope = scope.parent
    if scope is None or not isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    first = [*scope.node.args.posonlyargs, *scope.node.args.args][:1]
    return bool(first) and first[0].arg == name


def reaching(bindings: list[Binding], row: int, blocks: tuple[ast.AST, ...]) -> list[Binding]:
    """The bindings whose value a use in `row` can see, in the same scope.

    A binding that always runs before the use hides those before it; one that comes later
    counts only in a loop that holds both.
    """
    seen: list[Binding] = []
    for binding in bindings:
        if binding.row <= row:
            if blocks[: len(binding.blocks)] == binding.blocks and binding.kind not in _WEAK:
                seen = [old for old in seen if old.kind == "annotation"]
            seen.append(binding)
        elif any(isinstance(block, _LOOPS) and block in blocks for block in binding.blocks):
            seen.append(binding)
    return seen or bindings
