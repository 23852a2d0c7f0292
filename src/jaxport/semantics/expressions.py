"""Which memory the value of an expression can share, and what evaluating it changes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from jaxport.records import field, record
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.memory import NOTHING, TWICE, Cell, Memory, State, part, together, union
from jaxport.semantics.model import dotted
from jaxport.semantics.scopes import Scope
from jaxport.semantics.sharing import METADATA
from jaxport.semantics.values import Items, LocalFunction, Result

_PLAIN = {"int", "float", "bool", "str", "dtype", "device", "module", "function", "class"}
_CONTAINERS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Call)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
# What a function keeps, or has given away, beyond its own variables.
KEPT = "what is kept"


@record
class Summary:
    """What a function gives back and keeps of what it is given."""

    returns: Memory = NOTHING
    keeps: Memory = NOTHING


@record
class Context:
    """What is known of the file around a function; `reasons` gets who sees which change."""

    kinds: FileKinds
    summary: Callable[[LocalFunction], Summary | None]
    reasons: dict[ast.AST, str] = field(default_factory=dict)


class Expressions:
    """Evaluates expressions in the order in which Python does."""

    def __init__(self, context: Context, scope: Scope, state: State) -> None:
        self.context = context
        self.kinds = context.kinds
        self.model = context.kinds.model
        self.scope = scope
        self.state = state
        self.arguments = {item.arg: item for item in arguments_of(scope.node)}

    # Values

    def of(self, node: ast.AST) -> Memory:
        match node:
            case ast.Name(id=name):
                return self._read(name, node)
            case ast.Attribute():
                return self._of_attribute(node)
            case ast.Call():
                return self.of_call(node)
            case ast.Subscript(value=value, slice=index):
                held, _ = self.each([value, index])
                return self.state.renew(node) if self._copies(index) else held
            case ast.BinOp(left=left, right=right):
                both = union(self.each([left, right]))
                return both | {TWICE} if self._is_container(node) else self.state.renew(node)
            case ast.UnaryOp(operand=operand, op=op):
                held = self.of(operand)
                return held if isinstance(op, ast.UAdd) else self.state.renew(node)
            case ast.Compare(left=left, comparators=others, ops=ops):
                if not all(isinstance(op, (ast.Is, ast.IsNot)) for op in ops):
                    self.each([left, *others])
                return NOTHING
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.of(test)
                return self._either([body, orelse])
            case ast.BoolOp(values=values):
                return self._either(values)
            case ast.NamedExpr(target=target, value=value):
                held = self.of(value)
                self.state.bind(target.id, held)
                return held
            case ast.Starred(value=value) | ast.Await(value=value):
                return self.of(value)
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                return self.state.renew(node, together(self.each(items)))
            case ast.Dict(keys=keys, values=values):
                self.each([key for key in keys if key is not None])
                return self.state.renew(node, together(self.each(values)))
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self._of_comprehension(node)
            case ast.Lambda():
                self._reads_free(node, node)
                return frozenset([Cell(node)])
            case ast.Yield(value=value) | ast.YieldFrom(value=value):
                if value is not None:
                    self.keep(self.of(value))
                return NOTHING
            case ast.Constant():
                return NOTHING
        self.each([item for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr)])
        return NOTHING

    def each(self, nodes: Iterable[ast.expr]) -> list[Memory]:
        """The memory of values that are all there before any of them is used."""
        held: dict[ast.expr, Memory] = {}
        for node in nodes:
            held[node] = self.state.held[node] = self.of(node)
        for node in held:
            held[node] = self.state.held.pop(node)
            self.sees(held[node], node)
        return [self.unmarked(memory) for memory in held.values()]

    def _either(self, nodes: list[ast.expr]) -> Memory:
        found, before = NOTHING, self.state.copy()
        for node in nodes:
            self.state = State(before.held)
            found |= self.of(node)
            before = before.joined(self.state)
        self.state = before
        return found

    @staticmethod
    def unmarked(memory: Memory) -> Memory:
        return frozenset(cell for cell in memory if cell.sort != "changed")

    # Names and attributes

    def _read(self, name: str, node: ast.Name) -> Memory:
        held = self.state.held.get(name)
        if held is None:
            held = self._outside(name, node)
        self.sees(held, node)
        for cell in held:
            if isinstance(cell.of, FUNCTIONS):
                self._reads_free(cell.of, node)
        return self.unmarked(held)

    def _outside(self, name: str, node: ast.expr) -> Memory:
        own = self.scope.bindings.get(name, [])  # `added` to an outer list binds nothing
        if any(item.kind != "added" for item in own) or self.is_plain(node):
            return NOTHING
        values = self.model.infer(node)
        if values and not any(isinstance(value, (Items, Result)) for value in values) and (
            not self.kinds.may_be_tensor(node)
        ):
            return NOTHING
        known = any(name in outer.bindings for outer in self.scope.enclosing())
        return frozenset([Cell(name, "outside")]) if known else NOTHING

    def is_plain(self, node: ast.AST) -> bool:
        names = self.kinds.names(node) - {"none"}
        return bool(names) and names <= _PLAIN

    def sees(self, held: Memory, node: ast.AST) -> None:
        """Someone reads this value: what has changed of it is seen."""
        changes = [cell for cell in held if cell.sort == "changed"]
        if changes and not self.is_plain(node):
            for cell in changes:
                assert isinstance(cell.of, ast.AST)
                self.context.reasons.setdefault(
                    cell.of, f"`{ast.unparse(node)}` shares its memory and sees the change")

    def _reads_free(self, function: ast.AST, node: ast.AST) -> None:
        """A function that is used sees its variables as they are then."""
        for inner in ast.walk(function):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                self.sees(self.state.held.get(inner.id, NOTHING), inner)

    def _of_attribute(self, node: ast.Attribute) -> Memory:
        key = dotted(node)
        if node.attr in METADATA:
            if not isinstance(node.value, ast.Name):
                self.of(node.value)
            return NOTHING
        held = self.state.held.get(key) if key else None
        if held is not None:
            self.sees(held, node)
            return self.unmarked(held)
        base = self.of(node.value)
        if base or not key:
            return base
        if self.is_plain(node) or self.model.qualified(node) is not None:
            return NOTHING
        return frozenset([Cell(key, "outside")])

    def of_call(self, node: ast.Call) -> Memory:
        raise NotImplementedError

    def restore(self, outer: dict[str, Memory | None]) -> None:
        for name, memory in outer.items():
            self.state.held.pop(name, None)
            if memory is not None:
                self.state.held[name] = memory

    def _of_comprehension(self, node: ast.AST) -> Memory:
        assert isinstance(node, _COMPREHENSIONS)
        scope = self.model.walk.scopes[node]
        outer = {name: self.state.held.get(name) for name in scope.bindings}
        for generator in node.generators:
            self.state.held[generator] = self.of(generator.iter)
            self.bind_item(generator.target, generator.iter, self.state.held[generator])
            for test in generator.ifs:
                self.of(test)
        before = frozenset(cell for held in self.state.held.values() for cell in held)
        items = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        found = union(self.each(items))
        again = any(not cell.is_mark and cell in before for cell in found)
        for generator in node.generators:
            self.state.held.pop(generator, None)
        self.restore(outer)
        return self.state.renew(node, found) | ({TWICE} if again else NOTHING)

    # Changes

    def change(
        self, node: ast.AST, memory: Memory, target: ast.expr | None, read: str = ""
    ) -> Memory:
        """The memory changes at `node`; the variable `target` gets the new value.

        `read` is the variable that the changed value was read from, where none gets the new one.
        """
        while isinstance(target, ast.Attribute) and target.attr == "data":
            target = target.value
        own = isinstance(target, ast.Attribute)  # a Variable, or an attribute that is replaced
        for cell in sorted(memory, key=lambda item: str(item.of)) if not own else []:
            if cell.sort == "parameter":
                reason = f"`{cell.of}` is the caller's tensor, which sees the change"
            elif cell.sort == "outside":
                reason = f"`{cell.of}` shares its memory and sees the change"
            else:
                continue
            self.context.reasons.setdefault(node, reason)
        holder = dotted(target) if target is not None else ""
        loops = [key for key, held in self.state.held.items()
                 if isinstance(key, (ast.For, ast.comprehension)) and TWICE not in held
                 and (holder or read) in {item.id for item in ast.walk(key.target)
                                          if isinstance(item, ast.Name)}]
        self.state.change(node, memory, [*loops, *([holder] if holder else [])])
        made = self.state.renew(node)
        if isinstance(target, ast.Name) or holder in self.state.held:
            self.state.bind(holder, made)
        return made

    def keep(self, memory: Memory) -> None:
        self.state.held[KEPT] = self.state.held.get(KEPT, NOTHING) | memory

    def absorb(self, holder: ast.expr, own: Memory, memory: Memory) -> None:
        """Something is put into a container, or into an attribute of an object."""
        self.state.absorb(own, memory, self.contains)
        key = dotted(holder)
        if key and not self.is_plain(holder):
            held = self.state.held.get(key, own)
            self.state.held[key] = held | memory
        if any(cell.sort in ("parameter", "outside") and self.contains(cell) for cell in own):
            self.keep(memory)

    def contains(self, cell: Cell) -> bool:
        """Whether the memory is one of a container, and not of a tensor."""
        if isinstance(cell.of, str):
            argument = self.arguments.get(cell.of)
            return cell.sort != "parameter" or argument is None or not any(
                self.kinds.is_tensor(item) for item in self.kinds.loads(self.scope.node).get(
                    cell.of, [])[:1])
        return isinstance(cell.of, _CONTAINERS) and not self.kinds.is_tensor(cell.of)

    def bind_item(self, target: ast.expr, iterable: ast.expr, memory: Memory) -> None:
        raise NotImplementedError

    def _is_container(self, node: ast.BinOp) -> bool:
        return "sequence" in self.kinds.names(node) or any(
            isinstance(item, (ast.List, ast.Tuple, ast.ListComp))
            for item in (node.left, node.right)
        )

    def _copies(self, index: ast.expr) -> bool:
        """Whether the index takes a copy: tensors and lists do, slices do not."""
        items = index.elts if isinstance(index, ast.Tuple) else [index]
        return any(self.kinds.is_tensor(item) or isinstance(item, ast.List) for item in items)


def arguments_of(node: ast.AST) -> list[ast.arg]:
    if not isinstance(node, FUNCTIONS):
        return []
    found = node.args
    more = [item for item in (found.vararg, found.kwarg) if item is not None]
    return [*found.posonlyargs, *found.args, *found.kwonlyargs, *more]


def item_part(iterable: ast.expr, memory: Memory, index: int) -> Memory:
    """The memory of the target at `index` of a loop over `iterable`."""
    match iterable:
        case ast.Call(func=ast.Name(id="enumerate")) | ast.Call(func=ast.Attribute(attr="items")):
            return NOTHING if index == 0 else memory
    return part(memory, index)
