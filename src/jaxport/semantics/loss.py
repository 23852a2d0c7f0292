"""From `loss.backward()` back to the statements that compute the loss: what has to move."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from jaxport.records import record
from jaxport.semantics.effects import Effects, block_of, effects, jumps
from jaxport.semantics.identity import same
from jaxport.semantics.model import Model, dotted
from jaxport.semantics.reach import other_route
from jaxport.semantics.scopes import Scope
from jaxport.semantics.values import LocalFunction


class CannotPort(Exception):
    """Why something has to stay as it is, in words for the user."""


@record(eq=False)
class Region:
    """The statements that compute one loss.

    `block[first : last + 1]` holds them, with others between that stay; `moved` go into the loss
    function, `hoisted` in front of it: they compute without gradients.
    """

    backward: ast.Call
    block: list[ast.stmt]
    first: int
    last: int
    moved: list[ast.stmt]
    hoisted: list[ast.stmt]
    models: dict[str, ast.expr]
    trained: list[str]
    arguments: list[str]
    auxiliary: list[str]
    value: str
    earlier: bool

    @property
    def loss(self) -> ast.expr:
        assert isinstance(self.backward.func, ast.Attribute)
        return self.backward.func.value

    @property
    def statements(self) -> list[ast.stmt]:
        return self.block[self.first : self.last + 1]


def region(
    model: Model,
    backward: ast.Call,
    trained: Sequence[ast.expr],
    others: Sequence[ast.expr],
    ignored: set[ast.stmt],
) -> Region:
    """What `backward` needs to become a function of the modules `trained`.

    `others` are modules that other optimizers train: the function gets them too. `ignored` are
    statements of the training step itself, such as `zero_grad`.

    Raises:
        CannotPort: with the reason.
    """
    return _Finder(model, backward, trained, others, ignored).find()


def check_arguments(backward: ast.Call) -> None:
    """That `backward()` is called without what has no counterpart. Raises CannotPort."""
    given = {keyword.arg or "**": keyword.value for keyword in backward.keywords}
    if backward.args:
        given["gradient"] = backward.args[0]
    for name, value in given.items():
        if isinstance(value, ast.Constant) and not value.value:
            continue
        if name == "retain_graph":
            raise CannotPort(
                "`retain_graph` keeps the graph for another `backward()`; add the losses up and "
                "call `backward()` once"
            )
        if name == "create_graph":
            raise CannotPort("`create_graph` differentiates a gradient: nest `jax.grad`")
        raise CannotPort(f"`backward` is given a `{name}` argument; JAX has `jax.vjp` for that")


class _Finder:
    def __init__(
        self,
        model: Model,
        backward: ast.Call,
        trained: Sequence[ast.expr],
        others: Sequence[ast.expr],
        ignored: set[ast.stmt],
    ) -> None:
        self.model = model
        self.backward = backward
        self.trained = list(trained)
        self.modules = [*trained, *others]
        self.ignored = ignored
        self.statement = model.walk.statement(backward)
        assert isinstance(backward.func, ast.Attribute)
        self.loss = backward.func.value
        self.home = model.walk.where[backward][0]

    def find(self) -> Region:
        self._check_call()
        steps = list(self._slice())
        first = self._first(steps)
        inline = not isinstance(self.loss, ast.Name)
        if effects(self.model, self.loss).writes:
            raise CannotPort("the loss gets its name where `backward` is called")
        if first is None and not self._modules_in(self.loss):
            name = ast.unparse(self.trained[0])
            reason = other_route(self.model, [*steps, self.statement], self.trained, ())
            raise CannotPort(
                reason or f"the loss can't be traced back to `{name}` in this block"
            )
        moved = steps[first:] if first is not None else []
        block = block_of(self.model, moved[0] if moved else self.statement)
        if any(block_of(self.model, item) is not block for item in moved):
            raise CannotPort("the loss is computed in several blocks")
        if inline:
            if block is not block_of(self.model, self.statement):
                raise CannotPort("the loss is computed in several blocks")
            moved = [*moved, self.statement]
        moved = self._with_starts(block, moved)
        hoisted = self._constants(moved)
        moved = [item for item in moved if item not in hoisted]
        start, last = block.index(moved[0]), block.index(moved[-1])
        self._check_lines(block, start, last)
        whole = effects(self.model, *moved)
        for item in moved:
            if item is not self.statement:
                self._check_movable(item, whole, moved)
        kept = [item for item in block[start : last + 1] if item not in hoisted]
        earlier = self._check_kept(kept, moved)
        self._check_sources(moved)
        arguments, auxiliary, value = self._interface(moved, inline, earlier)
        models, names = self._spelled(moved)
        return Region(
            self.backward, block, start, last, moved, hoisted, models, names, arguments,
            auxiliary, value, earlier,
        )  # fmt: skip

    def _check_lines(self, block: list[ast.stmt], start: int, last: int) -> None:
        """That the statements have lines of their own."""
        around = [self.model.walk.parents[block[0]], *block[max(start - 1, 0) : last + 2]]
        rows = [getattr(around[0], "lineno", 0)]
        for item in around[1:]:
            assert isinstance(item, ast.stmt)
            if item.lineno <= rows[-1]:
                raise CannotPort(f"several statements share line {item.lineno}")
            rows.append(item.end_lineno or item.lineno)
        if self.model.source.is_divided(block[start].lineno, block[last].end_lineno or 0):
            raise CannotPort("the loss is computed in several cells, or around a magic")

    # What belongs to it

    def _check_call(self) -> None:
        call = self.backward
        if self.model.walk.parents[call] is not self.statement or not isinstance(
            self.statement, ast.Expr
        ):
            raise CannotPort("the result of `backward` is used")

    def _slice(self) -> Iterator[ast.stmt]:
        """The statements that the loss depends on, in order, outwards up to a loop or function."""
        needed = set(effects(self.model, self.loss).reads)
        found: list[ast.stmt] = []
        at: ast.stmt = self.statement
        while True:
            block = block_of(self.model, at)
            for statement in reversed(block[: block.index(at)]):
                done = effects(self.model, statement)
                if statement not in self.ignored and done.touches & needed:
                    found.append(statement)
                    needed |= done.reads
            parent = self.model.walk.parents[at]
            if not isinstance(parent, (ast.If, ast.With, ast.Try)):
                return reversed(found)
            at = parent

    def _first(self, steps: list[ast.stmt]) -> int | None:
        """The first statement that computes something with a trained module."""
        for index, statement in enumerate(steps):
            if isinstance(statement, ast.Expr) or _without_gradients(self.model, statement):
                continue
            if any(place < len(self.trained) for place in self._modules_in(statement).values()):
                return index
        return None

    def _modules_in(self, *nodes: ast.AST) -> dict[ast.expr, int]:
        """The places in `nodes` that are one of the modules, and which."""
        found: dict[ast.expr, int] = {}
        queue: list[ast.AST] = list(nodes)
        while queue:
            node = queue.pop(0)
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                index = next(
                    (i for i, item in enumerate(self.modules) if same(self.model, node, item)),
                    None,
                )
                if index is not None:
                    found[node] = index
                    continue
            queue.extend(ast.iter_child_nodes(node))
        return found

    def _with_starts(self, block: list[ast.stmt], moved: list[ast.stmt]) -> list[ast.stmt]:
        """With the initial values directly in front, `loss = 0` of `loss = loss + ...`."""
        start = block.index(moved[0])
        while start and (statement := block[start - 1]):
            if statement not in self.ignored and not self._is_start(statement, moved):
                break
            if statement not in self.ignored:
                moved = [statement, *moved]
            start -= 1
        return moved

    def _is_start(self, statement: ast.stmt, moved: list[ast.stmt]) -> bool:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                later = effects(self.model, *moved)
                constant = isinstance(value, (ast.Constant, ast.List, ast.Dict)) and not any(
                    isinstance(node, ast.expr) and not isinstance(node, (ast.Constant, ast.List,
                                                                         ast.Dict))
                    for node in ast.walk(value)
                )
                return constant and name in later.touches
        return False

    def _constants(self, moved: list[ast.stmt]) -> list[ast.stmt]:
        """What is computed without gradients, by other modules, and can go in front."""
        found = []
        for index, statement in enumerate(moved):
            if not _without_gradients(self.model, statement):
                continue
            before = effects(self.model, *moved[:index])
            done = effects(self.model, statement)
            used = self._modules_in(statement).values()
            if not (
                any(place < len(self.trained) for place in used) or jumps(statement)
                or done.reads & before.touches or done.touches & (before.reads | before.touches)
            ):
                found.append(statement)
        return found

    # What may move

    def _check_movable(
        self, statement: ast.stmt, whole: Effects, moved: list[ast.stmt], top: bool = True
    ) -> None:
        row = statement.lineno
        match statement:
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))) if (
                self._is_local(name, moved)
            ):
                pass
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.If() | ast.For() | ast.While() | ast.With():
                self._check_with(statement)
                for inner in _inner(statement):
                    self._check_movable(inner, whole, moved, top=False)
            case ast.Break() | ast.Continue() if not top:
                pass
            case _:
                raise CannotPort(f"line {row} does more than compute the loss")
        for node in ast.walk(statement) if top else ():
            match node:
                case ast.Call(func=ast.Name(id="float")) | ast.Call(
                    func=ast.Attribute(attr="tolist" | "numpy")
                ):
                    raise CannotPort(
                        f"line {node.lineno} needs a number while the loss is computed; JAX has "
                        "none there"
                    )
        if top and jumps(statement):
            raise CannotPort(f"line {row} can leave the step before `backward()`")
        done = effects(self.model, statement)
        for name in done.writes:
            if "." in name:
                raise CannotPort(
                    f"`{name}` is set in line {row} while the loss is computed; use a plain "
                    "variable and set the attribute after `backward()`"
                )
            if name in self.home.elsewhere or self._is_declared(name):
                raise CannotPort(f"`{name}` of line {row} is a variable of another scope")
        if not top and not done.writes <= whole.reads:
            extra = ", ".join(sorted(f"`{name}`" for name in done.writes - whole.reads))
            raise CannotPort(f"line {row} also counts {extra} while the loss is computed")
        for name in done.changes:
            if not self._is_local(name, moved):
                raise CannotPort(f"line {row} changes `{name}` while the loss is computed")

    def _is_declared(self, name: str) -> bool:
        # At the top of a file: a function that says `global name` writes it too.
        return self.home is self.model.walk.module and any(
            name in scope.elsewhere for scope in self.model.walk.scopes.values()
        )

    def _is_local(self, name: str, moved: list[ast.stmt]) -> bool:
        """Whether the container `name` is made by the moved statements themselves."""
        return any(
            isinstance(item, ast.Assign)
            and [ast.unparse(target) for target in item.targets] == [name]
            and isinstance(item.value, (ast.List, ast.Dict, ast.ListComp, ast.DictComp))
            for item in moved
        )

    def _check_with(self, statement: ast.stmt) -> None:
        for item in getattr(statement, "items", []):
            name = _context(self.model, item)
            if name.endswith("autocast"):
                raise CannotPort("autocast computes in half precision where torch sees fit")
            if _without_gradients(self.model, statement):
                raise CannotPort(
                    f"line {statement.lineno} computes without gradients between the model and "
                    "the loss; move it in front of them"
                )
            if name not in ("torch.enable_grad", "torch.set_grad_enabled"):
                raise CannotPort(f"a `with` in line {statement.lineno} stands around the loss")

    def _check_kept(self, statements: list[ast.stmt], moved: list[ast.stmt]) -> bool:
        """Check what stays, to run behind the function. True where it reads an earlier loss."""
        earlier = False
        for index, statement in enumerate(statements):
            if statement in moved or statement in self.ignored:
                continue
            row = statement.lineno
            if jumps(statement):
                raise CannotPort(f"line {row} can leave the step between the model and the loss")
            if self._modules_in(statement) or _trains(statement):
                raise CannotPort(
                    f"line {row} uses or trains a model between the loss and what it is computed "
                    "from"
                )
            later = [item for item in statements[index:] if item in moved]
            done = effects(self.model, statement)
            to_come = effects(self.model, *later)
            if done.touches & to_come.reads:
                raise CannotPort(f"line {row} changes what the loss is computed from")
            clash = done.reads & to_come.touches
            if not clash:
                continue
            last = later[-1]
            if len(later) == 1 and clash == {self._target(last)}:
                earlier = True
                continue
            name = min(clash)
            raise CannotPort(f"`{name}` is read in line {row}, and changes before `backward()`")
        return earlier

    def _target(self, statement: ast.stmt) -> str:
        """The loss, where `statement` gives it its last value."""
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
                return name if isinstance(self.loss, ast.Name) and self.loss.id == name else ""
        return ""

    def _check_sources(self, moved: list[ast.stmt]) -> None:
        """That nothing but the parameters of the function leads to a trained module."""
        known = self._modules_in(*moved)
        if not any(self._is_called(node) for node in known):
            text = ast.unparse(self.model.walk.parents[next(iter(known))])
            raise CannotPort(f"the loss calls no model: `{text}` was computed before")
        for node in known:
            parent = self.model.walk.parents[node]
            if isinstance(parent, ast.Attribute) and parent.attr.endswith("parameters") and (
                self.model.role(node, "module") is None
            ):
                raise CannotPort(
                    f"`{ast.unparse(parent)}` in line {node.lineno} is torch's, and what class its "
                    "module has is not seen"
                )
        reason = other_route(self.model, moved, self.trained, known)
        if reason:
            raise CannotPort(reason)

    def _is_called(self, node: ast.expr) -> bool:
        """Whether the module, a part or a method of it is called here, or given to a call."""
        parents = self.model.walk.parents
        at: ast.AST = node
        chosen = None
        while isinstance(parents[at], (ast.Attribute, ast.Subscript)) and (
            getattr(parents[at], "value", None) is at
        ):
            at = parents[at]
            if isinstance(at, ast.Subscript) and not isinstance(at.slice, ast.Constant):
                chosen = chosen or at
        parent = parents[at]
        if isinstance(parent, ast.Call) and parent.func is at:
            if chosen is not None:
                raise CannotPort(
                    f"`{ast.unparse(chosen)}` chooses which parameters are used; torch skips the "
                    "others, Optax goes on with their momentum"
                )
            return True
        given = isinstance(parent, (ast.Call, ast.keyword, ast.Starred))
        return given and (at is node or any(
            isinstance(value, LocalFunction) for value in self.model.infer(at)
        ))

    # What goes in and comes out

    def _interface(
        self, moved: list[ast.stmt], inline: bool, earlier: bool
    ) -> tuple[list[str], list[str], str]:
        body = [item for item in moved if item is not self.statement]
        written = effects(self.model, *moved).writes
        sure, early = _reads_before_writes(self.model, moved, written)
        arguments = [name for name in sorted(early) if self._comes_from_outside(name, body)]
        read = [name for name in _in_order(body, written) if self._is_read_later(name, body)]
        unsure = [name for name in read if name not in sure]
        for name in unsure:
            if not self._comes_from_outside(name, body):
                raise CannotPort(f"`{name}` has a value afterwards only under a condition")
            arguments = [*arguments, *([] if name in arguments else [name])]
        loss = self.loss.id if isinstance(self.loss, ast.Name) else ""
        value = loss if loss in read else ""
        if earlier:
            return arguments, read, loss if self._is_read_after_all(loss) else ""
        return arguments, [name for name in read if name != value], value

    def _comes_from_outside(self, name: str, body: list[ast.stmt]) -> bool:
        inside = {node for item in body for node in ast.walk(item)}
        holder: Scope | None = self.home
        for scope in self.home.enclosing():
            if scope.bindings.get(name):
                holder = scope
                break
        bindings = holder.bindings.get(name, []) if holder else []
        return any(binding.node not in inside and binding.kind != "annotation"
                   for binding in bindings)

    def _is_read_later(self, name: str, body: list[ast.stmt]) -> bool:
        inside = {node for item in [*body, self.statement] for node in ast.walk(item)}
        for node in _uses_of(self.home.node, name):
            if node in inside:
                continue
            if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
                return True
            if any(binding.node in inside for binding in self.model.before(node)):
                return True
        return False

    def _is_read_after_all(self, name: str) -> bool:
        # Behind the last value of the loss: then it has to get that value back.
        last = self.statement.end_lineno or 0
        return any(
            node.lineno > last and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            and any(item.row <= last for item in self.model.before(node))
            for node in _uses_of(self.home.node, name)
        )

    def _spelled(self, moved: list[ast.stmt]) -> tuple[dict[str, ast.expr], list[str]]:
        """Each spelling of a module in the moved code, and the spellings of the trained ones."""
        places = self._modules_in(*moved)
        models: dict[str, ast.expr] = {}
        trained: dict[int, str] = {}
        for node, index in sorted(places.items(), key=lambda pair: pair[1]):
            models.setdefault(ast.unparse(node), node)
            trained.setdefault(index, ast.unparse(node))
        missing = [item for index, item in enumerate(self.trained) if index not in trained]
        if missing:
            raise CannotPort(
                f"the loss can't be traced back to `{ast.unparse(missing[0])}` in this block"
            )
        free = effects(self.model, *moved)
        for text in models:
            if text in free.writes:
                raise CannotPort(f"`{text}` gets another value while the loss is computed")
        return models, [trained[index] for index in range(len(self.trained))]


def _trains(statement: ast.stmt) -> bool:
    """Whether another backward pass or step happens in the statement."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("backward", "step", "load_state_dict")
        for node in ast.walk(statement)
    )


