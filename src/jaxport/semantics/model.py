"""What the expressions of one file can be, worked out on demand from the walk's bindings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal as OneOf

from jaxport.records import replace
from jaxport.semantics import exports, project
from jaxport.semantics.origins import origins
from jaxport.semantics.scopes import Binding, Class, Scope, Walk, reaching, walk
from jaxport.semantics.values import (
    NOTHING,
    Evidence,
    External,
    Instance,
    Items,
    Literal,
    LocalClass,
    LocalFile,
    LocalFunction,
    Result,
    Value,
    Values,
)
from jaxport.source import SourceFile
from jaxport.tables import torch_names

Role = OneOf["module", "optimizer", "scheduler", "batch norm"]

_DEPTH = 40
_NONE: Values = frozenset([Literal("NoneType")])
_NEVER = 1 << 30
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MODULE = Instance(External("torch.nn.Module"), Evidence.USE)
_OPTIMIZER = Instance(External("torch.optim.Optimizer"), Evidence.USE)
_MODULE_USES = frozenset(
    {"named_parameters", "register_buffer", "register_parameter", "named_modules",
     "named_buffers", "requires_grad_", "zero_grad", "add_module"}
)  # fmt: skip
_TORCHLIKE = frozenset({"state_dict", "load_state_dict", "zero_grad", "named_parameters"})
_REGISTERS = frozenset({"register_buffer", "register_parameter"})
_MIXED_IN = _REGISTERS | {"parameters", "zero_grad"}
_WITH_PARAMETERS = frozenset({"train", "eval", "to", "load_state_dict"})
_TELLING = _MODULE_USES | _WITH_PARAMETERS | {"parameters", "step"}
_MODULE_NAME = re.compile(r"(?:^|_)(?:model|net|network|module|orig_mod|encoder|decoder|"
                          r"backbone|estimator|embedding|classifier|unet|vae|actor|critic|policy|"
                          r"discriminator|generator|teacher|student|ema|bn|norm)s?\d*(?:$|_)")
_OPTIMIZER_NAME = re.compile(r"(?:^|_)(?:optim|optimizer|opt)s?\d*(?:$|_)")
_OPTIMIZER_CLASS = re.compile(r"(?:^|_)(?:optim|optimizer|opt)_?(?:class|cls|type)_?$")
_ELEMENTWISE = frozenset({"list", "tuple", "set", "reversed", "sorted", "iter", "filter"})
_ITEM_LISTS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.Sequential"})


class Model:
    """The meaning of one file. Nothing of it is imported or run."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.walk: Walk = walk(source.tree)
        # The other files that this file's meaning was read from; they have others of their own.
        self.dependencies = origins.used_by(source.path)
        self.begin()

    def begin(self) -> None:
        """Work everything out anew: nothing here refers to other files any more."""
        for name in self.__dict__.keys() - {"source", "walk", "dependencies"}:
            del self.__dict__[name]
        # What is known to be no batch norm that somebody gives.
        self.no_batch_norms: set[ast.AST] = set()
        self._known: dict[ast.AST, Values] = {}
        self._partial: dict[ast.AST, Values] = {}
        self._members: dict[str, Values] = {}
        self._settled: dict[Binding, Values] = {}
        self._defined: dict[tuple[Binding, tuple[str, ...]], bool] = {}
        self._active: dict[object, int] = {}
        self._lowest = _NEVER

    def forget(self) -> None:
        """Let go of everything. What is left has no cycles, so it is freed without a search."""
        self.walk.forget()
        self.__dict__.clear()

    # What an expression is

    def infer(self, node: ast.AST) -> Values:
        """Everything that the expression `node` can be; empty where nothing is known."""
        found = self._known.get(node)
        if found is None:
            found = self._partial.get(node)
        if found is not None:
            return found
        again = self._active.get(node)
        depth = len(self._active)
        if again is not None or depth > _DEPTH:
            self._lowest = min(self._lowest, again or 0)
            return NOTHING
        outer, self._lowest = self._lowest, _NEVER
        self._active[node] = depth
        try:
            values = self._infer(node)
        finally:
            del self._active[node]
        # A value that was cut short because something further out is still being worked out
        # holds for the rest of this question only.
        if depth == 0:
            self._partial.clear()
        if depth == 0 or self._lowest >= depth:
            self._known[node] = values
            self._lowest = outer
        else:
            self._partial[node] = values
            self._lowest = min(outer, self._lowest)
        return values

    def qualified(self, node: ast.AST) -> str | None:
        """The name of the external object that `node` certainly is, as `torch.nn.Linear`."""
        names = {value.name for value in self.infer(node) if isinstance(value, External)}
        return names.pop() if len(names) == 1 else None

    def _infer(self, node: ast.AST) -> Values:
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        return self._other(node)

    def _other(self, node: ast.AST) -> Values:
        match node:
            case ast.Constant(value=value):
                return frozenset([Literal(type(value).__name__)])
            case ast.IfExp(body=body, orelse=orelse):
                return self.infer(body) | self.infer(orelse)
            case ast.BoolOp(values=values):
                return frozenset[Value]().union(*(self.infer(value) for value in values))
            case ast.NamedExpr(value=value) | ast.Await(value=value) | ast.Starred(value=value):
                return self.infer(value)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return self._items(elements)
            case ast.Dict(values=values):
                return self._items(values)
            case ast.ListComp(elt=elt) | ast.SetComp(elt=elt) | ast.GeneratorExp(elt=elt):
                return frozenset([Items(self.infer(elt))])
            case ast.DictComp(value=value):
                return frozenset([Items(self.infer(value))])
            case ast.Subscript(value=value, slice=index):
                found = self.infer(value)
                return found if isinstance(index, ast.Slice) else self._elements(found)
            case ast.Lambda():
                return frozenset([LocalFunction(self, self.walk.scopes[node])])
        return NOTHING

    def _items(self, elements: list[ast.expr]) -> Values:
        places = [
            self._elements(self.infer(element)) if isinstance(element, ast.Starred)
            else self.infer(element)
            for element in elements
        ]
        starred = any(isinstance(element, ast.Starred) for element in elements)
        whole = frozenset[Value]().union(*places)
        return frozenset([Items(whole, () if starred else tuple(places))])

    def _elements(self, values: Values) -> Values:
        """What iterating over any of `values` gives."""
        return NOTHING.union(*(items.of for value in values for items in self._opened(value)))

    def _place(self, values: Values, index: int) -> Values:
        """What unpacking any of `values` gives at `index`."""
        return NOTHING.union(
            *(
                items.places[index] if index < len(items.places) else items.of
                for value in values
                for items in self._opened(value)
            )
        )

    def _opened(self, value: Value) -> list[Items]:
        """The items of `value`, a container of modules too."""
        if isinstance(value, Items):
            return [value]
        if not isinstance(value, Instance) or not _ITEM_LISTS & set(self.ancestors(value)):
            return []
        for model, info in self.local_classes(value):
            if "__init__" in info.scope.bindings:
                return model._given_to_super(info)
        if value.call is None:
            return []
        listed = self._listed(value.call.args)
        return listed if any(items.of for items in listed) else [Items(frozenset([_MODULE]))]

    def _given_to_super(self, info: Class) -> list[Items]:
        """What a class gives `super().__init__`, as a container of modules."""
        for call in self._calls_by_name.get("__init__", []):
            scope, _ = self.walk.where[call]
            holder = call.func.value if isinstance(call.func, ast.Attribute) else None
            if (
                scope.owner() is info.scope
                and isinstance(holder, ast.Call)
                and isinstance(holder.func, ast.Name)
                and holder.func.id == "super"
            ):
                return self._listed(call.args)
        return []

    def _listed(self, arguments: list[ast.expr]) -> list[Items]:
        if len(arguments) == 1 and not isinstance(arguments[0], ast.Starred):
            lists = [item for item in self.infer(arguments[0]) if isinstance(item, Items)]
            if lists:
                return lists
        return [item for item in self._items(arguments) if isinstance(item, Items)]

    # Names

    def before(self, node: ast.Name) -> list[Binding]:
        """The bindings that the name can see: `h` in `h = h.detach()` is the one before."""
        bindings = self.lookup(node, node.id)
        around = [node, *self.walk.ancestors(node)]
        own = next((item for item in bindings if item.node in around), None)
        if own is None or not (
            own.kind in ("value", "element") or isinstance(own.node, ast.AugAssign)
        ):
            return bindings
        return self.lookup(node, node.id, without=own)

    def lookup(
        self, node: ast.AST, name: str, without: Binding | None = None
    ) -> list[Binding]:
        """The bindings that a use of `name` at `node` can see, as if `without` was not there."""
        scope, blocks = self.walk.where.get(node, (self.walk.module, ()))
        holder: Scope | None = scope
        while holder is not None:
            bindings = [] if name in holder.elsewhere else holder.bindings.get(name)
            if bindings and without is not None:
                # `a, b = f(a, b)` binds twice with one value.
                bindings = [item for item in bindings if item.node is not without.node]
            if bindings:
                same_flow = holder is scope or scope.function() is holder.function()
                if same_flow and len(bindings) > 1:
                    return reaching(bindings, getattr(node, "lineno", 0), blocks)
                return bindings
            holder = holder.outer
        return []

    def is_defined_elsewhere(self, node: ast.AST) -> bool:
        """Whether an import leads to `node`, and there a `def` or `class` binds it."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        bindings = self.lookup(node, node.id) if isinstance(node, ast.Name) else []
        names = tuple(reversed(attributes))
        for binding in bindings:
            if binding.kind != "import":
                return False
            if (binding, names) not in self._defined:
                self._defined[binding, names] = self._is_definition(binding, names)
            if not self._defined[binding, names]:
                return False
        return bool(bindings)

    def _is_definition(self, binding: Binding, attributes: tuple[str, ...]) -> bool:
        node = binding.node
        if isinstance(node, ast.ImportFrom):
            start = exports.Import(node.module or "", binding.target, node.level)
        elif isinstance(node, ast.Import):
            start = exports.Import(binding.target)
        else:
            return False
        own = self.source.path
        if project.locate(own, start.module, start.level) == own:
            return False
        found, asked = exports.is_defined(own, start, attributes)
        self.dependencies |= asked
        return found

    def is_bound(self, node: ast.AST, name: str) -> bool:
        """Whether `name` has a value of the file's own at `node`."""
        return bool(self.lookup(node, name))

    def _name(self, node: ast.Name) -> Values:
        found: Values = NOTHING
        for binding in self.lookup(node, node.id):
            found |= self._settled.get(binding) or self._binding(binding)
        return found if found - _NONE else found | self._by_use(node)

    def _binding(self, binding: Binding) -> Values:
        match binding.kind, binding.node:
            case "value", node:
                return self.infer(node)
            case "annotation", node:
                return self._annotation(node)
            case "item", node:
                return self._within(self._item(node, binding.index), binding)
            case "element", node:
                return self._within(self._place(self.infer(node), binding.index - 1), binding)
            case "added", node:
                return frozenset([Items(self.infer(node))])
            case "parameter", ast.arg() as argument:
                owner = self._owner(argument, binding.scope)
                if owner is not None:
                    return self._settle(binding, owner)
                return self._parameter(argument, binding.scope)
            case "import", (ast.Import() | ast.ImportFrom()) as node:
                return self._import(node, binding)
            case "class", node:
                return self._settle(binding, LocalClass(self, self.walk.classes[node]))
            case "function", node:
                return self._settle(binding, LocalFunction(self, self.walk.scopes[node]))
        return NOTHING

    def _settle(self, binding: Binding, value: Value) -> Values:
        """Keep what the binding gives wherever and whenever it is asked for."""
        self._settled[binding] = values = frozenset([value])
        return values

    def _within(self, values: Values, binding: Binding) -> Values:
        for place in binding.inner:
            values = self._place(values, place - 1)
        return values

    def _item(self, iterable: ast.AST, index: int) -> Values:
        match iterable:
            case ast.Call(func=ast.Attribute(value=holder, attr=method)):
                if method == "items":
                    return self._elements(self.infer(holder)) if index == 2 else NOTHING
                if method == "values":
                    return self._elements(self.infer(holder))
                if method in ("modules", "children") and self.role(holder, "module"):
                    return frozenset([_MODULE])
                if method in ("named_modules", "named_children") and index == 2:
                    return frozenset([_MODULE]) if self.role(holder, "module") else NOTHING
        items = self._elements(self.infer(iterable))
        return self._place(items, index - 1) if index else items

    def _import(self, node: ast.Import | ast.ImportFrom, binding: Binding) -> Values:
        target = binding.target
        if isinstance(node, ast.Import):
            path = project.locate(self.source.path, target, 0)
            local = self._load(path)
            return self._settle(binding, local or External(target))
        module = node.module or ""
        path = project.locate(self.source.path, module, node.level)
        if path is not None:
            holder = self._load(path)
            if holder is not None:
                found = holder.model.member(target)
                if found:
                    return found
            inner = project.locate(self.source.path, f"{module}.{target}".strip("."), node.level)
            local = self._load(inner)
            return frozenset([local]) if local else NOTHING
        inner = project.locate(self.source.path, f"{module}.{target}".strip("."), node.level)
        if inner is not None and (local := self._load(inner)):
            return frozenset([local])
        if node.level:
            return NOTHING
        return self._settle(binding, External(torch_names.canonical(f"{module}.{target}")))

    def _load(self, path: Path | None) -> LocalFile | None:
        if path is None:
            return None
        if path == self.source.path:
            return LocalFile(self)
        self.dependencies.add(path)
        other = project.load(path)
        return LocalFile(other) if other is not None else None

    def member(self, name: str) -> Values:
        """What `name` is at the top of this file, for the files that import it."""
        known = self._members.get(name)
        if known is not None:
            return known
        key = ("member", name)
        if key in self._active:
            return NOTHING
        first = not self._active
        self._active[key] = len(self._active)
        try:
            found: Values = NOTHING
            for binding in self.walk.module.bindings.get(name, []):
                found |= self._binding(binding)
        finally:
            del self._active[key]
        if first:
            self._members[name] = found
        return found

    def _annotation(self, node: ast.AST) -> Values:
        match node:
            case ast.Constant(value=str(text)):
                try:
                    expression = ast.parse(text, mode="eval").body
                except (SyntaxError, ValueError):
                    return NOTHING
                for inner in ast.walk(expression):
                    self.walk.where[inner] = self.walk.where.get(node, (self.walk.module, ()))
                return self._annotation(expression)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._annotation(left) | self._annotation(right)
            case ast.Subscript(value=value, slice=index):
                name = self.qualified(value) or str(getattr(value, "id", ""))
                if name.startswith("typing.") and name.endswith(("Optional", "Union", "Annotated")):
                    parts = index.elts if isinstance(index, ast.Tuple) else [index]
                    optional = _NONE if name.endswith("Optional") else NOTHING
                    return optional.union(*(self._annotation(part) for part in parts))
                if name.rsplit(".", 1)[-1] in ("Type", "type"):
                    return self.infer(index)
                last = index.elts[-1] if isinstance(index, ast.Tuple) and index.elts else index
                inner_values = self._annotation(last)
                return frozenset([Items(inner_values)]) if inner_values else NOTHING
            case ast.Constant(value=None):
                return frozenset([Literal("NoneType")])
        return frozenset(
            Instance(value)
            for value in self.infer(node)
            if isinstance(value, LocalClass)
            or (isinstance(value, External) and not value.name.startswith("typing."))
        )

    def _owner(self, argument: ast.arg, scope: Scope) -> LocalClass | Instance | None:
        """What a method's first parameter is: an instance of its class, or the class."""
        function, holder = scope.node, scope.parent
        if holder is None or not holder.is_class or not isinstance(function, _FUNCTIONS):
            return None
        if [*function.args.posonlyargs, *function.args.args][:1] != [argument]:
            return None
        decorators = getattr(function, "decorator_list", [])
        names = {getattr(item, "id", "") for item in decorators}
        if "staticmethod" in names:
            return None
        owner = LocalClass(self, self.walk.classes[holder.node])
        return owner if "classmethod" in names else Instance(owner)

    def _parameter(self, argument: ast.arg, scope: Scope) -> Values:
        function = scope.node
        if not isinstance(function, _FUNCTIONS):
            return NOTHING
        found: Values = NOTHING
        if argument.annotation is not None:
            found |= self._annotation(argument.annotation)
        default = default_of(function.args, argument)
        if default is not None:
            found |= self.infer(default)
        if any(not isinstance(value, Literal) for value in found):
            return found
        for _, given in self.passed(argument, scope):
            found |= self.infer(given)
        return found

    def passed(self, argument: ast.arg, scope: Scope) -> Iterator[tuple[ast.Call, ast.expr]]:
        """The calls in this file of the function with this scope, and what they give `argument`."""
        function = scope.node
        name = getattr(function, "name", None)
        if name is None or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        owner = scope.parent.node if scope.parent is not None and scope.parent.is_class else None
        if name == "__init__" and isinstance(owner, ast.ClassDef):
            name = owner.name
        positions = [*function.args.posonlyargs, *function.args.args]
        place = positions.index(argument) if argument in positions else None
        for call in self._calls_by_name.get(name, [])[:40]:
            if isinstance(call.func, ast.Attribute) and self.qualified(call.func.value):
                continue  # `torch.save` is not the file's own `save`.
            index = place
            if index is not None and owner is not None:
                index -= 1
            given = next((k.value for k in call.keywords if k.arg == argument.arg), None)
            if given is None and index is not None and 0 <= index < len(call.args):
                if any(isinstance(item, ast.Starred) for item in call.args[: index + 1]):
                    continue
                given = call.args[index]
            if given is not None:
                yield call, given

    def options(self, name: str) -> list[ast.expr]:
        """What this file puts under `name` into dictionaries, and gives to functions as one of
        their `**options`.
        """
        return self._options_by_name.get(name, [])

    @cached_property
    def _options_by_name(self) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for call in self.walk.calls:
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in ("dict", "partial") or self._takes_options(name):
                for keyword in call.keywords:
                    if keyword.arg:
                        found.setdefault(keyword.arg, []).append(keyword.value)
        for node in self.walk.where:
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        found.setdefault(key.value, []).append(value)
        return found

    def _takes_options(self, name: str) -> bool:
        return any(
            isinstance(binding.node, _FUNCTIONS) and binding.node.args.kwarg is not None
            for binding in self.walk.module.bindings.get(name, [])
        )

    @cached_property
    def _calls_by_name(self) -> dict[str, list[ast.Call]]:
        found: dict[str, list[ast.Call]] = {}
        for call in self.walk.calls:
            func = call.func
            name = func.id if isinstance(func, ast.Name) else getattr(func, "attr", None)
            if name:
                found.setdefault(name, []).append(call)
        return found

    # Attributes

    def _attribute(self, node: ast.Attribute) -> Values:
        found: Values = NOTHING
        if node.attr == "__class__":
            return self._classes(node.value)
        for value in self.infer(node.value):
            found |= self._member(value, node.attr)
        return found if found - _NONE else found | self._by_use(node)

    def _member(self, value: Value, name: str) -> Values:
        match value:
            case External(name=qualified):
                return _external(qualified, name)
            case LocalFile(model=model):
                found = model.member(name)
                if found:
                    return found
                path = model.source.path
                inner = project.locate(path, name, 1) if path.name == "__init__.py" else None
                local = self._load(inner)
                return frozenset([local]) if local else NOTHING
            case Instance(of=LocalClass()) | LocalClass():
                return self._class_member(value, name)
            case Instance() if name == "module" and set(self.ancestors(value)) & {
                *torch_names.WRAPPERS, "torch.nn.Module"
            }:
                wrapped = value.call.args[:1] if value.call is not None else []
                known = [self.infer(argument) for argument in wrapped]
                return (known[0] if known else NOTHING) or frozenset([_MODULE])
        return NOTHING

    def _classes(self, node: ast.AST) -> Values:
        return frozenset(value.of for value in self.infer(node) if isinstance(value, Instance))

    def _class_member(self, value: Value, name: str) -> Values:
        instance = value if isinstance(value, Instance) else None
        for model, info in self.local_classes(value):
            found: Values = NOTHING
            for binding in [*info.attributes.get(name, []), *info.scope.bindings.get(name, [])]:
                for inner in model._binding(binding):
                    if isinstance(inner, LocalFunction) and binding.kind == "function":
                        node = inner.scope.node
                        if any(
                            getattr(item, "id", getattr(item, "attr", "")) in
                            ("property", "cached_property")
                            for item in getattr(node, "decorator_list", [])
                        ):
                            found |= model.returned(inner.scope)
                            continue
                        inner = LocalFunction(inner.model, inner.scope, instance)
                    found |= {inner}
            if found:
                return found
        if any(name in info.attributes for _, info in self.local_classes(value)):
            return NOTHING
        return self._kept_argument(value, name)

    def _kept_argument(self, value: Value, name: str) -> Values:
        """An argument of `__init__` that something unseen may keep under its name."""
        for model, info in self.local_classes(value):
            for binding in info.scope.bindings.get("__init__", []):
                for argument in getattr(getattr(binding.node, "args", None), "args", []):
                    if argument.arg == name:
                        given = model._parameter(argument, model.walk.scopes[binding.node])
                        return frozenset(
                            replace(item, evidence=min(item.evidence, Evidence.USE))
                            if isinstance(item, Instance) else item
                            for item in given
                        )
        return NOTHING

    def local_classes(self, value: Value) -> Iterator[tuple[Model, Class]]:
        """The class of `value` and its bases, as far as they are in the project."""
        seen: set[Class] = set()
        queue: list[Value] = [value.of if isinstance(value, Instance) else value]
        while queue:
            current = queue.pop(0)
            if isinstance(current, LocalClass) and current.info not in seen:
                seen.add(current.info)
                yield current.model, current.info
                for base in current.info.node.bases:
                    queue.extend(current.model.infer(base))

    def ancestors(self, value: Value) -> Iterator[str]:
        """The external classes that `value` or the class of `value` derives from."""
        of = value.of if isinstance(value, Instance) else value
        if isinstance(of, External):
            yield of.name
        for model, info in self.local_classes(value):
            for base in info.node.bases:
                for inner in model.infer(base):
                    if isinstance(inner, External):
                        yield inner.name

    # Calls

    def _call(self, node: ast.Call) -> Values:
        func = node.func
        if isinstance(func, ast.Name) and func.id in _ELEMENTWISE and node.args:
            inner = self._elements(self.infer(node.args[-1 if func.id == "filter" else 0]))
            return frozenset([Items(inner)]) if inner else NOTHING
        if isinstance(func, ast.Name) and func.id in ("zip", "enumerate"):
            if any(isinstance(argument, ast.Starred) for argument in node.args):
                return NOTHING
            columns = [self._elements(self.infer(argument)) for argument in node.args]
            places = (NOTHING, *columns[:1]) if func.id == "enumerate" else tuple(columns)
            return frozenset([Items(frozenset([Items(NOTHING.union(*places), places)]))])
        if isinstance(func, ast.Name) and func.id == "dict" and not node.args:
            return self._items([keyword.value for keyword in node.keywords])
        if isinstance(func, ast.Attribute) and func.attr in ("get", "pop", "setdefault"):
            held = self.infer(func.value)
            if held and all(isinstance(value, Items) for value in held):
                return self._elements(held | self._items(node.args[1:2]))
        if isinstance(func, ast.Name) and func.id == "type" and len(node.args) == 1:
            return self._classes(node.args[0])
        if isinstance(func, ast.Name) and func.id == "super":
            return self._super(node)
        if isinstance(func, ast.Name) and func.id == "next" and node.args:
            return self._elements(self.infer(node.args[0]))
        if isinstance(func, ast.Name) and func.id == "getattr" and len(node.args) >= 2:
            holder = self.qualified(node.args[0])
            if holder == "torch.optim":
                return frozenset([External("torch.optim.Optimizer")])
            found: Values = NOTHING
            if isinstance(node.args[1], ast.Constant) and isinstance(node.args[1].value, str):
                for value in self.infer(node.args[0]):
                    found |= self._member(value, node.args[1].value)
            for default in node.args[2:3]:
                found |= self.infer(default)
            return found
        if isinstance(func, ast.Attribute) and func.attr == "get_submodule" and (
            self.role(func.value, "module")
        ):
            return frozenset([_MODULE])
        if isinstance(func, ast.Attribute) and func.attr in torch_names.SELF_METHODS:
            modules = frozenset(
                value for value in self.infer(func.value) if self.value_role(value, "module")
            )
            if modules:
                return modules
        found = NOTHING
        for value in self.infer(func):
            found |= self._called(value, node)
        return found

    def _called(self, value: Value, node: ast.Call) -> Values:
        match value:
            case LocalClass():
                return frozenset([Instance(value, Evidence.PROOF, node)])
            case LocalFunction(model=model, scope=scope, receiver=receiver):
                own = receiver is not None and model.returns_self(scope)
                return frozenset([receiver]) if own and receiver else model.returned(scope)
            case External(name=name):
                if name in torch_names.IDENTITIES and node.args:
                    return self.infer(node.args[0])
                if name == "functools.partial" and node.args:
                    return self.infer(node.args[0])
                match name, node.args:
                    case "importlib.import_module", [ast.Constant(value=str(path))]:
                        return frozenset([External(path)])
                if (
                    torch_names.is_module_class(name)
                    or torch_names.is_optimizer_class(name)
                    or name.startswith("torch.optim.lr_scheduler.")
                    or name.rsplit(".", 1)[-1][:1].isupper()
                ):
                    return frozenset([Instance(value, Evidence.PROOF, node)])
                if torch_names.makes_module(name):
                    return frozenset([Instance(External("torch.nn.Module"))])
                return frozenset([Result(name, node)])
        return NOTHING

    def returned(self, scope: Scope) -> Values:
        """What a call of the function with this scope can give."""
        if scope.node in self._active or scope.node in self.walk.yields:
            return NOTHING
        if isinstance(scope.node, ast.Lambda):
            return self.infer(scope.node.body)
        found: Values = NOTHING
        self._active[scope.node] = len(self._active)
        try:
            for value in self.walk.returns.get(scope.node, []):
                found |= self.infer(value)
        finally:
            del self._active[scope.node]
        if scope.node in self.walk.returns_none or _falls_off(getattr(scope.node, "body", [])):
            found |= _NONE
        annotation = getattr(scope.node, "returns", None)
        if not found - _NONE and annotation is not None:
            found = self._annotation(annotation)
        return found

    def returns_self(self, scope: Scope) -> bool:
        """Whether the method gives its own receiver back, as `to` and `eval` do."""
        values = self.walk.returns.get(scope.node, [])
        return bool(values) and all(isinstance(v, ast.Name) and v.id == "self" for v in values)

    def _super(self, node: ast.Call) -> Values:
        scope, _ = self.walk.where.get(node, (self.walk.module, ()))
        owner = scope.owner()
        if owner is None:
            return NOTHING
        info = self.walk.classes[owner.node]
        found: Values = frozenset(
            Instance(value)
            for base in info.node.bases
            for value in self.infer(base)
            if isinstance(value, (External, LocalClass))
        )
        if not any(self.value_role(value, "module") for value in found) and self.value_role(
            Instance(LocalClass(self, info)), "module"
        ):
            return found | {_MODULE}
        return found

    # Kinds

    def value_role(self, value: Value, role: Role) -> Evidence | None:
        """How sure it is that `value` plays `role`; None where it does not."""
        if not isinstance(value, Instance):
            return None
        for name in self.ancestors(value):
            if role == "optimizer":
                found = torch_names.is_optimizer_class(name)
            elif role == "scheduler":
                found = name.startswith("torch.optim.lr_scheduler.")
            elif role == "batch norm":
                found = name in torch_names.BATCH_NORMS
            else:
                found = torch_names.is_module_class(name)
            if found:
                return value.evidence
        if role == "module" and self._computes(value):
            return min(value.evidence, Evidence.USE)
        return None

    def _computes(self, value: Instance) -> bool:
        """Whether its class has a `forward` and a base that is not seen, as of another package."""
        forward = False
        outside = False
        for model, info in self.local_classes(value):
            forward |= model.uses_torch and "forward" in info.scope.bindings
            for base in info.node.bases:
                found = model.infer(base)
                outside |= any(
                    isinstance(item, External) and not item.name.startswith("torch.")
                    and (torch_names.is_torch(item.name) or torch_names.is_unknown(item.name))
                    for item in found
                )
        return forward and outside

    def role(self, node: ast.AST, role: Role) -> Evidence | None:
        """How sure it is that `node` plays `role`.

        The weakest proof counts where only some of its values do: `self.norm = bn or None`.
        """
        values = self.infer(node)
        found = [evidence for value in values if (evidence := self.value_role(value, role))]
        others = [] if not found and self.is_unknown(node) else [
            value
            for value in values
            if not self.value_role(value, role)
            and not self._says_nothing(value)
            and not isinstance(value, Items)
        ]
        if found:
            return Evidence.USE if others else min(found)
        return None if others else self._by_name(node, role)

    def _by_use(self, node: ast.AST) -> Values:
        """The kind of something unknown, by the methods that the same scope calls on it."""
        key = dotted(node) if self.uses_torch and self._telling else ""
        if not key:
            return NOTHING
        methods = self._telling.get((self._use_scope(node), key), set())
        if {"step", "zero_grad"} <= methods:
            return frozenset([_OPTIMIZER])
        if methods & _MODULE_USES and "step" not in methods:
            return frozenset([_MODULE])
        if "parameters" in methods and methods & _WITH_PARAMETERS:
            return frozenset([_MODULE])
        return NOTHING

    @cached_property
    def _telling(self) -> dict[tuple[ast.AST, str], set[str]]:
        """The methods that tell what their receiver is, by where and on what they are called."""
        found: dict[tuple[ast.AST, str], set[str]] = {}
        for call in self.walk.calls:
            func = call.func
            if (
                isinstance(func, ast.Attribute)
                and func.attr in _TELLING
                and isinstance(func.value, (ast.Name, ast.Attribute))
            ):
                key = (self._use_scope(func.value), dotted(func.value))
                found.setdefault(key, set()).add(func.attr)
        return found

    def _use_scope(self, node: ast.AST) -> ast.AST:
        scope, _ = self.walk.where.get(node, (self.walk.module, ()))
        if isinstance(node, ast.Attribute):
            owner = scope.owner()
            if owner is not None:
                return owner.node
        function = scope.function()
        return function.node if function is not None else self.walk.module.node

    def _by_name(self, node: ast.AST, role: Role) -> Evidence | None:
        # The last and weakest evidence, and only in a file that uses torch.
        pattern = {"module": _MODULE_NAME, "optimizer": _OPTIMIZER_NAME}.get(role)
        if pattern is None or not self.is_unknown(node):
            return None
        if role == "module" and self._is_used_as_module(node):
            return Evidence.NAME
        if self._is_tested(node, role):
            return Evidence.NAME
        named = [node]
        if isinstance(node, ast.Subscript):
            key = _last_name(node.slice)
            telling = isinstance(node.slice, (ast.Constant, ast.Attribute)) and key
            named = [node.slice if telling else node.value]
            if not telling and any(
                not isinstance(value, Items) for value in self.infer(node.value) - _NONE
            ):
                return None
        elif isinstance(node, ast.Call):
            named = [node.func]
            # `unwrap(model)` gives the model or what it wraps, as `getattr(model, "module", …)`.
            name = _last_name(node.func)
            if node.args and ("unwrap" in name or (name == "getattr" and len(node.args) == 3)):
                named += node.args[:2]
        elif isinstance(node, ast.Name):
            named += self._looped_over(node)
        for item in named:
            if pattern.search(_last_name(item)):
                bindings = self.lookup(item, item.id) if isinstance(item, ast.Name) else []
                if isinstance(node, ast.Call) or all(
                    binding.kind != "import" for binding in bindings
                ):
                    return Evidence.NAME
        return None

    def _says_nothing(self, value: Value) -> bool:
        """Whether a value leaves open what it is: a protocol, an object of an unknown package."""
        if value in _NONE:
            return True
        if isinstance(value, Result):
            return torch_names.is_unknown(value.name) or value.name == "functools.reduce"
        if isinstance(value, External):  # an attribute of a class of such a package
            return torch_names.is_unknown(value.name)
        if not isinstance(value, Instance):
            return False
        if isinstance(value.of, External):
            name = value.of.name
            # A mapping has no methods of torch: what is said of a callback's argument is wrong.
            return torch_names.is_unknown(name) or name.startswith("collections.abc.")
        return any(name.endswith(".Protocol") for name in self.ancestors(value))

    def is_unknown(self, node: ast.AST) -> bool:
        """Whether a file that uses torch leaves open what `node` is.

        So does a class that has not the method that is called on it: another one gives it that.
        """
        if not self.uses_torch:
            return False
        above = self.walk.parents.get(node)
        method = above.attr if isinstance(above, ast.Attribute) else ""
        return all(
            self._says_nothing(value)
            or (method in _MIXED_IN and isinstance(value, Instance)
                and isinstance(value.of, LocalClass) and not self._member(value, method))
            for value in self.infer(node)
        )

    def _is_tested(self, node: ast.AST, role: Role) -> bool:
        """Whether the function asks if `node` plays the role, and does not know here that not."""
        key = dotted(node)
        found = False
        for test in self._tests.get((self._use_scope(node), key), []) if key else []:
            kinds = test.args[1]
            several = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            plays = any(
                isinstance(value, (External, LocalClass))
                and self.value_role(Instance(value), role)
                for kind in several for value in self.infer(kind)
            )
            if plays and self._is_ruled_out(node, test):
                return False
            found |= plays
        return found

    def _is_ruled_out(self, node: ast.AST, test: ast.Call) -> bool:
        """Whether `node` is where the test has failed."""
        branch = self.walk.parents[test]
        inside = {node, *self.walk.ancestors(node)}
        if isinstance(branch, ast.UnaryOp) and isinstance(branch.op, ast.Not):
            around = self.walk.parents[branch]
            return isinstance(around, ast.If) and any(item in inside for item in around.body)
        if not isinstance(branch, ast.If):
            return False
        if any(statement in inside for statement in branch.orelse):
            return True
        left = isinstance(branch.body[-1], (ast.Return, ast.Raise, ast.Continue))
        return left and branch not in inside and getattr(node, "lineno", 0) > branch.lineno

    @cached_property
    def _tests(self) -> dict[tuple[ast.AST, str], list[ast.Call]]:
        """The calls of `isinstance`, by where and on what."""
        found: dict[tuple[ast.AST, str], list[ast.Call]] = {}
        for call in self._calls_by_name.get("isinstance", []):
            if len(call.args) == 2 and (key := dotted(call.args[0])):
                found.setdefault((self._use_scope(call.args[0]), key), []).append(call)
        return found

    def _looped_over(self, node: ast.Name) -> Iterator[ast.AST]:
        """What the variable of a loop is an item of."""
        for binding in self.lookup(node, node.id):
            match binding.kind, binding.node:
                case "item", ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]):
                    yield first
                case "item", ast.Call(func=ast.Name(id="zip"), args=several) if (
                    0 < binding.index <= len(several)
                ):
                    yield several[binding.index - 1]
                case "item", (ast.Name() | ast.Attribute()) as iterable:
                    yield iterable

    def _is_used_as_module(self, node: ast.AST) -> bool:
        """Whether a call on it is one that little else has: `parameters`, a strict load."""
        above = self.walk.parents.get(node)
        call = self.walk.parents.get(above) if isinstance(above, ast.Attribute) else None
        if not isinstance(above, ast.Attribute) or not isinstance(call, ast.Call):
            return False
        if above.attr == "parameters":
            return call.func is above and not call.args
        if above.attr in _REGISTERS:
            return call.func is above
        if above.attr != "load_state_dict":
            return False
        match call.args:
            case [ast.Call(func=ast.Attribute(value=other, attr="state_dict"))]:
                return self.role(other, "module") is not None
        return any(keyword.arg in ("strict", "assign") for keyword in call.keywords)

    def has_gradients(self, node: ast.AST) -> bool:
        """Whether `node` is a module, or something unknown, on which `zero_grad` is called."""
        if self.role(node, "optimizer"):
            return False
        return self.is_unknown(node) or self.role(node, "module") is not None

    def makes_optimizer(self, call: ast.Call) -> Evidence | None:
        """How sure it is that the call makes an optimizer itself, and no function it calls."""
        values = self.infer(call.func)
        found = any(
            isinstance(value, (External, LocalClass))
            and self.value_role(Instance(value), "optimizer")
            for value in values
        )
        if found:
            # `opt.__class__` may be a subclass of what `opt` is said to be.
            text = ast.unparse(call.func)
            exact = len(values) == 1 and not text.endswith("__class__") and text[:5] != "type("
            return Evidence.PROOF if exact else Evidence.USE
        if not self.is_unknown(call.func):
            return None
        name = _last_name(call.func)
        given = "".join(ast.unparse(item) for item in call.args[:1])
        made = isinstance(call.func, ast.Name) and _OPTIMIZER_NAME.search(name) and "param" in given
        return Evidence.NAME if made or _OPTIMIZER_CLASS.search(name) else None

    @cached_property
    def _torch_names(self) -> frozenset[str]:
        """The names that are torch's even where they come from a file that imports it."""
        star = any(
            isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
            for node in self.walk.imports
        )
        return frozenset({"torch", "nn"} if star else {"torch"})

    @cached_property
    def uses_torch(self) -> bool:
        """Whether the file imports torch or something built on it, or calls what is torch's own."""
        return any(
            torch_names.is_torch(name)
            for node in self.walk.imports
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
        ) or any(name.id in self._torch_names for name in self.walk.names) or any(
            isinstance(call.func, ast.Attribute) and call.func.attr in _TORCHLIKE
            for call in self.walk.calls
        ) or any(
            isinstance(item, ast.Constant) and torch_names.is_torch(str(item.value))
            for call in self._calls_by_name.get("import_module", [])
            for item in call.args
        )


