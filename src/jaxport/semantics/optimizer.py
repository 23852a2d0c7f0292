"""The training step is one thing: all that belongs to one optimizer, found and taken together.

Half of it changed would be silently wrong, so each optimizer is portable as a whole or has one
reason why not.
"""

from __future__ import annotations

import ast

from jaxport.plans import Plan
from jaxport.records import field, record
from jaxport.semantics.identity import sources
from jaxport.semantics.model import Model
from jaxport.semantics.trained import trained
from jaxport.semantics.values import Evidence, External, Instance, LocalClass, Result
from jaxport.tables import schedules, torch_names
from jaxport.tables.optimizers import OPTIMIZERS, UNSUPPORTED
from jaxport.tables.optimizers import Optimizer as Row


@record(eq=False)
class Optimizer:
    """One optimizer of the file: where it is made and what is called on it.

    `plans` say how each call is written. `keys` are the objects and variables that it is.
    """

    keys: set[object]
    evidence: Evidence = Evidence.PROOF
    constructors: list[ast.Call] = field(default_factory=list)
    steps: list[ast.Call] = field(default_factory=list)
    zero_grads: list[ast.Call] = field(default_factory=list)
    backwards: list[ast.Call] = field(default_factory=list)
    clips: list[ast.Call] = field(default_factory=list)
    schedulers: list[ast.Call] = field(default_factory=list)
    scheduler_steps: list[ast.Call] = field(default_factory=list)
    plans: dict[ast.Call, Plan] = field(default_factory=dict)
    blocker: str = ""

    @property
    def group(self) -> str:
        first = self.calls[0]
        return f"optimizer {first.lineno}:{first.col_offset}"

    @property
    def calls(self) -> list[ast.Call]:
        return [
            *self.constructors, *self.steps, *self.zero_grads, *self.backwards, *self.clips,
            *self.schedulers, *self.scheduler_steps,
        ]  # fmt: skip

    def block(self, reason: str) -> None:
        self.blocker = self.blocker or reason


def find(model: Model) -> list[Optimizer]:
    """Every optimizer that the file makes, steps or resets, with what belongs to it."""
    found = _Found(model)
    for call in model.walk.calls:
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        named = not isinstance(call.func, ast.Attribute)
        if not (name[:1].isupper() or named or "opt" in name or name == "__class__"):
            continue
        if model.is_defined_elsewhere(call.func) and not name[:1].isupper():
            continue
        evidence = model.makes_optimizer(call)
        if evidence is not None:
            found.constructed(call, model.qualified(call.func) or name, evidence)
    for call in model.walk.calls:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("step", "zero_grad"):
            continue
        receiver = call.func.value
        evidence = model.role(receiver, "optimizer")
        if evidence is None and _is_optax(model, receiver):
            evidence = Evidence.PROOF
        if evidence is None:
            continue
        optimizer = found.of(receiver)
        optimizer.evidence = min(optimizer.evidence, evidence)
        (optimizer.steps if call.func.attr == "step" else optimizer.zero_grads).append(call)
    found.check_uses()
    return found.all()


def _is_optax(model: Model, node: ast.AST) -> bool:
    values = model.infer(node)
    return bool(values) and all(
        isinstance(value, Result) and value.name.startswith("optax.") for value in values
    )


