"""Weights from torch: where a port keeps what torch calls `conv.weight`, and in which layout.

What a port's layers need is read from its files (`layouts`) without running them. `variables`,
`as_array` and `fill` work on modules and arrays: `jaxport verify` calls them, and `jaxport weights`
writes their text (`loader`) into the script that it makes.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxport import source as sources
from jaxport.semantics import project
from jaxport.source import SourceError, SourceFile
from jaxport.tables.parts import Part, parts
from jaxport.tables.weights import weights

if TYPE_CHECKING:
    import numpy as np
    from flax import nnx

# A class of the port -> torch's name -> the port's, and what makes the port's value of torch's.
Layouts = Mapping[str, Mapping[str, tuple[str, Callable[[Any], Any]]]]
# The same with expressions over `w`.
Texts = dict[str, dict[str, tuple[str, str]]]

CALLED = "_called"


class TargetError(Exception):
    """What the command line names is not there, or is not what it should be."""


def target(text: str, default: str = "") -> tuple[Path, str]:
    """The file and the name of `FILE:CLASS`; raises TargetError where one of them is missing."""
    file, _, name = text.rpartition(":")
    if not file or not name.isidentifier():
        file, name = text, default
    if not name:
        raise TargetError(f"{text}: name a class, as in {file}:Model")
    path = Path(file)
    if not path.is_file():
        raise TargetError(f"{path}: no such file")
    return path, name


def module_name(path: Path) -> tuple[Path, str]:
    """The folder from which a file is imported, and its dotted name there."""
    path = path.resolve()
    root = project.package_root(path.parent)
    names = path.relative_to(root).with_suffix("").parts
    return root, ".".join(names[:-1] if names[-1] == "__init__" else names)


def call(arguments: str) -> ast.Call:
    """A call of `CALLED` with these arguments; TargetError where they can't be arguments."""
    try:
        node = ast.parse(f"{CALLED}({arguments})", mode="eval").body
    except (SyntaxError, ValueError):
        node = None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise TargetError(f"--arguments: `{arguments}` can't be the arguments of a call")
    return node


# What the files say


Files = dict[Path, SourceFile]


def files(path: Path) -> Files:
    """The file, those of its project that it imports, and these in turn.

    Raises TargetError where the file itself can't be read.
    """
    found: Files = {}
    waiting = [path.resolve()]
    while waiting:
        other = waiting.pop()
        if other in found:
            continue
        try:
            found[other] = sources.read(other)
        except SourceError as error:
            if not found:
                row = error.finding.span.start.row
                raise TargetError(f"{path}:{row}: {error.finding.message}") from None
            continue
        waiting += _imported(found[other])
    return found


def _imported(file: SourceFile) -> Iterator[Path]:
    """The files of the project that the file imports."""
    for node in ast.walk(file.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)]
        for name in names:
            path = project.locate(file.path, name, getattr(node, "level", 0))
            if path is not None:
                yield path.resolve()


def layouts(files: Files) -> Texts:
    """The layers of a port whose variables are not torch's, by the names of their classes.

    What has torch's name and layout is left out.
    """
    found: Texts = {}
    for file in files.values():
        for node in file.tree.body:
            part = _copied_part(node)
            if part is not None:
                rows = weights().get(part.name, {})
                changed = {own: row for own, row in rows.items() if row[0] and row != (own, "w")}
                if changed:
                    assert isinstance(node, ast.ClassDef)
                    found[node.name] = changed
    return dict(sorted(found.items()))


def functions(texts: Texts) -> Layouts:
    """The same layouts with functions."""
    import jax.numpy as jnp
    import numpy as np

    return {
        layer: {
            theirs: (ours, eval(f"lambda w: {value}", {"np": np, "jnp": jnp}))
            for theirs, (ours, value) in rows.items()
        }
        for layer, rows in texts.items()
    }


def _copied_part(node: ast.stmt) -> Part | None:
    """The part that the class is a copy of: one of its name and with its base classes."""
    if not isinstance(node, ast.ClassDef):
        return None
    part = parts().get(_part_name(node.name))
    if part is None or not isinstance(part.node, ast.ClassDef):
        return None
    bases = [_part_name(ast.unparse(base)) for base in node.bases]
    return part if bases == [ast.unparse(base) for base in part.node.bases] else None


def _part_name(name: str) -> str:
    """What a part is called that has another name in a file where its own was taken."""
    if name.startswith("torch_"):
        return f"_{name.removeprefix('torch_')}"
    return name.removeprefix("Torch")


