"""The parts that a ported file can get a copy of, read as text."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from jaxport.records import record

_FOLDER = Path(__file__).parents[1] / "parts"
_NAMESPACES = {"nn": "torch.nn", "functional": "torch.nn.functional", "tensor": "torch",
               "init": "torch.nn.init", "data": "torch.utils.data"}  # fmt: skip
_EINOPS = {"Rearrange", "Reduce", "EinMix"}


@record(frozen=True)
class Part:
    """A class or function of the folder `parts`.

    Args:
        name: what it is called there and in the ported file.
        torch: the torch name that it stands for, empty for a private helper.
        node: its definition.
        text: the source text of the definition.
        uses: the other parts that it needs.
        imports: the import statements that it needs.
    """

    name: str
    torch: str
    node: ast.ClassDef | ast.FunctionDef | ast.Assign
    text: str
    uses: tuple[str, ...]
    imports: tuple[str, ...]

    @property
    def parameters(self) -> ast.arguments:
        """The parameters of a call, `self` left out."""
        function = self._method("__init__") if isinstance(self.node, ast.ClassDef) else self.node
        if function is None:
            bases = self.node.bases if isinstance(self.node, ast.ClassDef) else []
            for base in bases:
                if isinstance(base, ast.Name) and base.id in parts():
                    return parts()[base.id].parameters
            return ast.parse("def f(): ...").body[0].args  # type: ignore[attr-defined,no-any-return]
        assert isinstance(function, ast.FunctionDef)
        arguments = function.args
        if isinstance(self.node, ast.ClassDef):
            arguments = ast.arguments(
                arguments.posonlyargs, arguments.args[1:], arguments.vararg, arguments.kwonlyargs,
                arguments.kw_defaults, arguments.kwarg, arguments.defaults,
            )  # fmt: skip
        return arguments

    @property
    def needs_rngs(self) -> bool:
        """Whether its constructor takes `rngs`."""
        return isinstance(self.node, ast.ClassDef) and any(
            argument.arg == "rngs" for argument in self.parameters.kwonlyargs
        )

    @property
    def gives(self) -> str:
        """What calling the function, or an instance of the class, gives: its annotation."""
        node = self._method("__call__") if isinstance(self.node, ast.ClassDef) else self.node
        if node is None and isinstance(self.node, ast.ClassDef):
            for base in self.node.bases:
                if isinstance(base, ast.Name) and base.id in parts():
                    return parts()[base.id].gives
        returns = getattr(node, "returns", None)
        return ast.unparse(returns) if returns is not None else "jax.Array"

    def _method(self, name: str) -> ast.FunctionDef | None:
        body = self.node.body if isinstance(self.node, ast.ClassDef) else []
        return next(
            (item for item in body if isinstance(item, ast.FunctionDef) and item.name == name), None
        )


@cache
def parts() -> dict[str, Part]:
    """All parts by name."""
    found: dict[str, Part] = {}
    for path in sorted(_FOLDER.glob("*/*.py")):
        if path.name != "__init__.py":
            found.update(_read(path))
    return found


@cache
def layers() -> dict[str, Part]:
    """The classes that stand for a torch layer, by torch's name."""
    return {
        part.torch: part
        for part in parts().values()
        if isinstance(part.node, ast.ClassDef) and part.torch
    }


def _read(path: Path) -> dict[str, Part]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    bound: dict[str, str] = {}
    elsewhere: set[str] = set()
    nodes: dict[str, ast.ClassDef | ast.FunctionDef | ast.Assign] = {}
    for statement in tree.body:
        match statement:
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("jaxport."):
                elsewhere.update(alias.name for alias in names)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    bound[alias.asname or alias.name.split(".")[0]] = ast.unparse(statement)
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                nodes[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)]):
                nodes[name] = statement
    namespace = _NAMESPACES[path.parent.name]
    found = {}
    for name, node in nodes.items():
        read = _loaded(node)
        torch = "" if name.startswith("_") else f"{namespace}.{name}"
        if name in _EINOPS:
            torch = f"einops.layers.torch.{name}"
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        lines = text.split("\n")[first - 1 : node.end_lineno]
        found[name] = Part(
            name, torch, node, "\n".join(lines),
            tuple(sorted((read & (elsewhere | nodes.keys())) - {name})),
            tuple(sorted({bound[item] for item in read & bound.keys()} - _postponed())),
        )  # fmt: skip
    return found


def _postponed() -> set[str]:
    return {"from __future__ import annotations"}


def _loaded(node: ast.AST) -> set[str]:
    """The names that the definition reads, annotations in strings left out."""
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
