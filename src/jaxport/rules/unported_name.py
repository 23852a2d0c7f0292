"""JXP004 and JXP005: what no rule ports yet. They are what makes "clean" mean something."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.records import replace
from jaxport.rules import Example, File, Rule
from jaxport.rules._conversion import of, ported
from jaxport.semantics.values import External
from jaxport.tables import torch_names


def _names(file: File) -> Iterator[Finding]:
    model = file.model
    used: set[str] = set()
    covered = of(file).covered if of(file).findings else set()
    ruled = {
        call.func for optimizer in file.optimizers
        for call in [*optimizer.constructors, *optimizer.schedulers, *optimizer.clips]
    }
    loads: list[ast.Name | ast.Attribute] = [
        node for node in model.walk.attributes if isinstance(node.ctx, ast.Load)
    ]
    for node in [*model.walk.names, *loads]:
        if isinstance(node, ast.Name):
            used.add(node.id)
        parent = model.walk.parents.get(node)
        if isinstance(parent, ast.Attribute) or node in ruled or node in covered:
            continue
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name):
            continue
        values = model.infer(root)
        names = [_extended(item.name, node) for item in values if isinstance(item, External)]
        name = min(filter(torch_names.is_torch, names), default="")
        if not name:
            continue
        if isinstance(root, ast.Name) and not _is_import(file, root):
            continue
        full = torch_names.canonical(name)
        yield file.report("JXP004", node, f"`{full}` has no port to JAX yet")
    for statement in model.walk.imports:
        module = statement.module or "" if isinstance(statement, ast.ImportFrom) else ""
        if isinstance(statement, ast.ImportFrom) and statement.level:
            continue
        for alias in statement.names:
            full = f"{module}.{alias.name}" if module else alias.name
            bound = alias.asname or (full.split(".")[0] if not module else alias.name)
            unused = bound not in used and not file.porting  # a port takes the import away
            if torch_names.is_torch(full) and (unused or alias.name == "*"):
                found = file.report("JXP004", statement, f"`{full}` is imported from torch")
                yield replace(found, by_port=alias.name != "*")
    for call in model.walk.calls:
        match call:
            case ast.Call(
                func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ) if torch_names.is_torch(module):
                yield file.report("JXP004", call, f"`{module}` is imported from torch")


def _extended(name: str, node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([name, *reversed(parts)])


def _is_import(file: File, root: ast.Name) -> bool:
    return any(binding.kind == "import" for binding in file.model.lookup(root, root.id))


RULES = (
    Rule(
        code="JXP004",
        name="unported-name",
        summary="A torch name that no rule ports.",
        why="A file that still names torch does not run on JAX. This rule reports every such "
        "name that is left, so that a file without findings has none.",
        fix_safety="There is no fix yet.",
        check=_names,
        examples=(
            Example("import torch\n\nx = torch.vmap(print)\n"),
            Example("import torch\n"),
            Example("from torchvision import models\n\nnet = models.resnet18()\n"),
        ),
        accepts=("import numpy as np\n\nx = np.zeros(3)\n", "torch = 3\nprint(torch)\n"),
        default=False,
    ),
    Rule(
        code="JXP005",
        name="tensor-method",
        summary="A method that torch tensors have and JAX arrays have not.",
        why="A function can use tensors without naming torch. Where the kind of a value is not "
        "known, such a method says that it was written for torch.",
        fix_safety="There is no fix yet.",
        check=ported("JXP005"),
        examples=(Example("import torch\n\nx = torch.zeros(2).sparse_mask(3)\n"),),
        accepts=("def f(x):\n    return x.sum()\n",),
        default=False,
    ),
)
