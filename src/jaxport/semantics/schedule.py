"""A torch scheduler as an Optax schedule: a function of how many steps there were."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from jaxport.records import record
from jaxport.semantics.effects import block_of, jumps
from jaxport.semantics.identity import sources
from jaxport.semantics.loss import CannotPort
from jaxport.semantics.model import Model
from jaxport.semantics.optimizer import Optimizer, arguments_of, qualified_constructor
from jaxport.tables import schedules
from jaxport.tables.optimizers import OPTIMIZERS

_SHORT = 40
_FUNCTIONS = frozenset({"len", "int", "float", "round", "max", "min", "abs", "sum"})
_WRAPPERS = frozenset({"enumerate", "tqdm", "trange", "track", "list"})


@record(frozen=True)
class Schedule:
    """The learning rate as source text, and the statement above the constructor that it needs."""

    rate: str
    above: tuple[str, ...] = ()


def schedule(model: Model, optimizer: Optimizer, name: str) -> Schedule | None:
    """The schedule of `optimizer`, or None where it has no scheduler; `name` is free for it.

    Finds the scheduler's `step()`, too. Raises CannotPort with the reason.
    """
    if not optimizer.schedulers:
        return None
    if len(optimizer.schedulers) > 1:
        raise CannotPort("several schedulers change its learning rate")
    if len(optimizer.constructors) != 1 or len(optimizer.steps) != 1:
        raise CannotPort("its scheduler does not count the steps of one place only")
    return _Scheduler(model, optimizer, optimizer.schedulers[0]).schedule(name)


class _Scheduler:
    def __init__(self, model: Model, optimizer: Optimizer, call: ast.Call) -> None:
        self.model = model
        self.optimizer = optimizer
        self.call = call
        self.made = optimizer.constructors[0]
        self.step = optimizer.steps[0]

    def schedule(self, name: str) -> Schedule:
        self.optimizer.scheduler_steps = [self._find_step()]
        every = self._steps_per_count(self.optimizer.scheduler_steps[0])
        arguments, rate = self._arguments()
        kind = self.model.qualified(self.call.func) or ""
        reason = schedules.refusal(kind, arguments, rate)
        if reason:
            raise CannotPort(f"its scheduler: {reason}")
        text = schedules.write(kind, arguments, rate, self._is_bounded(kind, arguments, every))
        if text is None:
            raise CannotPort("its scheduler has no exact schedule in Optax")
        if not every:
            return Schedule(text) if len(text) < _SHORT else Schedule(name, (f"{name} = {text}",))
        return Schedule(f"lambda count: {name}(count // {every})", (f"{name} = {text}",))

    def _find_step(self) -> ast.Call:
        """The one `scheduler.step()`; nothing else may be done with the scheduler."""
        parent = self.model.walk.parents[self.call]
        if not (
            isinstance(parent, ast.Assign) and len(parent.targets) == 1
            and isinstance(parent.targets[0], (ast.Name, ast.Attribute))
        ):
            raise CannotPort("its scheduler leaves the place where it is made")
        target = parent.targets[0]
        last = target.id if isinstance(target, ast.Name) else target.attr
        steps: list[ast.Call] = []
        walk = self.model.walk
        nodes: list[ast.Name | ast.Attribute] = [*walk.names, *walk.attributes]
        for node in nodes:
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name != last or isinstance(node.ctx, ast.Store):
                continue
            if self.call not in sources(self.model, node).values():
                continue
            holder = walk.parents[node]
            call = walk.parents.get(holder)
            if not (
                isinstance(holder, ast.Attribute) and holder.attr == "step"
                and isinstance(call, ast.Call) and isinstance(walk.parents[call], ast.Expr)
            ):
                raise CannotPort(
                    f"its scheduler is used in line {node.lineno}; a schedule is a function of "
                    "the number of steps"
                )
            if call.args or call.keywords:
                raise CannotPort(f"its scheduler is told where it is in line {node.lineno}")
            steps.append(call)
        if len(steps) != 1:
            raise CannotPort("its scheduler does not step in exactly one place")
        return steps[0]

    # How many steps of the optimizer there are for each of the scheduler

    def _steps_per_count(self, counted: ast.Call) -> str:
        """Empty where both step together, else the number of steps in an epoch."""
        walk = self.model.walk
        step, count = walk.statement(self.step), walk.statement(counted)
        block = block_of(self.model, step)
        if count in block:
            start, end = block.index(step), block.index(count)
            if start < end and not any(jumps(item) for item in block[start:end]):
                return ""
            raise CannotPort("its scheduler does not step after each step of it")
        loop = self._loop_of(step)
        outer, loader = self._in_epoch(loop)
        block = block_of(self.model, count)
        if outer not in block or block.index(outer) > block.index(count):
            raise CannotPort("its scheduler does not step once after each epoch")
        if any(jumps(item) for item in block[block.index(outer) + 1 : block.index(count)]):
            raise CannotPort("an epoch can be left before its scheduler steps")
        if not isinstance(walk.parents[count], (ast.For, ast.While)):
            raise CannotPort("its scheduler does not step once after each epoch")
        if not is_constant(self.model, loader, self.made):
            raise CannotPort(
                f"the number of steps in an epoch, of `{ast.unparse(loader)}`, is not known where "
                "it is made, and Optax counts steps"
            )
        text = written(self.model, loader, self.made)
        return text if isinstance(loader, ast.Constant) else f"len({text})"

    def _loop_of(self, step: ast.stmt) -> ast.For:
        loop = self.model.walk.parents[step]
        if not isinstance(loop, ast.For) or step not in loop.body:
            raise CannotPort("its scheduler counts epochs, and not every batch has a step")
        for item in loop.body:
            before = loop.body.index(item) < loop.body.index(step)
            if jumps(item) and (before or not _only_continues(item)):
                raise CannotPort("its scheduler counts epochs, and an epoch can be cut short")
        return loop

    def _in_epoch(self, loop: ast.For) -> tuple[ast.stmt, ast.expr]:
        """The statement of the epoch that runs the loop, and what the loop goes over."""
        loader = self._loader(loop.iter)
        home = self.model.walk.where[loop.iter][0].function()
        parent = self.model.walk.parents[loop]
        if isinstance(parent, (ast.For, ast.While)):
            return loop, loader
        if home is None or parent is not home.node or not isinstance(loader, (ast.Name,
                                                                              ast.Attribute)):
            raise CannotPort("its scheduler does not step once after each epoch")
        name = getattr(home.node, "name", "")
        calls = [
            call for call in self.model.walk.calls
            if getattr(call.func, "id", getattr(call.func, "attr", "")) == name
        ]
        if len(calls) != 1:
            raise CannotPort(f"its scheduler counts epochs, and `{name}` is called several times")
        for binding in self.model.lookup(loader, ast.unparse(loader)):
            if binding.kind == "parameter" and isinstance(binding.node, ast.arg):
                for call, given in self.model.passed(binding.node, binding.scope):
                    if call is calls[0]:
                        loader = self._loader(given)
        return self.model.walk.statement(calls[0]), loader

    def _loader(self, node: ast.expr, depth: int = 4) -> ast.expr:
        """What a loop really goes over: without `enumerate` and progress bars."""
        if isinstance(node, ast.Call) and node.args and depth:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _WRAPPERS:
                return self._loader(node.args[0], depth - 1)
            if name == "range" and not node.keywords:
                return node
        if isinstance(node, ast.Name) and depth:
            bindings = self.model.lookup(node, node.id)
            if len(bindings) == 1 and bindings[0].kind == "value":
                made = bindings[0].node
                if isinstance(made, ast.Call) and getattr(
                    made.func, "id", getattr(made.func, "attr", "")
                ) in _WRAPPERS - {"list"}:
                    return self._loader(made, depth - 1)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return node
        raise CannotPort(
            f"its scheduler counts epochs, and the length of `{ast.unparse(node)}` is not known"
        )

    # What torch's scheduler is given

    def _arguments(self) -> tuple[dict[str, str], str]:
        kind = self.model.qualified(self.call.func) or ""
        row = schedules.SCHEDULES.get(kind)
        if row is None:
            reason = schedules.refusal(kind, {}, "0.1")
            raise CannotPort(f"its scheduler: {reason}")
        names = ("optimizer", *row.positional)
        if any(isinstance(item, ast.Starred) for item in self.call.args) or any(
            item.arg is None for item in self.call.keywords
        ):
            raise CannotPort("starred arguments hide what its scheduler is given")
        given = dict(zip(names, self.call.args, strict=False))
        given.update({item.arg or "": item.value for item in self.call.keywords})
        given.pop("optimizer", None)
        for value in given.values():
            if not is_constant(self.model, value, self.made):
                raise CannotPort(
                    f"`{ast.unparse(value)}` of its scheduler is not known where it is made"
                )
        name = qualified_constructor(self.model, self.made)
        optimizer = OPTIMIZERS[name]
        rate = (arguments_of(self.made, optimizer.positional) or {}).get("lr")
        text = ast.unparse(rate) if rate is not None else optimizer.write["learning_rate"]
        texts = {name: written(self.model, value, self.made) for name, value in given.items()}
        return texts, text

    def _is_bounded(self, kind: str, arguments: dict[str, str], every: str) -> bool:
        """Whether the loop shows that there are no more counts than the schedule is made for."""
        bound = schedules.SCHEDULES[kind].bound
        if not bound or bound not in arguments:
            return False
        counted = self.optimizer.scheduler_steps[0] if every else self.step
        loops = [
            node for node in self.model.walk.ancestors(counted)
            if isinstance(node, (ast.For, ast.While))
        ]
        here = self.model.walk.where[counted][0].function()
        if self.model.walk.where[self.made][0].function() is not here:
            return False
        lengths = []
        for loop in loops:
            match loop:
                case ast.For(iter=ast.Call(func=ast.Name(id="range"), args=[count])):
                    lengths.append(written(self.model, count, self.made))
                case ast.For(iter=iterable) if isinstance(iterable, (ast.Name, ast.Call)):
                    lengths.append(f"len({ast.unparse(self._loader(iterable))})")
                case _:
                    return False
        return arguments[bound] in (" * ".join(lengths), " * ".join(reversed(lengths)))


def _only_continues(statement: ast.stmt) -> bool:
    return not any(
        isinstance(node, (ast.Break, ast.Return, ast.Raise)) for node in ast.walk(statement)
    )


def is_constant(model: Model, value: ast.expr, place: ast.expr) -> bool:
    """Whether `value` means at `place` what it means where it stands, as `written` writes it."""
    return all(_is_constant(model, value, node, place) for node in _parts(value))


def written(model: Model, value: ast.expr, place: ast.expr) -> str:
    """`value` as source text for `place`: names that get their value later by that value."""

    class Inline(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            late = _late_value(model, original[node], place)
            return node if late is None else ast.parse(written(model, late, place),
                                                       mode="eval").body

    copied = copy.deepcopy(value)
    pairs = zip(ast.walk(copied), ast.walk(value), strict=True)
    original = {one: other for one, other in pairs if isinstance(other, ast.Name)}
    return ast.unparse(Inline().visit(copied))


def _late_value(model: Model, node: ast.AST, place: ast.expr) -> ast.expr | None:
    """What a name is that the function of `place` binds once, further down."""
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return None
    bindings = [item for item in model.lookup(node, node.id) if item.kind != "annotation"]
    scope, blocks = model.walk.where[place]
    if len(bindings) != 1 or bindings[0].kind != "value":
        return None
    binding = bindings[0]
    known = binding.scope is scope and binding.blocks == blocks and binding.row > place.lineno
    return binding.node if known and isinstance(binding.node, ast.expr) else None


def _parts(value: ast.expr) -> Iterator[ast.AST]:
    own = {
        argument.arg
        for node in ast.walk(value)
        if isinstance(node, ast.Lambda)
        for argument in node.args.args
    }
    for node in ast.walk(value):
        if not (isinstance(node, ast.Name) and node.id in own):
            yield node


def _is_constant(model: Model, value: ast.expr, node: ast.AST, place: ast.expr) -> bool:
    match node:
        case ast.Name(id=name):
            here = [item for item in model.lookup(node, name) if item.kind != "annotation"]
            there = [item for item in model.lookup(place, name) if item.kind != "annotation"]
            if not here and not there:
                return name in _FUNCTIONS or name in ("range", "True", "False")
            home = model.walk.where[place][0].function()
            meant = _late_value(model, node, place)
            if meant is not None:
                return is_constant(model, meant, place)
            late = here and here[0].scope.function() is home and here[0].row >= place.lineno
            # A variable of the module has its last value by the time that a function runs.
            settled = len(here) == 1 or (
                home is not None and all(item.scope.is_module for item in here)
            )
            return settled and here == there and not late
        case ast.Attribute(value=ast.Name(id="self")):
            return False
        case ast.Call(func=func):
            name = getattr(func, "id", "")
            inside = any(
                isinstance(item, ast.Lambda) and any(inner is node for inner in ast.walk(item))
                for item in ast.walk(value)
            )
            return inside or name in _FUNCTIONS or (name == "range" and node is value)
        case ast.NamedExpr() | ast.Await() | ast.Yield():
            return False
    return True