@lru_cache(maxsize=4096)
def _external(qualified: str, name: str) -> Values:
    return frozenset([External(torch_names.canonical(f"{qualified}.{name}"))])


def dotted(node: ast.AST) -> str:
    """`self.model` as text; empty for anything but names and attributes of names."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _last_name(node: ast.AST) -> str:
    """The last name of an expression in lower case: `optimizer` of `state[OPTIMIZER]`'s index."""
    text = getattr(node, "value", "") if isinstance(node, ast.Constant) else ""
    return str(getattr(node, "id", getattr(node, "attr", text))).lower()


def _falls_off(body: list[ast.stmt]) -> bool:
    """Whether a function with this body can end without a `return`."""
    match body[-1:]:
        case [ast.Return() | ast.Raise() | ast.While() | ast.Try() | ast.Match()]:
            return False
        case [ast.With(body=inner) | ast.AsyncWith(body=inner)]:
            return _falls_off(inner)
        case [ast.If(body=inner, orelse=other)]:
            return not other or _falls_off(inner) or _falls_off(other)
    return True


def default_of(arguments: ast.arguments, argument: ast.arg) -> ast.expr | None:
    """The default value of a parameter, None where it has none."""
    positional = [*arguments.posonlyargs, *arguments.args]
    if argument in positional:
        index = positional.index(argument) - len(positional) + len(arguments.defaults)
        return arguments.defaults[index] if index >= 0 else None
    if argument in arguments.kwonlyargs:
        return arguments.kw_defaults[arguments.kwonlyargs.index(argument)]
    return None
