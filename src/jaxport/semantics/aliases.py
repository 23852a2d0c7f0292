"""Which changes in place could be seen: JAX arrays never change, torch's tensors do.

`x[0] = 1` becomes `x = x.at[0].set(1)`. That is the same only where nothing else looks at the
memory of `x` afterwards: no view of it, no container that holds it, no caller that gave it.
Each function is followed statement by statement, loops until nothing new is found. Only what is
known to make new memory does; any other call may give what it is given.
"""

from __future__ import annotations

import ast
from functools import cached_property

from jaxport.semantics.called import Calls
from jaxport.semantics.expressions import KEPT, Context, Summary, item_part
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.names import bound_by
from jaxport.semantics.memory import NOTHING, TWICE, Cell, Memory, State, part, together
from jaxport.semantics.model import dotted
from jaxport.semantics.scopes import Scope
from jaxport.semantics.values import LocalFunction

_CODE = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Aliases:
    """Who sees the changes in place of a file."""

    def __init__(self, kinds: FileKinds) -> None:
        self.kinds = kinds
        self.model = kinds.model
        self.context = Context(kinds, self._summary)
        self._summaries: dict[Scope, Summary | None] = {}

    def why_seen(self, change: ast.AST) -> str:
        """Who else could see the change that the statement or call makes; empty for nobody."""
        return self._reasons.get(change, "")

    @cached_property
    def _reasons(self) -> dict[ast.AST, str]:
        for scope in list(self.model.walk.scopes.values()):
            if isinstance(scope.node, _CODE):
                self._of_scope(scope)
        return self.context.reasons

    def _summary(self, function: LocalFunction) -> Summary | None:
        if function.model is not self.model:
            other = function.model.__dict__.setdefault(
                "aliases", Aliases(self.kinds.elsewhere(function.model)))
            assert isinstance(other, Aliases)
            return other._of_scope(function.scope)
        return self._of_scope(function.scope)

    def _of_scope(self, scope: Scope) -> Summary | None:
        """What the function gives and keeps; None while that is being worked out."""
        if scope not in self._summaries:
            self._summaries[scope] = None
            self._summaries[scope] = _Flow(self.context, scope).run()
        return self._summaries[scope]


