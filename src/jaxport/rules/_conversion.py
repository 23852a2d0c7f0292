"""What `jaxport port` does with each node of a file; the rules of the families share it.

Every torch name, every method of a tensor and every place where a torch module is built is either
converted, or named with the reason why it can't be.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from jaxport.findings import Edit, Finding, Position, Span
from jaxport.plans import Plan, Text
from jaxport.rules import Edition, File
from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Class
from jaxport.semantics.values import External, Instance, LocalClass
from jaxport.tables import torch_names

if TYPE_CHECKING:
    from jaxport.semantics.kinds.file_kinds import FileKinds
    from jaxport.semantics.randomness import Randomness

# Containers of NNX that take what torch's take.
CONTAINERS = {
    "torch.nn.ModuleList": "List", "torch.nn.ModuleDict": "Dict", "torch.nn.ParameterList": "List",
    "torch.nn.ParameterDict": "Dict",
}  # fmt: skip


class Conversion:
    """The findings of one file that its port consists of."""

    def __init__(self, file: File) -> None:
        # Only what is ported needs these, and they take long to load.
        from jaxport.semantics.kinds.expressions import kinds_of
        from jaxport.semantics.randomness import randomness_of

        self.file = file
        self.model: Model = file.model
        self.kinds: FileKinds = kinds_of(file.model)
        self.random: Randomness = randomness_of(file.model)
        self.covered: set[ast.AST] = set()
        self.gone: set[ast.stmt] = set()

    @cached_property
    def findings(self) -> list[Finding]:
        """All of them, in no order."""
        from jaxport.rules import (
            _port_attributes,
            _port_calls,
            _port_classes,
            _port_names,
            _port_tensors,
        )

        found: list[Finding] = []
        for module in (_port_classes, _port_attributes, _port_calls, _port_tensors, _port_names):
            found += module.convert(self)
        return found

    @cached_property
    def speaks_torch(self) -> bool:
        """Whether the file is written for torch: it imports it, or calls what only tensors have."""
        return self.model.uses_torch or any(
            self.model.qualified(receiver) is None
            and not (isinstance(receiver, ast.Name) and receiver.id == "self")
            for name in torch_names.TORCH_ONLY & self.file.methods.keys()
            for _, receiver in self.file.calls_of(name)
        )

    # Saying what is found

    def text(
        self, code: str, node: ast.AST, message: str, edits: list[Edit],
        needs: tuple[str, ...] = (), used: tuple[str, ...] = (),
    ) -> Finding:
        """A finding that is rewritten by position."""
        plan = Text(tuple(edits), tuple((name, self.part_name(name)) for name in used))
        return self.planned(code, node, message, "text", plan, needs)

    def planned(
        self, code: str, node: ast.AST, message: str, hook: str, plan: Plan,
        needs: tuple[str, ...] = (),
    ) -> Finding:
        """A finding with its rewrite; a part brings the modules that it needs itself."""
        if not self.file.porting:
            return replace(self.file.report(code, node, message), by_port=True)
        return self.file.report(code, node, message, Edition(hook, message, needs, plan=plan))

    def left_out(self, code: str, call: ast.Call, message: str) -> Finding:
        """A call that goes with its statement, where nothing else would be missing then."""
        self.cover(call.func)
        edits = self.removed_call(call)
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if edits is None or not all(self.is_pure(item) for item in arguments):
            return self.blocked(code, call, message, "its result is used")
        self.covered.update(ast.walk(call))
        return self.text(code, call, message, edits)

    def blocked(self, code: str, node: ast.AST, message: str, reason: str) -> Finding:
        return self.file.leave(code, node, message, reason)

    def is_called(self, node: ast.expr) -> bool:
        """Whether the expression stands there to be called."""
        parent = self.model.walk.parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node

    # Edits by position

    def span(self, node: ast.AST) -> Span:
        return self.model.source.span(node)

    def replaced(self, node: ast.AST, content: str) -> Edit:
        return Edit(self.span(node), content)

    def before(self, node: ast.AST, content: str) -> Edit:
        at = self.span(node).start
        return Edit(Span(at, at), content)

    def after(self, node: ast.AST, content: str) -> Edit:
        at = self.span(node).end
        return Edit(Span(at, at), content)

    def between(self, one: ast.AST, other: ast.AST, content: str) -> Edit:
        """What stands behind `one` and in front of `other` is replaced."""
        source = self.model.source
        return Edit(Span(source.grouped(one).end, source.grouped(other).start), content)

    def behind(self, one: ast.AST, whole: ast.AST, content: str) -> Edit:
        """What stands in `whole` behind `one` is replaced."""
        return Edit(Span(self.model.source.grouped(one).end, self.span(whole).end), content)

    def wrapped(self, one: ast.AST, whole: ast.AST, head: str) -> list[Edit]:
        """`whole` becomes a call that starts with `head` and whose argument is `one`."""
        start, inner, end = self.span(whole).start, self.span(one), self.span(whole).end
        return [Edit(Span(start, inner.start), head), Edit(Span(inner.end, end), ")")]

    def passed(self, one: ast.AST, value: ast.expr, head: str) -> list[Edit]:
        """`one = value`, where what stands between becomes `head` and the value an argument of it.

        Parentheses around the value stay: those of the call are made of them if `head` opens one.
        """
        whole = self.model.source.grouped(value)
        gap, end = Span(self.span(one).end, whole.start), Span(whole.end, whole.end)
        if head.endswith("(") and whole != self.span(value):
            return [Edit(gap, head[:-1])]
        return [Edit(gap, head), Edit(end, ")")]

    def line(self, row: int, content: str) -> Edit:
        """A line of its own in front of `row`."""
        at = Position(row, 0)
        return Edit(Span(at, at), content + self.model.source.newline(row))

    def indent(self, row: int) -> str:
        line = self.model.source.lines[row - 1]
        return line[: len(line) - len(line.lstrip())]

    def removed(self, statement: ast.stmt) -> list[Edit] | None:
        """The edits that take a statement away with its line; None where it shares the line."""
        source = self.model.source
        span = self.span(statement)
        last = source.lines[span.end.row - 1]
        first = source.lines[span.start.row - 1]
        rest = last[span.end.column :].strip()
        if first[: span.start.column].strip() or (rest and not rest.startswith("#")):
            return None
        self.gone.add(statement)
        if self.gone.issuperset(self.block(statement)):
            return [Edit(span, "pass")]  # the last one that stands there
        return [Edit(Span(Position(span.start.row, 0), Position(span.end.row, len(last))), "")]

    def removed_call(self, call: ast.Call) -> list[Edit] | None:
        """The same for a call that is a statement of its own."""
        statement = self.model.walk.parents.get(call)
        return self.removed(statement) if isinstance(statement, ast.Expr) else None

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that it stands among."""
        parent = self.model.walk.parents[statement]
        for _, value in ast.iter_fields(parent):
            if isinstance(value, list) and statement in value:
                return value
        return [statement]

    def source(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.model.source.text, node) or ast.unparse(node)

    # Names

    def spelled(self, module: str, node: ast.AST) -> str:
        return self.file.spell(module, node) or module

    @cached_property
    def _bound(self) -> set[str]:
        """The names that the file gives values of its own."""
        found: set[str] = set()
        for scope in self.model.walk.scopes.values():
            if scope.is_class:
                continue
            for name, bindings in scope.bindings.items():
                for binding in bindings:
                    values = self.model._binding(binding) if binding.kind == "import" else ()
                    if not any(isinstance(value, External) and torch_names.is_torch(value.name)
                               for value in values):
                        found.add(name)
        return found

    def is_imported(self, node: ast.expr) -> bool:
        """Whether the name is one that an import gives, and no variable that may be another."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and any(
            binding.kind == "import" for binding in self.model.lookup(node, node.id)
        )

    def part_name(self, name: str) -> str:
        """What a copy of the part is called in this file: its own name if that is free."""
        if name not in self._bound:
            return name
        return f"Torch{name}" if name[:1].isupper() else f"torch_{name.lstrip('_')}"

    # What a value is

    def is_module_class(self, info: Class) -> bool:
        """Whether the class of this file is a torch module."""
        value = Instance(LocalClass(self.model, info))
        return self.model.value_role(value, "module") is not None

    def is_module(self, node: ast.AST) -> bool:
        return self.kinds.may_be_module(node) or self.kinds.names(node) == {"module"}

    def module_class(self, node: ast.AST) -> Class | None:
        """The module class that the node stands in."""
        scope, _ = self.model.walk.where.get(node, (self.model.walk.module, ()))
        owner = scope.owner()
        if owner is None:
            return None
        info = self.model.walk.classes[owner.node]
        return info if self.is_module_class(info) else None

    def in_main_code(self, node: ast.AST) -> bool:
        """Whether the node is outside of every module class, in code that is not traced."""
        return self.module_class(node) is None

    def random_target(self, node: ast.AST) -> bool:
        """Whether the node is the tensor that a function of `torch.nn.init` fills."""
        parent = self.model.walk.parents.get(node)
        return isinstance(parent, ast.Call) and parent.args[:1] == [node] and (
            self.model.qualified(parent.func) or ""
        ).startswith("torch.nn.init.")

    def cover(self, node: ast.AST) -> None:
        """The name `node`, down to its root, is dealt with."""
        while isinstance(node, ast.Attribute):
            self.covered.add(node)
            node = node.value
        self.covered.add(node)

    def is_pure(self, node: ast.AST) -> bool:
        """Whether leaving the expression out changes nothing else."""
        return not any(
            isinstance(item, (ast.Call, ast.NamedExpr, ast.Await, ast.Yield))
            and (self.model.qualified(getattr(item, "func", item)) or "") not in (
                "torch.device", "torch.cuda.is_available", "torch.cuda.current_device"
            )
            and not (
                isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)
                and item.func.attr in ("parameters", "buffers", "get_device")
            )
            and not (isinstance(item, ast.Call) and isinstance(item.func, ast.Name)
                     and item.func.id in ("next", "str", "getattr"))
            for item in ast.walk(node)
        )

    def layer_call(self, call: ast.Call) -> str:
        """The `rngs` that the constructor is to be given; empty where it needs none."""
        return self.random.layers.get(call, "")


def of(file: File) -> Conversion:
    """The conversion of the file, worked out once."""
    found: Conversion | None = file.__dict__.get("conversion")
    if found is None:
        found = file.__dict__["conversion"] = Conversion(file)
    return found


def ported(code: str) -> Callable[[File], Iterator[Finding]]:
    """The check of a rule whose findings are a part of the conversion."""

    def check(file: File) -> Iterator[Finding]:
        yield from (finding for finding in of(file).findings if finding.code == code)

    return check
