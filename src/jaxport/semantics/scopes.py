"""One walk over a file: who binds which name where, and which calls there are."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
# The blocks that a place is in, from the function's or the file's own on.
Blocks = tuple[ast.AST, ...]
BindingKind = Literal[
    "value", "item", "element", "added", "parameter", "import", "class", "function", "annotation",
    "other",
]
# These say more of a value that another binding gives.
_WEAK = ("annotation", "added")
_ADDERS = frozenset({"append", "add", "add_module", "register_module"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.Match)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
# Fields that hold no node, or one of the few that say no more than their type (`Load`, `Add`).
_PLAIN = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "asname", "kind", "conversion", "simple", "is_async",
     "level", "module", "type_comment", "kwd_attrs", "rest"}
)  # fmt: skip
_CHILDREN = {
    kind: tuple(name for name in kind._fields if name not in _PLAIN)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
_CHILDREN_REVERSED = {kind: names[::-1] for kind, names in _CHILDREN.items()}
_EXPRESSIONS = frozenset(kind for kind in _CHILDREN if issubclass(kind, ast.expr))


@dataclass(eq=False, slots=True)
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
    blocks: Blocks
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
    outer: Scope | None = field(init=False)

    def __post_init__(self) -> None:
        # Where names are looked up next: a class is seen by its own body only.
        outer = self.parent
        self.outer = outer.outer if outer is not None and outer.is_class else outer

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def is_module(self) -> bool:
        return isinstance(self.node, ast.Module)

    def enclosing(self) -> Iterator[Scope]:
        """This scope and those that names are looked up in after it, nearest first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

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
    where: dict[ast.AST, tuple[Scope, Blocks]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    names: list[ast.Name] = field(default_factory=list)
    attributes: list[ast.Attribute] = field(default_factory=list)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    classes: dict[ast.AST, Class] = field(default_factory=dict)
    returns: dict[ast.AST, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    returns_none: set[ast.AST] = field(default_factory=set)
    yields: set[ast.AST] = field(default_factory=set)

    def forget(self) -> None:
        """Undo the cycles between scopes and bindings, so that all is freed without a search."""
        for scope in self.scopes.values():
            scope.bindings.clear()
        for info in self.classes.values():
            info.attributes.clear()

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
    """Collect the scopes, bindings and calls of `tree`."""
    collector = _Collector(tree)
    collector.visit(tree.body, tree, collector.walk.module, ())
    return collector.walk


class _Collector:
    def __init__(self, tree: ast.Module) -> None:
        self.walk = Walk(Scope(tree, None))
        self.walk.scopes[tree] = self.walk.module

    def visit(
        self, roots: Sequence[ast.AST], parent: ast.AST, scope: Scope, blocks: Blocks
    ) -> None:
        """Collect from the children `roots` of `parent` and all below them, in source order.

        This is the loop that checking spends its time in. Python's own recursion is left for what
        begins a scope or a block.
        """
        found = self.walk
        parents, where = found.parents, found.where
        names, attributes = found.names, found.attributes
        for root in roots:
            parents[root] = parent
        place = (scope, blocks)
        stack: list[Any] = [*reversed(roots)]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is ast.Constant:
                where[node] = place
                continue
            if kind is ast.Name:
                where[node] = place
                if type(node.ctx) is ast.Load:
                    names.append(node)
                continue
            if kind in _EXPRESSIONS:
                where[node] = place
                if kind is ast.Attribute:
                    attributes.append(node)
                    parents[node.value] = node
                    stack.append(node.value)
                    continue
            handle = _HANDLERS.get(kind)
            if handle is not None and handle(self, node, scope, blocks):
                continue
            for field_name in _CHILDREN_REVERSED[kind]:
                value = getattr(node, field_name)
                if type(value) is list:
                    for child in reversed(value):
                        if isinstance(child, ast.AST):
                            parents[child] = node
                            stack.append(child)
                elif isinstance(value, ast.AST):
                    parents[value] = node
                    stack.append(value)

    # What begins a block or a scope, or binds a name. True where the children are done with.

    def _branches(self, node: ast.AST, scope: Scope, blocks: Blocks) -> bool:
        # The body and the else of a statement are blocks of their own.
        for name in _CHILDREN[type(node)]:
            value = getattr(node, name)
            children = value if isinstance(value, list) else [value] if value is not None else []
            if name in ("handlers", "cases"):
                for child in children:
                    self.visit([child], node, scope, (*blocks, child))
            elif name == "body":
                self.visit(children, node, scope, (*blocks, node))
            elif name in ("orelse", "finalbody") and children:
                self.visit(children, node, scope, (*blocks, children[0]))
            else:
                self.visit(children, node, scope, blocks)
        return True

    def _class(self, node: ast.ClassDef, scope: Scope, blocks: Blocks) -> bool:
        self._add(node.name, "class", node, scope, blocks)
        inner = Scope(node, scope)
        self.walk.scopes[node] = inner
        self.walk.classes[node] = Class(node, inner, scope)
        self.visit([*node.decorator_list, *node.bases, *node.keywords], node, scope, blocks)
        self.visit(node.body, node, inner, ())
        return True

    def _function(self, node: Function, scope: Scope, blocks: Blocks) -> bool:
        inner = Scope(node, scope)
        self.walk.scopes[node] = inner
        if not isinstance(node, ast.Lambda):
            self._add(node.name, "function", node, scope, blocks)
            returns = [node.returns] if node.returns else []
            self.visit([*node.decorator_list, *returns], node, scope, blocks)
        arguments = node.args
        defaults = [*arguments.defaults, *arguments.kw_defaults]
        self.visit([item for item in defaults if item is not None], node, scope, blocks)
        for argument in _parameters(arguments):
            self.walk.parents[argument] = node
            self._add(argument.arg, "parameter", argument, inner, ())
            if argument.annotation is not None:
                self.visit([argument.annotation], argument, scope, blocks)
        self.visit([node.body] if isinstance(node, ast.Lambda) else node.body, node, inner, ())
        return True

    def _comprehension(self, node: Comprehension, scope: Scope, blocks: Blocks) -> bool:
        inner = Scope(node, scope)
        self.walk.scopes[node] = inner
        for generator in node.generators:
            self._bind(generator.target, "item", generator.iter, inner, blocks)
        result = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.visit([*result, *node.generators], node, inner, blocks)
        return True

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope, blocks: Blocks) -> bool:
        self._bind(node.target, "item", node.iter, scope, (*blocks, node))
        return self._branches(node, scope, blocks)

    def _call(self, node: ast.Call, scope: Scope, blocks: Blocks) -> bool:
        # `blocks.append(layer)` and `self.add_module("bn", layer)` bind as an assignment does.
        self.walk.calls.append(node)
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in _ADDERS:
            match func.attr, node.args:
                case "append" | "add", [item]:
                    self._bind(func.value, "added", item, scope, blocks)
                case "add_module" | "register_module", [ast.Constant(value=str(name)), item]:
                    target = ast.Attribute(func.value, name, ast.Store(), lineno=node.lineno)
                    self._bind(target, "value", item, scope, blocks)
        return False

    def _import(
        self, node: ast.Import | ast.ImportFrom, scope: Scope, blocks: Blocks
    ) -> bool:
        self.walk.imports.append(node)
        for alias in node.names:
            name = alias.asname or (
                alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name
            )
            target = name if isinstance(node, ast.Import) and not alias.asname else alias.name
            self._add(name, "import", node, scope, blocks, target=target)
        return True

    def _assign(self, node: ast.Assign, scope: Scope, blocks: Blocks) -> bool:
        for target in node.targets:
            self._bind(target, "value", node.value, scope, blocks)
        return False

    def _annotated(self, node: ast.AnnAssign, scope: Scope, blocks: Blocks) -> bool:
        self._bind(node.target, "annotation", node.annotation, scope, blocks)
        if node.value is not None:
            self._bind(node.target, "value", node.value, scope, blocks)
        return False

    def _named(self, node: ast.NamedExpr, scope: Scope, blocks: Blocks) -> bool:
        holder = scope
        while isinstance(holder.node, _COMPREHENSIONS) and holder.parent:
            holder = holder.parent
        self._bind(node.target, "value", node.value, holder, blocks)
        return False

    def _augmented(self, node: ast.AugAssign, scope: Scope, blocks: Blocks) -> bool:
        self._bind(node.target, "other", node, scope, blocks)
        return False

    def _with_item(self, node: ast.withitem, scope: Scope, blocks: Blocks) -> bool:
        if node.optional_vars is not None:
            self._bind(node.optional_vars, "value", node.context_expr, scope, blocks)
        return False

    def _caught(
        self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar, scope: Scope, blocks: Blocks
    ) -> bool:
        if node.name:
            self._add(node.name, "other", node, scope, blocks)
        return False

    def _delete(self, node: ast.Delete, scope: Scope, blocks: Blocks) -> bool:
        for target in node.targets:
            self._bind(target, "other", node, scope, blocks)
        return False

    def _elsewhere(self, node: ast.Global | ast.Nonlocal, scope: Scope, blocks: Blocks) -> bool:
        scope.elsewhere.update(node.names)
        return True

    def _return(self, node: ast.Return, scope: Scope, blocks: Blocks) -> bool:
        function = scope.function()
        if function is not None and node.value is not None:
            self.walk.returns[function.node].append(node.value)
        elif function is not None:
            self.walk.returns_none.add(function.node)
        return False

    def _yield(self, node: ast.Yield | ast.YieldFrom, scope: Scope, blocks: Blocks) -> bool:
        function = scope.function()
        if function is not None:
            self.walk.yields.add(function.node)
        return False

    # Names

    def _bind(
        self,
        target: ast.expr,
        kind: BindingKind,
        node: ast.AST,
        scope: Scope,
        blocks: Blocks,
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
        blocks: Blocks,
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


_HANDLERS: dict[type[ast.AST], Callable[[_Collector, Any, Scope, Blocks], bool]] = {
    **dict.fromkeys(_BLOCKS, _Collector._branches),
    **dict.fromkeys(_FUNCTIONS, _Collector._function),
    **dict.fromkeys(_COMPREHENSIONS, _Collector._comprehension),
    ast.For: _Collector._for, ast.AsyncFor: _Collector._for, ast.ClassDef: _Collector._class,
    ast.Call: _Collector._call, ast.Import: _Collector._import,
    ast.ImportFrom: _Collector._import, ast.Assign: _Collector._assign,
    ast.AnnAssign: _Collector._annotated, ast.NamedExpr: _Collector._named,
    ast.AugAssign: _Collector._augmented, ast.withitem: _Collector._with_item,
    ast.ExceptHandler: _Collector._caught, ast.MatchAs: _Collector._caught,
    ast.MatchStar: _Collector._caught, ast.Delete: _Collector._delete,
    ast.Global: _Collector._elsewhere, ast.Nonlocal: _Collector._elsewhere,
    ast.Return: _Collector._return, ast.Yield: _Collector._yield,
    ast.YieldFrom: _Collector._yield,
}  # fmt: skip


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


def reaching(bindings: list[Binding], row: int, blocks: Blocks) -> list[Binding]:
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
