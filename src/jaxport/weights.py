"""Writes the script that loads a checkpoint of torch into a ported model."""

from __future__ import annotations

import ast
import builtins
import copy
import json
import keyword
import os
import symtable
import textwrap
from collections.abc import Iterator
from pathlib import Path
from string import Template

from jaxport import transfer
from jaxport.semantics import project
from jaxport.source import SourceFile
from jaxport.transfer import Files, TargetError, Texts

_SCRIPT = Template('''\
"""Load a PyTorch checkpoint into `$name`, its port to Flax NNX.

    python $script checkpoint.pt              # check that it fits
    python $script checkpoint.pt model.npz    # and write what NNX needs of it

In a program:

    from $stem import build, load, restore

    model = build()
    load(model, torch.load("checkpoint.pt", map_location="cpu", weights_only=True))
    restore(model, "model.npz")  # the same, without torch

Written by `jaxport weights`. It imports and runs the code of $file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
${path_import}from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

$imports

Layouts = Mapping[str, Mapping[str, tuple[str, Callable[[Any], Any]]]]

# Layer -> torch's name -> the name in NNX, and what makes its value of torch's.
# What is not here has torch's name and layout.
LAYOUTS: Layouts = {
$layouts}


def build() -> Any:
    """The model that the checkpoint is for, with values of its own."""
$build


def load(model: Any, state_dict: Mapping[str, Any]) -> None:
    """Give `model` the values of a torch `state_dict`: all of them, or a ValueError and none.

    Statistics and buffers that torch did not save keep their values. stderr says which.
    """
    for name in fill(model, state_dict, LAYOUTS):
        print(f"not in the checkpoint, kept as built: {name}", file=sys.stderr)


def save(model: Any, path: str) -> None:
    """Write all Variables but random keys to an .npz, by the names of the attributes."""
    np.savez(path, **{name: value.get_value() for name, _, value, _ in variables(model, {})})


def restore(model: Any, path: str) -> None:
    """Give `model` what `save` wrote; ValueError where it does not fit."""
    with np.load(path) as values:
        fill(model, values, {})


$loader

def main() -> None:
    """Load the checkpoint that the command line names, and write it for NNX if asked to."""
    import torch

    parser = argparse.ArgumentParser(description="Load a PyTorch checkpoint into $name.")
    parser.add_argument("checkpoint", help="what torch.save(model.state_dict(), ...) wrote")
    parser.add_argument("output", nargs="?", help="an .npz to write, for restore()")
    parser.add_argument("--key", help="where the state_dict is in a checkpoint of more")
    parser.add_argument("--prefix", default="", help="of all its names, such as module.")
    arguments = parser.parse_args()
    state_dict = torch.load(arguments.checkpoint, map_location="cpu", weights_only=True)
    if arguments.key:
        state_dict = state_dict[arguments.key]
    if not any(isinstance(value, torch.Tensor) for value in state_dict.values()):
        sys.exit(f"no tensors, but these, of which --key takes one: {', '.join(state_dict)}")
    model = build()
    try:
        load(model, {name.removeprefix(arguments.prefix): w for name, w in state_dict.items()})
    except ValueError as error:
        sys.exit(f"{arguments.checkpoint}: {error}")
    sizes = {id(variable): variable.size for *_, variable, _ in variables(model, LAYOUTS)}
    print(f"{arguments.checkpoint} fits $name: {sum(sizes.values()):,} numbers")
    if arguments.output:
        save(model, arguments.output)
        print(f"written to {arguments.output}")


if __name__ == "__main__":
    main()
''')
# What the script itself imports, and what else `--arguments` may name.
_IMPORTED = {"jnp", "np", "nnx"}
_KNOWN = {*_IMPORTED, *dir(builtins)}