class _Found:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.by_key: dict[object, Optimizer] = {}
        self.texts: set[str] = set()

    def all(self) -> list[Optimizer]:
        return list(dict.fromkeys(self.by_key.values()))

    def constructed(self, call: ast.Call, name: str, evidence: Evidence) -> None:
        optimizer = self._join({call})
        optimizer.constructors.append(call)
        optimizer.evidence = min(optimizer.evidence, evidence)
        if evidence is not Evidence.PROOF:
            optimizer.block("which optimizer it is shows only at run time")
        reason = UNSUPPORTED.get(name) or constructor_blocker(self.model, call, name)
        if reason:
            optimizer.block(reason)
        if isinstance(call.func, ast.Name) and any(
            item.kind == "parameter" for item in self.model.lookup(call.func, call.func.id)
        ):
            optimizer.block("which optimizer it is shows only at run time")
        parent = self.model.walk.parents[call]
        targets = parent.targets if isinstance(parent, ast.Assign) else []
        if isinstance(parent, ast.AnnAssign):
            targets = [parent.target]
        if len(targets) == 1 and isinstance(targets[0], (ast.Name, ast.Attribute)):
            self.texts.add(ast.unparse(targets[0]))
            self._join({call, self._variable(targets[0])})
        elif not isinstance(parent, (ast.Expr, ast.Return)) and not self._is_given(call):
            optimizer.block("it leaves the place where it is made, so its steps can't be seen")

    def _variable(self, target: ast.Name | ast.Attribute) -> object:
        """The variable that an optimizer is assigned to, as `sources` names it if it is unsure."""
        scope = self.model.walk.where[target][0]
        if isinstance(target, ast.Name):
            holder = next((s for s in scope.enclosing() if s.bindings.get(target.id)), scope)
            return (holder, target.id)
        owner = scope.owner()
        info = self.model.walk.classes.get(owner.node) if owner is not None else None
        return (info, target.attr)

    def of(self, receiver: ast.expr) -> Optimizer:
        self.texts.add(ast.unparse(receiver))
        return self._join(set(sources(self.model, receiver).values()))

    def _join(self, keys: set[object]) -> Optimizer:
        old = list(dict.fromkeys(self.by_key[key] for key in keys if key in self.by_key))
        joined = old[0] if old else Optimizer(set())
        for other in old[1:]:
            joined.keys |= other.keys
            joined.constructors += other.constructors
            joined.steps += other.steps
            joined.zero_grads += other.zero_grads
            joined.evidence = min(joined.evidence, other.evidence)
            joined.block(other.blocker)
        joined.keys |= keys
        for key in joined.keys:
            self.by_key[key] = joined
        return joined

    # Other uses

    def check_uses(self) -> None:
        """What else is done with each optimizer: only what is ported with it may be."""
        for optimizer in self.all():
            for key in optimizer.keys:
                if isinstance(key, ast.Call) and key not in optimizer.constructors and not (
                    _is_optax(self.model, key)
                ):
                    made = ast.unparse(key.func)
                    optimizer.block(f"`{made}` makes it, which is no optimizer that jaxport knows")
        if not self.texts:
            return
        walk = self.model.walk
        nodes: list[ast.Name | ast.Attribute] = [*walk.names, *walk.attributes]
        last = {text.rsplit(".", 1)[-1] for text in self.texts}
        for node in nodes:
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name not in last or isinstance(node.ctx, ast.Store):
                continue
            if ast.unparse(node) not in self.texts:
                continue
            keys = sources(self.model, node).values()
            used = next((self.by_key[key] for key in keys if key in self.by_key), None)
            if used is not None:
                self._check_use(used, node)

    def _check_use(self, optimizer: Optimizer, node: ast.expr) -> None:
        parent = self.model.walk.parents[node]
        row = node.lineno
        match parent:
            case ast.Attribute(attr="step" | "zero_grad" | "init" | "update"):
                return
            case ast.Attribute(attr="param_groups"):
                optimizer.block(
                    f"`param_groups` are read or changed in line {row}; a learning rate that "
                    "changes is an Optax schedule"
                )
            case ast.Attribute(attr=name):
                optimizer.block(f"`{name}` of it is used in line {row}")
            case ast.Assign(targets=[ast.Name() | ast.Attribute()]):
                return
            case ast.Call() | ast.keyword():
                call = parent if isinstance(parent, ast.Call) else self.model.walk.parents[parent]
                if isinstance(call, ast.Call):
                    self._check_given(optimizer, node, call)
                    return
        optimizer.block(f"another use of it in line {row} can't be ported")

    def _check_given(self, optimizer: Optimizer, node: ast.expr, call: ast.Call) -> None:
        made = self.model.qualified(call.func) or ""
        row = call.lineno
        keyword = next((item.value for item in call.keywords if item.arg == "optimizer"), None)
        if schedules.is_scheduler(made) and node in (*call.args[:1], keyword):
            optimizer.schedulers.append(call)
            return
        name = ast.unparse(call.func)
        if name.endswith(("scaler.step", "scaler.unscale_")):
            optimizer.block("the loss is scaled for half precision (GradScaler): JAX trains in "
                            "bfloat16 without it")
            return
        if self._is_followed(call):
            return
        optimizer.block(f"it is given to `{name}` in line {row}, which is not seen here")

    def _is_given(self, call: ast.Call) -> bool:
        """Whether the optimizer is made as an argument of a function of this file."""
        parent = self.model.walk.parents[call]
        outer = self.model.walk.parents[parent] if isinstance(parent, ast.keyword) else parent
        return isinstance(outer, ast.Call) and outer.func is not call and self._is_followed(outer)

    def _is_followed(self, call: ast.Call) -> bool:
        """Whether the called function or class is in this file, so that its uses are seen."""
        values = self.model.infer(call.func)
        local = [item for item in values if getattr(item, "model", None) is self.model]
        starred = any(isinstance(item, ast.Starred) for item in call.args) or any(
            keyword.arg is None for keyword in call.keywords
        )
        return bool(local) and len(local) == len(values) and not starred


