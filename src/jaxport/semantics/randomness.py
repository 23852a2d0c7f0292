"""Where a file needs random numbers, and how they get there.

torch draws from a global generator. NNX passes `nnx.Rngs` on: a constructor that makes layers
takes `rngs`, whoever calls it hands it over, and a script makes it where it seeds torch, or where
it first needs it.
"""

from __future__ import annotations

import ast

from jaxport.records import field, record
from jaxport.semantics.kinds.expressions import kinds_of
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.overloads import chosen
from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Class
from jaxport.semantics.values import (
    External,
    LocalClass,
    LocalFunction,
    Value,
)
from jaxport.tables.forms import rows
from jaxport.tables.parts import layers

Unit = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
_FORWARD = ("forward", "__call__")
_SEED = ("torch.manual_seed", "torch.random.manual_seed")
_PLAIN_DECORATORS = {"staticmethod", "no_grad", "inference_mode"}


@record
class Randomness:
    """The random numbers of one file.

    Args:
        takes: the functions that get a parameter `rngs`.
        keeps: the classes that keep `rngs` as `self.rngs`, because a method draws from it.
        layers: the calls that `rngs=…` is added to.
        keys: the calls that need a key.
        makes: the statements in front of which `rngs` is made.
        seeds: the calls of `manual_seed`, each with whether `rngs` is made there.
        handed: references to functions that take `rngs`, which are handed on with it.
        blockers: nodes where random numbers can't get to, and why.
    """

    model: Model
    kinds: FileKinds
    takes: set[Unit] = field(default_factory=set)
    keeps: set[Class] = field(default_factory=set)
    layers: dict[ast.Call, str] = field(default_factory=dict)
    keys: dict[ast.Call, str] = field(default_factory=dict)
    handed: dict[ast.expr, str] = field(default_factory=dict)
    makes: list[ast.stmt] = field(default_factory=list)
    seeds: dict[ast.Call, bool] = field(default_factory=dict)
    blockers: dict[ast.AST, str] = field(default_factory=dict)

    def find(self) -> None:
        calls = self.model.walk.calls
        keyed = [call for call in calls if self._draws(call)]
        while True:
            before = (len(self.takes), len(self.keeps), len(self.layers), len(self.handed))
            for call in calls:
                if self._needs(call) and call not in self.layers:
                    self._layer(call)
            for call in keyed:
                self._key(call)
            for call in calls:
                self._hand_on(call)
            if before == (len(self.takes), len(self.keeps), len(self.layers), len(self.handed)):
                break
        self._make()
        self._check()

    # What needs random numbers

    def _draws(self, call: ast.Call) -> bool:
        name = self.model.qualified(call.func) or ""
        overloads = rows().get(name, ())
        method = False
        if not overloads and isinstance(call.func, ast.Attribute):
            found = rows().get(f"Tensor.{call.func.attr}", ())
            if any("{key}" in row.jax for row in found) and self.kinds.may_be_tensor(
                call.func.value
            ):
                overloads, method = found, True
        if not any("{key}" in row.jax for row in overloads):
            return False
        row = chosen(self.kinds, overloads, call, method)
        return row is None or "{key}" in row.jax

    def _needs(self, call: ast.Call) -> bool:
        """Whether the call makes something that takes `rngs`."""
        func = call.func
        if isinstance(func, ast.Name) and func.id == "super":
            return False
        wanted = [self.value_needs(value) for value in self.model.infer(func)]
        if isinstance(func, ast.Attribute) and func.attr == "__init__":
            wanted = [self._super_needs(call)]
        if any(wanted) and not all(wanted):
            self.blockers[call] = "some of what is called here take `rngs` and some do not"
        return any(wanted)

    def value_needs(self, value: Value) -> bool:
        """Whether a call of `value` has to be given `rngs`."""
        match value:
            case External(name=name):
                return name in layers() and (layers()[name].needs_rngs)
            case LocalClass():
                unit = initializer(value)
                if unit is None:
                    return any(
                        name in layers() and layers()[name].needs_rngs
                        for name in self.model.ancestors(value)
                    )
                model, function = unit
                return function in self._of(model).takes
            case LocalFunction(model=model, scope=scope):
                return isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
                    scope.node in self._of(model).takes
                )
        return False

    def _of(self, model: Model) -> Randomness:
        return self if model is self.model else randomness_of(model)

    def _super_needs(self, call: ast.Call) -> bool:
        """Whether the `__init__` of a base class takes `rngs`."""
        assert isinstance(call.func, ast.Attribute)
        holder = call.func.value
        is_super = isinstance(holder, ast.Call) and isinstance(holder.func, ast.Name) and (
            holder.func.id == "super"
        )
        scope, _ = self.model.walk.where.get(call, (self.model.walk.module, ()))
        owner = scope.owner()
        if owner is None:
            return False
        if not is_super:
            return any(self.value_needs(value) for value in self.model.infer(holder))
        bases = self.model.walk.classes[owner.node].node.bases
        return any(
            self.value_needs(value) for base in bases for value in self.model.infer(base)
        )

    def _hand_on(self, call: ast.Call) -> None:
        """Functions that are arguments of a call take `rngs` along."""
        for item in [*call.args, *(keyword.value for keyword in call.keywords)]:
            if not isinstance(item, (ast.Name, ast.Attribute)) or item in self.handed:
                continue
            if any(isinstance(value, LocalFunction) and self.value_needs(value)
                   for value in self.model.infer(item)):
                self.handed[item] = self._source(self.unit(item), item)

    # How they get there

    def unit(self, node: ast.AST) -> Unit:
        """The function that `node` runs in, through lambdas and comprehensions."""
        while True:
            node = self.model.walk.parents[node]
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
                return node

    def owner(self, unit: Unit) -> Class | None:
        """The class that the function is a method of."""
        parent = self.model.walk.parents.get(unit)
        return self.model.walk.classes.get(parent) if isinstance(parent, ast.ClassDef) else None

    def _seeded(self, unit: Unit, before: int) -> bool:
        """Whether the function seeds torch by itself before the line."""
        for call in self.model.walk.calls:
            if self.model.qualified(call.func) in _SEED and self.unit(call) is unit and (
                call.lineno < before and self._always(call)
            ):
                return True
        return False

    def _always(self, call: ast.Call) -> bool:
        _, blocks = self.model.walk.where[call]
        return not blocks or all(_is_main(block) for block in blocks)

    def _layer(self, call: ast.Call) -> None:
        unit = self.unit(call)
        owner = self.owner(unit)
        if owner is not None and getattr(unit, "name", "") in _FORWARD:
            values = self.model.infer(call.func)
            if not values or not all(isinstance(value, LocalFunction) for value in values):
                self.blockers[call] = "a layer is made while the model runs"
                return
            self.layers[call] = "self.rngs"
            self.keep(owner, call)
            return
        self.layers[call] = self._source(unit, call)

    def _key(self, call: ast.Call) -> None:
        unit = self.unit(call)
        owner = self.owner(unit)
        name = getattr(unit, "name", "")
        if owner is None or name == "__init__" or unit in self.takes:
            source = self._source(unit, call)
            self.keys[call] = f"{source}.params()" if name == "__init__" else f"{source}()"
            return
        static = {getattr(item, "id", "") for item in getattr(unit, "decorator_list", [])}
        if static & {"staticmethod", "classmethod"}:
            source = self._source(unit, call)
            self.keys[call] = f"{source}()"
            return
        self.keys[call] = "self.rngs()"
        self.keep(owner, call)

    def keep(self, owner: Class, node: ast.AST) -> None:
        """Let the class keep `rngs`."""
        if owner in self.keeps:
            return
        for model, info in self.model.local_classes(LocalClass(self.model, owner)):
            if info is not owner and info in self._of(model).keeps:
                return
        function = _own_initializer(owner)
        if function is None:
            self.blockers[node] = "random numbers are drawn, and the class has no `__init__`"
            return
        self.keeps.add(owner)
        self._take(function)

    def _source(self, unit: Unit, node: ast.AST) -> str:
        """How `rngs` is called in the function, which from now on has it."""
        if isinstance(unit, ast.Module) or self._seeded(unit, getattr(node, "lineno", 0)):
            return "rngs"
        outer = self.model.walk.parents.get(unit)
        while outer is not None and not isinstance(outer, (ast.Module, ast.ClassDef)):
            if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
                # A function in a function sees what the outer one has.
                return self._source(outer, unit)
            outer = self.model.walk.parents.get(outer)
        self._take(unit)
        return "rngs"

    def _take(self, unit: Unit) -> None:
        if unit in self.takes:
            return
        self.takes.add(unit)
        assert not isinstance(unit, ast.Module)
        for item in unit.decorator_list:
            name = ast.unparse(item.func if isinstance(item, ast.Call) else item)
            if name.rsplit(".", 1)[-1] not in _PLAIN_DECORATORS:
                self.blockers[unit] = f"it needs random numbers, and `@{name}` hides its signature"
        if any(argument.arg == "rngs" for argument in [*unit.args.args, *unit.args.kwonlyargs]):
            self.blockers[unit] = "it has a parameter `rngs` of its own"

    # Where they start

    def _make(self) -> None:
        module = self.model.source.tree
        users = [call for call in (*self.layers, *self.keys) if self.unit(call) is module]
        first = min((call.lineno for call in users), default=0)
        seeds = [call for call in self.model.walk.calls
                 if self.model.qualified(call.func) in _SEED]
        for call in seeds:
            unit = self.unit(call)
            inside = [item for item in (*self.layers, *self.keys) if self._within(item, unit)]
            wanted = any(item.lineno > call.lineno for item in inside)
            self.seeds[call] = wanted and self._always(call) and unit not in self.takes
        if users and not any(
            made and self.unit(call) is module and call.lineno < first
            for call, made in self.seeds.items()
        ):
            self.makes.append(self._top(min(users, key=lambda call: call.lineno)))

    def _within(self, node: ast.AST, unit: Unit) -> bool:
        inner: ast.AST = self.unit(node)
        while inner is not unit:
            if isinstance(inner, ast.Module):
                return False
            inner = self.unit(inner)
        return True

    def _top(self, node: ast.AST) -> ast.stmt:
        """The statement of the module, or of its `__main__` block, that `node` is in."""
        last: ast.AST = node
        for outer in self.model.walk.ancestors(node):
            if isinstance(outer, ast.Module) or _is_main(outer):
                break
            last = outer
        assert isinstance(last, ast.stmt)
        return last

    # What can't be served

    def _check(self) -> None:
        for name in self.model.walk.names:
            self._check_reference(name)
        for attribute in self.model.walk.attributes:
            if isinstance(attribute.ctx, ast.Load):
                self._check_reference(attribute)
        for unit in self.takes:
            if any(
                isinstance(node, ast.Name) and node.id == "rngs" for node in ast.walk(unit)
            ):
                self.blockers[unit] = "the name `rngs` is used for something else here"

    def _check_reference(self, node: ast.Name | ast.Attribute) -> None:
        """A function that takes `rngs` has to be called by code that is seen."""
        parent = self.model.walk.parents.get(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        functions = [
            value for value in self.model.infer(node)
            if isinstance(value, LocalFunction) and self.value_needs(value)
        ]
        if not functions or isinstance(parent, ast.Attribute):
            return
        if node in self.handed or self.called_later(node):
            return
        text = ast.unparse(node)
        self.blockers[node] = f"`{text}` needs random numbers, and who calls it is not seen"

    def called_later(self, node: ast.AST) -> bool:
        """Whether the function becomes a default or a variable, whose calls are seen."""
        parent = self.model.walk.parents.get(node)
        return isinstance(parent, (ast.arguments, ast.FunctionDef, ast.Assign, ast.IfExp, ast.Dict))


def _is_main(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False


def _own_initializer(info: Class) -> ast.FunctionDef | None:
    for item in info.node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return item
    return None


def initializer(value: LocalClass) -> tuple[Model, ast.FunctionDef] | None:
    """The `__init__` that making an instance runs, and the file it is in."""
    for model, info in value.model.local_classes(value):
        function = _own_initializer(info)
        if function is not None:
            return model, function
    return None


def randomness_of(model: Model) -> Randomness:
    """The random numbers of a file, worked out once."""
    found: Randomness | None = model.__dict__.get("randomness")
    if found is None:
        found = model.__dict__["randomness"] = Randomness(model, kinds_of(model))
        found.find()
    return found

