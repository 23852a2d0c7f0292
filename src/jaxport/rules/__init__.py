"""The rules, one file each. A rule says where and what; it never touches the text."""

from __future__ import annotations

import ast
import importlib
import os
import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property

from jaxport.findings import Finding, Rewrite
from jaxport.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from jaxport.findings import Applicability
    from jaxport.plans import Plan
    from jaxport.semantics.model import Model
    from jaxport.semantics.optimizer import Optimizer
    from jaxport.semantics.scopes import Binding
    from jaxport.semantics.values import Evidence

    Dialect = Literal["nnx", "switcheroo"]

DIALECTS: tuple[Dialect, ...] = ("nnx", "switcheroo")


@record(frozen=True)
class Example:
    """Code that the rule reports, and what the fix makes of it in each dialect.

    `nnx` and `switcheroo` are None where the code stays as it is. `port` is what `jaxport port`
    makes of it, where only that rewrites it.
    """

    before: str
    nnx: str | None = None
    switcheroo: str | None = None
    port: str | None = None


@record(frozen=True)
class Trigger:
    """What a text has to hold for a rule to find something: `word`, and all of the `patterns`.

    A pattern that begins with the word itself is found many times quicker than another.
    """

    word: str
    patterns: tuple[str, ...] = ()

    def is_in(self, text: str) -> bool:
        return self.word in text and all(re.search(item, text) for item in self.patterns)


def method(name: str) -> Trigger:
    """The attribute `name` of something: behind a dot, and what comments and lines are between."""
    behind = rf"\.(?:[\s\\]|#[^\r\n]*[\r\n])*{name}\b"
    return Trigger(name, (rf"{name}\b(?<=[.\s]{name})", behind))


def whole(name: str) -> Trigger:
    """The word `name`, not as a part of another."""
    return Trigger(name, (rf"{name}\b(?<!\w{name})",))


@record(frozen=True)
class Rule:
    """One rule with all that is said about it: the rule page and its tests come from here.

    Without one of `triggers` in the text of a file the rule finds nothing there, or with `by_alias`
    only what comes from another file of the project under another name. None: it can't be told.
    A rule `of_torch` finds nothing that is not made with a class of torch's.
    """

    code: str
    name: str
    summary: str
    why: str
    fix_safety: str
    check: Callable[[File], Iterator[Finding]]
    examples: tuple[Example, ...] = ()
    accepts: tuple[str, ...] = ()
    default: bool = True
    triggers: tuple[Trigger, ...] | None = None
    by_alias: bool = False
    of_torch: bool = False


@record(frozen=True)
class Edition:
    """What a rule asks of a rewrite: the hook, what it says, the modules that it needs."""

    hook: str
    message: str
    needs: tuple[str, ...] = ()
    applicability: Applicability = "safe"
    callee: str = ""
    bound: frozenset[str] = frozenset()
    group: str = ""
    group_size: int = 1
    plan: Plan | None = None


class File:
    """A file as the rules see it: its model, and shortcuts to what they ask most.

    `porting` is on where the whole file is ported, and rules may write what is only right then.
    """

    def __init__(self, model: Model, dialect: Dialect, porting: bool = False) -> None:
        self.model = model
        self.dialect = dialect
        self.porting = porting
        self.methods: dict[str, list[ast.Call]] = {}
        for call in model.walk.calls:
            if isinstance(call.func, ast.Attribute):
                self.methods.setdefault(call.func.attr, []).append(call)

    @cached_property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers of the file, each portable as a whole or not at all."""
        from jaxport.semantics import training  # what most files need not load

        return training.optimizers(self.model)

    def calls_of(self, method: str) -> Iterator[tuple[ast.Call, ast.expr]]:
        """The calls `receiver.method(...)`, each with its receiver."""
        for call in self.methods.get(method, []):
            assert isinstance(call.func, ast.Attribute)
            yield call, call.func.value

    def parent(self, node: ast.AST) -> ast.AST:
        return self.model.walk.parents[node]

    def is_statement(self, call: ast.AST) -> bool:
        """Whether `call` is a statement of its own, so that nothing reads its result."""
        return isinstance(self.parent(call), ast.Expr)

    def leave(self, code: str, node: ast.AST, message: str, reason: str) -> Finding:
        """A finding at `node` that only a person can deal with, and why."""
        return self.report(code, node, f"{message} (not rewritten: {reason})")

    def report(
        self, code: str, node: ast.AST, message: str, edition: Edition | None = None
    ) -> Finding:
        """A finding at `node`; with a rewrite where `edition` can be written there."""
        rewrite = None
        if edition is not None:
            spelled = []
            for module in edition.needs:
                name = self.spell(module, node)
                if name is None:
                    root = module.split(".")[0]
                    return self.leave(
                        code, node, message, f"`{root}` already means something else here"
                    )
                spelled.append((module, name))
            rewrite = Rewrite(
                edition.hook, edition.applicability, edition.message, edition.callee,
                edition.bound, tuple(spelled), group=edition.group, group_size=edition.group_size,
                plan=edition.plan,
            )  # fmt: skip
        return Finding(code, message, self.model.source.span(node), rewrite)

    def spell(self, module: str, node: ast.AST) -> str | None:
        """How the file says `module` at `node`; None where its name means something else."""
        for name, bindings in self.model.walk.module.bindings.items():
            for binding in bindings:
                full = _imported(binding, name)
                plain = binding.kind == "import" and not binding.blocks
                if plain and full == module and self._only(node, name, module):
                    return name
        root = module.split(".")[0]
        scopes = [self.model.walk.module, *self.model.walk.where[node][0].enclosing()]
        for scope in scopes:
            for binding in scope.bindings.get(root, []):
                if _imported(binding, root) != root:
                    return None
        return module

    def _only(self, node: ast.AST, name: str, module: str) -> bool:
        bindings = self.model.lookup(node, name)
        return bool(bindings) and all(_imported(binding, name) == module for binding in bindings)


def _imported(binding: Binding, name: str) -> str:
    node = binding.node
    if binding.kind == "import" and isinstance(node, ast.Import):
        return binding.target
    if binding.kind == "import" and isinstance(node, ast.ImportFrom) and not node.level:
        return f"{node.module}.{binding.target}"
    return ""


def weakest(evidence: Evidence) -> Applicability:
    """Only what is proven is rewritten without asking."""
    return "safe" if evidence.is_proof else "unsafe"


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of this folder, by code."""
    found: list[Rule] = []
    for name in os.listdir(os.path.dirname(__file__)):
        if name.endswith(".py") and not name.startswith("_"):
            found.extend(importlib.import_module(f"{__name__}.{name[:-3]}").RULES)
    return tuple(sorted(found, key=lambda rule: rule.code))