# What the modules hold. The text of these functions also goes into scripts, their imports to the
# top of it.


def loader() -> str:
    """The text of `variables`, `as_array` and `fill`."""
    texts = [inspect.getsource(function) for function in (variables, as_array, fill)]
    return re.sub(r"^ +(?:from|import) .*\n\n?", "", "\n\n".join(texts), flags=re.MULTILINE)


def variables(
    node: Any, layouts: Layouts, name: str = "", path: str = ""
) -> Iterator[tuple[str, str, nnx.Variable[Any], Callable[[Any], Any]]]:
    """All Variables below `node`: torch's name, the port's, the Variable, and its layout.

    A shared Variable comes under each of its names.
    """
    from flax import nnx

    known = (layouts[kind.__name__] for kind in type(node).__mro__ if kind.__name__ in layouts)
    rows = {ours: (theirs, layout) for theirs, (ours, layout) in next(known, {}).items()}
    if isinstance(node, dict):
        children = dict(node)
    elif isinstance(node, (list, tuple)):
        children = dict(enumerate(node))
    else:
        children = vars(node)
    names = node._names if hasattr(node, "_names") and isinstance(node, nnx.List) else ()
    for key, child in children.items():
        ours = f"{path}{key}"
        if isinstance(child, nnx.Variable):
            if child.get_value() is not None and not isinstance(child, nnx.RngState):
                theirs, layout = rows.get(key, (key, lambda w: w))
                yield f"{name}{theirs}", ours, child, layout
        elif isinstance(child, (nnx.Pytree, list, tuple, dict)):
            inner = f"{name}{names[int(key)] if key in map(str, range(len(names))) else key}."
            if isinstance(node, nnx.Sequential):  # torch has no `layers` between
                inner = name
            yield from variables(child, layouts, inner, f"{ours}.")


def as_array(value: Any) -> np.ndarray[Any, Any]:
    """A tensor of torch, or what else is an array, for numpy. bfloat16 becomes float32."""
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    return np.asarray(value)


def fill(model: Any, state_dict: Mapping[str, Any], layouts: Layouts) -> list[str]:
    """Give the Variables of `model` the values of a `state_dict`, all of them or none.

    Returns torch's names of those that keep their values: not in the `state_dict`, and no Params.
    Raises ValueError with a line for each Param without a value, each value that no Variable takes,
    and each that has another shape or kind of numbers than its Variable.
    """
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx

    missing, unfit, kept = [], [], []
    unexpected = dict.fromkeys(name for name in state_dict if not name.endswith("batches_tracked"))
    places = list(variables(model, layouts))
    values: dict[int, tuple[str, Any, Any]] = {}
    for name, ours, variable, layout in places:
        if name not in state_dict:
            continue
        unexpected.pop(name, None)
        given, current = as_array(state_dict[name]), variable.get_value()
        try:
            value = layout(given)
        except ValueError:  # not as many dimensions as the layer's
            value = None
        first, _, before = values.setdefault(id(variable), (name, variable, value))
        if value is None or value.shape != current.shape:
            unfit.append(f"shape of {name}: {given.shape} for {ours} {current.shape}")
        elif value.dtype.kind != current.dtype.kind.replace("V", "f"):  # V is bfloat16
            unfit.append(f"numbers of {name}: {value.dtype} for {ours} {current.dtype}")
        elif not np.array_equal(value, before, equal_nan=True):
            unfit.append(f"{first} and {name} differ, and are one Variable in the model")
    names = {id(variable): name for name, _, variable, _ in places}
    for path, node in nnx.iter_graph(model):
        if not isinstance(node, nnx.Variable) or isinstance(node, nnx.RngState):
            continue
        if id(node) not in values and node.get_value() is not None:
            ours = ".".join(map(str, path))
            if isinstance(node, nnx.Param):
                missing.append(f"missing: {names.get(id(node), 'a name in torch')}, for {ours}")
            else:
                kept.append(names.get(id(node), ours))
    problems = [*missing, *(f"unexpected: {name}" for name in unexpected), *unfit]
    if problems:
        raise ValueError("\n  ".join(["the weights do not fit the model:", *problems]))
    for _, variable, value in values.values():
        # A copy: torch changes its own in place.
        variable.set_value(jnp.array(value, variable.get_value().dtype))
    return kept