class _Flow(Calls):
    """One function, from its first statement to every way out."""

    def __init__(self, context: Context, scope: Scope) -> None:
        super().__init__(context, scope, State())
        self.alive = True
        self.summary = Summary()
        self.breaks: list[State] = []
        self.continues: list[State] = []

    def run(self) -> Summary:
        node = self.scope.node
        is_method = self.scope.parent is not None and self.scope.parent.is_class
        for index, name in enumerate(self.arguments):
            own = index == 0 and is_method and name in ("self", "cls")
            loads = self.kinds.loads(node).get(name, [])[:1]
            plain = any(self.is_plain(load) for load in loads)
            self.state.bind(name, NOTHING if own or plain else frozenset([Cell(name, "parameter")]))
        if isinstance(node, ast.Lambda):
            self._leave(self.of(node.body))
            return self.summary
        self.block(getattr(node, "body", []))
        if self.alive:
            self._leave(NOTHING)
        return self.summary

    def _leave(self, returned: Memory) -> None:
        """What outlives the function is seen after it."""
        self.summary.returns |= returned
        for key, held in self.state.held.items():
            if isinstance(key, str) and (
                "." in key or key == KEPT or key in self.scope.elsewhere
            ):
                for cell in held:
                    if cell.sort == "changed":
                        assert isinstance(cell.of, ast.AST)
                        where = "elsewhere" if key == KEPT else f"in `{key}`"
                        self.context.reasons.setdefault(
                            cell.of, f"it is kept {where}, where the change is seen")
                self.summary.keeps |= frozenset(
                    cell for cell in held if cell.sort == "parameter")
        self.alive = False

    # Statements

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if self.alive:
                self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                self._assign(node, targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(node, [target], value)
            case ast.AugAssign():
                self._augment(node)
            case ast.Return(value=value):
                self._leave(self.of(value) if value is not None else NOTHING)
            case ast.Raise():
                self.each([item for item in (node.exc, node.cause) if item is not None])
                self.alive = False
            case ast.If(test=test, body=body, orelse=orelse):
                self.of(test)
                self._branches([body, orelse])
            case ast.Match(subject=subject, cases=cases):
                held = self.of(subject)
                for item in cases:
                    for inner in ast.walk(item.pattern):
                        if isinstance(inner, (ast.MatchAs, ast.MatchStar)) and inner.name:
                            self.state.bind(inner.name, held)
                self._branches([*(item.body for item in cases), []])
            case ast.For() | ast.AsyncFor():
                self.state.held[node] = self.of(node.iter)
                self._loop(node)
                self.state.held.pop(node, None)
            case ast.While():
                self._loop(node)
            case ast.Try():
                self._try(node)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for block in items:
                    held = self.of(block.context_expr)
                    if block.optional_vars is not None:
                        self._bind(block.optional_vars, held)
                self.block(body)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self.state.bind(name, frozenset([Cell(node)]))
            case ast.Delete(targets=targets):
                for gone in targets:
                    self.state.held.pop(dotted(gone), None)
            case ast.Break():
                self.breaks.append(self.state.copy())
                self.alive = False
            case ast.Continue():
                self.continues.append(self.state.copy())
                self.alive = False
            case ast.ClassDef():
                pass
            case _:
                self.each([item for item in ast.iter_child_nodes(node)
                           if isinstance(item, ast.expr)])

    def _assign(self, node: ast.stmt, targets: list[ast.expr], value: ast.expr) -> None:
        items = self.each(value.elts) if isinstance(value, (ast.Tuple, ast.List)) else []
        memory = self.state.renew(value, together(items)) if items else self.of(value)
        for target in targets:
            if isinstance(target, ast.Subscript) and self.kinds.is_tensor(target.value):
                held, _ = self.each([target.value, target.slice])
                self.change(node, held, target.value)
            elif isinstance(target, ast.Attribute) and target.attr == "data":
                self.change(node, self.of(target.value), target.value)
            elif isinstance(target, (ast.Tuple, ast.List)) and len(items) == len(target.elts):
                for item, held in zip(target.elts, items, strict=True):
                    self._bind(item, held)
            else:
                self._bind(target, memory)

    def _bind(self, target: ast.expr, memory: Memory) -> None:
        match target:
            case ast.Name(id=name):
                self.state.bind(name, memory)
            case ast.Attribute(value=holder):
                own = self.of(holder)
                if own:
                    self.absorb(holder, own, memory)
                self.state.bind(dotted(target) or KEPT, memory)
            case ast.Subscript(value=holder, slice=place):
                own, _ = self.each([holder, place])
                if not self.kinds.is_tensor(holder):
                    self.absorb(holder, own, memory)
            case ast.Starred(value=inner):
                self._bind(inner, memory)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                starred = any(isinstance(item, ast.Starred) for item in items)
                for index, inner in enumerate(items):
                    self._bind(inner, memory if starred else part(memory, index))

    def bind_item(self, target: ast.expr, iterable: ast.expr, memory: Memory) -> None:
        """A loop gives the next item to its target."""
        if not isinstance(target, (ast.Tuple, ast.List)):
            self._bind(target, memory)
            return
        for index, item in enumerate(target.elts):
            self.bind_item(item, item, item_part(iterable, memory, index))

    def _augment(self, node: ast.AugAssign) -> None:
        """`x += y` changes a tensor or a list, and nothing else."""
        target = node.target
        base: ast.expr = target.value if isinstance(target, ast.Subscript) else target
        of_item = base is not target and not self.kinds.is_tensor(base)
        read = target if of_item else base
        self.state.held[node] = self.of(read)
        memory = self.of(node.value)
        held = self.state.held.pop(node)
        self.sees(held, read)
        held = self.unmarked(held)
        names = target_names(self.kinds, target) - {"none"}
        if "sequence" in names:
            self.absorb(base, held, memory)
        if (names and "tensor" not in names) or (not names and _cuts(target)):
            return  # of something unknown, JAX takes no slice for a target
        if not names:
            held = frozenset(cell for cell in held if cell.sort not in ("parameter", "outside"))
        if of_item and TWICE in held:
            self.context.reasons.setdefault(node, "its memory may be held there twice")
        whole = self.state.held.get(dotted(base), NOTHING)
        made = self.change(node, held, base)
        if of_item and dotted(base):
            self.state.held[dotted(base)] = whole | made

    def _branches(self, blocks: list[list[ast.stmt]]) -> None:
        before, after = self.state, []
        for body in blocks:
            self.state, self.alive = before.copy(), True
            self.block(body)
            if self.alive:
                after.append(self.state)
        self._meet(after)

    def _meet(self, states: list[State]) -> None:
        self.alive = bool(states)
        if states:
            found = states[0]
            for state in states[1:]:
                found = found.joined(state)
            self.state = found

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        outer = self.breaks, self.continues
        self.breaks = []
        while True:
            before, self.continues = self.state.copy(), []
            if isinstance(node, ast.While):
                self.of(node.test)
            else:
                self.bind_item(node.target, node.iter, self.state.held[node])
            self.block(node.body)
            ends = [*self.continues, *([self.state] if self.alive else [])]
            self._meet([before, *ends])
            if self.state.held == before.held:
                break
        self.block(node.orelse)
        self._meet([*self.breaks, *([self.state] if self.alive else [])])
        self.breaks, self.continues = outer

    def _try(self, node: ast.Try) -> None:
        reached = [self.state.copy()]
        for statement in node.body:
            if self.alive:
                self.statement(statement)
                reached.append(self.state.copy())
        self.block(node.orelse)
        after = [self.state] if self.alive else []
        for handler in node.handlers:
            self._meet([item.copy() for item in reached])
            self.block(handler.body)
            if self.alive:
                after.append(self.state)
        self._meet(after or [item.copy() for item in reached[-1:]])
        fell = bool(after)
        self.block(node.finalbody)
        self.alive = self.alive and fell


def target_names(kinds: FileKinds, target: ast.expr) -> set[str]:
    """The names of the kinds that the target of `x += y` can be before."""
    if not isinstance(target, ast.Name):
        return kinds.names(target)
    bindings = kinds.model.lookup(target, target.id)
    statement = kinds.model.walk.parents.get(target)
    own = next((item for item in bindings if item.node is statement), None)
    return {
        kind.name for binding in kinds.model.lookup(target, target.id, without=own)
        for kind in bound_by(kinds, binding)
    }


def _cuts(target: ast.expr) -> bool:
    """Whether the target is a slice, as no container has for items."""
    return isinstance(target, ast.Subscript) and any(
        isinstance(item, (ast.Slice, ast.Tuple)) for item in ast.walk(target.slice)
    )