def arguments_of(call: ast.Call, positional: tuple[str, ...]) -> dict[str, ast.expr] | None:
    """torch's arguments by name, `params` first; None where stars hide which is which."""
    if any(isinstance(item, ast.Starred) for item in call.args):
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    names = ("params", *positional)
    if len(call.args) > len(names):
        return None
    given = dict(zip(names, call.args, strict=False))
    given.update({keyword.arg or "": keyword.value for keyword in call.keywords})
    return given


def constructor_blocker(model: Model, call: ast.Call, name: str) -> str:
    """Why the constructor can't be written in Optax; empty where the table has all of it."""
    row = OPTIMIZERS.get(name)
    if row is None:
        return "jaxport does not know this optimizer"
    given = arguments_of(call, row.positional)
    if given is None:
        return "starred arguments hide which one is which"
    given.pop("params", None)
    groups = trained(model, call)
    if not groups or not all(_is_module(model, group.module) for group in groups):
        return "it does not train all parameters of modules (`model.parameters()`)"
    for arguments in (given, *(group.own for group in groups)):
        for argument, value in arguments.items():
            reason = _argument_blocker(model, row, argument, value)
            if reason:
                return reason
    return ""


def _argument_blocker(model: Model, row: Row, argument: str, value: ast.expr) -> str:
    text = ast.unparse(value)
    if any(torch_names.is_torch(model.qualified(node) or "") for node in ast.walk(value)
           if isinstance(node, (ast.Name, ast.Attribute))):
        return f"`{argument}={text}` is torch's own"
    if argument in row.refuse:
        neutral, reason = row.refuse[argument]
        return "" if text in neutral else f"`{argument}={text}`: {reason}"
    if argument == "maximize":
        known = text in ("True", "False")
        return "" if known else f"`maximize={text}` is known only at run time"
    if argument == "betas":
        two = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == 2 and not any(
            isinstance(item, ast.Starred) for item in value.elts
        )
        return "" if two else f"`betas={text}` is not written as two numbers"
    if argument in ("weight_decay", *row.rename, *row.ignored):
        return ""
    return f"torch has no argument `{argument}` here"


def _is_module(model: Model, node: ast.expr) -> bool:
    """Whether `node` can be a module: what a torch optimizer is given is, unless it is seen not to.
    """
    values = model.infer(node)
    known = [value for value in values if isinstance(value, Instance)
             and isinstance(value.of, LocalClass)]
    return not known or model.role(node, "module") is not None


def qualified_constructor(model: Model, call: ast.Call) -> str:
    """The optimizer's name as torch documents it."""
    names = sorted(value.name for value in model.infer(call.func) if isinstance(value, External))
    return names[0] if names else ast.unparse(call.func)