def _inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    for name in ("body", "orelse", "finalbody"):
        yield from getattr(statement, name, [])


def _context(model: Model, item: ast.withitem) -> str:
    call = item.context_expr
    return model.qualified(call.func if isinstance(call, ast.Call) else call) or ""


def _without_gradients(model: Model, statement: ast.stmt) -> bool:
    for item in getattr(statement, "items", []):
        name = _context(model, item)
        if name.rsplit(".", 1)[-1] in ("no_grad", "inference_mode"):
            return True
        if name == "torch.set_grad_enabled" and "False" in ast.unparse(item.context_expr):
            return True
    return False


def _reads_before_writes(
    model: Model, statements: Iterable[ast.stmt], written: frozenset[str]
) -> tuple[set[str], set[str]]:
    """Of the names in `written`: those that surely have a value, those that are read earlier."""
    sure: set[str] = set()
    early: set[str] = set()
    for statement in statements:
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                early |= effects(model, test).reads - sure
                one, before = _reads_before_writes(model, body, written - sure)
                two, before_two = _reads_before_writes(model, orelse, written - sure)
                early |= (before | before_two) - sure
                sure |= one & two
            case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                early |= effects(model, iterable).reads - sure
                sure |= effects(model, target).writes
                _, before = _reads_before_writes(model, [*body, *orelse], written - sure)
                early |= before - sure
            case ast.While(test=test, body=body):
                early |= effects(model, test).reads - sure
                _, before = _reads_before_writes(model, body, written - sure)
                early |= before - sure
            case ast.With(body=body):
                inner, before = _reads_before_writes(model, body, written - sure)
                early |= before - sure
                sure |= inner
            case _:
                done = effects(model, statement)
                early |= done.reads - sure
                sure |= done.writes
    return sure & written, early & written


def _in_order(statements: Iterable[ast.stmt], names: frozenset[str]) -> list[str]:
    """`names` in the order in which the statements first write them."""
    found: dict[str, None] = {}
    for statement in statements:
        for node in sorted(
            (node for node in ast.walk(statement) if isinstance(node, ast.Name)
             and not isinstance(node.ctx, ast.Load)),
            key=lambda node: (node.lineno, node.col_offset),
        ):
            if node.id in names:
                found[node.id] = None
    return list(found)


def _uses_of(home: ast.AST, name: str) -> Iterator[ast.Name]:
    """Each place in the scope that reads, deletes or adds to `name`."""
    for node in ast.walk(home):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Store):
            yield node
        elif isinstance(node, ast.AugAssign) and dotted(node.target) == name:
            assert isinstance(node.target, ast.Name)
            yield node.target