def script(path: Path, name: str, output: Path | None, arguments: str | None) -> str:
    """The script for the class or function `name` of the ported file at `path`.

    Args:
        output: where the script will be, from where it finds the file; beside it if None.
        arguments: what `name` is called with, as in a call; None leaves a line to be filled in.

    Raises TargetError where the file has no such class, or can't be imported as it is called.
    """
    files = transfer.files(path)
    if not any(map(_imports_flax, files.values())):
        raise TargetError(f"{path}: does not use Flax; is it the ported file?")
    bound = _bound(files[path.resolve()])
    if name not in bound:
        raise TargetError(f"{path}: has no class `{name}`")
    root, module = transfer.module_name(path)
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in module.split(".")):
        raise TargetError(f"{path}: can't be imported, `{module}` is no name in Python")
    call = transfer.call(arguments or "")
    used = {item.id for item in ast.walk(call) if isinstance(item, ast.Name)} - {transfer.CALLED}
    for unknown in sorted(used - bound - _KNOWN):
        raise TargetError(f"--arguments: `{unknown}` is not in {path}")
    imports = f"from {module} import {', '.join(sorted({name} | (used & bound) - _IMPORTED))}"
    place = (output or path.with_name(f"load_{path.stem}.py")).resolve()
    away = place.parent != root
    if away:
        folder = json.dumps(Path(os.path.relpath(root, place.parent)).as_posix())
        line = f"sys.path.insert(0, str(Path(__file__).resolve().parent / {folder}))"
        imports = f"{line}\n\n{imports}"
    parameters = _parameters(files, path.resolve(), name)
    return _SCRIPT.substitute(
        name=name, file=path.name, script=place.name, stem=place.stem, imports=imports,
        path_import="from pathlib import Path\n" * away,
        layouts=_rows(transfer.layouts(files)), loader=transfer.loader(),
        build=_body(name, call, parameters, fill_in=arguments is None),
    )  # fmt: skip


def _imports_flax(file: SourceFile) -> bool:
    modules = {
        name.split(".")[0] for node in ast.walk(file.tree)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else
                     [alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    }  # fmt: skip
    return "flax" in modules


def _bound(file: SourceFile) -> set[str]:
    """The names that the file has at its top level."""
    symbols = symtable.symtable(file.text, str(file.path), "exec").get_symbols()
    return {item.get_name() for item in symbols if item.is_assigned() or item.is_imported()}


def _parameters(files: Files, path: Path, name: str) -> ast.arguments | None:
    """What the class or function takes that the file at `path` calls `name`; None if unknown."""
    for node in files[path].tree.body if path in files else []:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node.args
        if isinstance(node, ast.ClassDef) and node.name == name:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                    parameters = copy.copy(item.args)
                    parameters.args = parameters.args[1:]
                    return parameters
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            found = (_parameters(files, path, base) for base in bases if base != name)
            return next(filter(None, found), None)
        if isinstance(node, ast.ImportFrom):
            other = project.locate(path, node.module or "", node.level)
            for alias in node.names:
                if name == (alias.asname or alias.name) and other is not None:
                    return _parameters(files, other.resolve(), alias.name)
    return None


def _rows(layouts: Texts) -> str:
    """The rows of the table of layouts."""
    lines = []
    for layer, rows in layouts.items():
        texts = [f'"{theirs}": ("{ours}", lambda w: {value})'
                 for theirs, (ours, value) in rows.items()]  # fmt: skip
        if len(texts) == 1:
            lines.append(f'    "{layer}": {{{texts[0]}}},\n')
        else:
            lines += [f'    "{layer}": {{\n', *(f"        {text},\n" for text in texts), "    },\n"]
    return "".join(lines)


def _body(name: str, call: ast.Call, parameters: ast.arguments | None, fill_in: bool) -> str:
    """The body of the function that builds the model."""
    shown = ["..."] if parameters is None else list(_shown(parameters))
    named = [] if parameters is None else [*parameters.args, *parameters.kwonlyargs]
    if "rngs" in {item.arg for item in named} - {item.arg for item in call.keywords}:
        call.keywords.append(ast.keyword("rngs", ast.parse("nnx.Rngs(0)", mode="eval").body))
    call.func = ast.Name(name)
    lines = [f"return {ast.unparse(call)}"]
    if fill_in and shown:
        text = f"FILL IN what it was made with: {name}({', '.join(shown)})"
        lines = [*(f"# {line}" for line in textwrap.wrap(text, 94)), *lines]
    return textwrap.indent("\n".join(lines), "    ")


def _shown(parameters: ast.arguments) -> Iterator[str]:
    """The parameters but `rngs`, with their defaults."""
    positional = [*parameters.posonlyargs, *parameters.args]
    required = len(positional) - len(parameters.defaults)
    pairs = [
        *zip(positional, [*[None] * required, *parameters.defaults], strict=True),
        *zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True),
    ]
    for item, default in pairs:
        if item.arg != "rngs":
            yield item.arg if default is None else f"{item.arg}={ast.unparse(default)}"
    for star, more in (("*", parameters.vararg), ("**", parameters.kwarg)):
        if more is not None:
            yield f"{star}{more.arg}"
