"""What functions and methods of torch, and of other packages, give."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.annotations import given
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.kind import (
    INT,
    TENSOR,
    UNKNOWN,
    Kinds,
    elements,
    listed,
    only,
    sequence,
)
from jaxport.semantics.kinds.overloads import chosen
from jaxport.tables.forms import rows
from jaxport.tables.parts import layers, parts
from jaxport.tables.torch_names import TORCH_ONLY, is_module_class

EINOPS = {
    "einops.rearrange": TENSOR, "einops.repeat": TENSOR, "einops.reduce": TENSOR,
    "einops.einsum": TENSOR, "einops.pack": listed([TENSOR, UNKNOWN]),
    "einops.unpack": sequence(TENSOR), "einops.parse_shape": only("mapping"),
}  # fmt: skip
_FUNCTIONS = {
    **EINOPS,
    **dict.fromkeys(
        ("torch.finfo", "torch.iinfo", "jax.numpy.finfo", "jax.numpy.iinfo"), only("limits")
    ),
    "torch.device": only("device"),
    **dict.fromkeys(
        ("torch.nn.Parameter", "torch.nn.Buffer", "flax.nnx.Param", "torch.einsum"), TENSOR
    ),
}
_WHOLE = ("ceil", "floor", "gcd", "lcm", "comb", "factorial", "isqrt", "trunc", "prod")
# Methods of a tensor that give a tensor, whatever else they do.
SAME_KIND = {"to", "cuda", "cpu", "detach", "contiguous", "clone", "requires_grad_", "data",
             "at", "set", "add", "astype", "reshape", "block_until_ready", "xpu"}  # fmt: skip
_METHODS = {
    **dict.fromkeys(SAME_KIND, TENSOR),
    "item": only("float"), "numpy": only("numpy"), "tolist": sequence(UNKNOWN),
}  # fmt: skip


def of_external(kinds: FileKinds, name: str, call: ast.Call) -> Kinds | None:
    """What a call of the function or class `name` gives; None where it is no known one."""
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    overloads = rows().get(name)
    if overloads:
        row = chosen(kinds, overloads, call, method=False)
        return given(row.gives) if row is not None else UNKNOWN
    if name in layers() or is_module_class(name):
        return only("module")
    if name.startswith(("jax.numpy.", "jax.nn.", "jax.random.", "jax.lax.")):
        return TENSOR
    part = parts().get(name.rsplit(".", 1)[-1])
    if part is not None and name.startswith("torch."):
        return given(part.gives)
    if name.startswith("numpy."):
        return only("numpy")
    if name.startswith("math."):
        return INT if name.removeprefix("math.") in _WHOLE else only("float")
    return TENSOR if name.startswith(("torch.linalg.", "torch.fft.")) else None


def of_method(kinds: FileKinds, func: ast.Attribute, call: ast.Call) -> Kinds | None:
    """What a call of the method `func` gives; None where its receiver says nothing."""
    held = kinds.of(func.value)
    names = {kind.name for kind in held} - {"none"}
    name = func.attr
    if names == {"tensor"} or (name in TORCH_ONLY and (not names or "tensor" in names)):
        return _of_tensor_method(kinds, name, call)
    if names == {"numpy"}:
        return only("numpy")
    if names == {"str"}:
        return sequence(only("str")) if name.endswith("split") else only("str")
    if names == {"mapping"} and name in ("get", "pop"):
        return UNKNOWN.union(*(kind.each for kind in held))
    if names == {"sequence"} and name in ("pop", "index", "count", "copy"):
        return elements(held) if name == "pop" else INT
    return None


def _of_tensor_method(kinds: FileKinds, name: str, call: ast.Call) -> Kinds:
    if name in _METHODS:
        return _METHODS[name]
    overloads = rows().get(f"Tensor.{name}")
    row = chosen(kinds, overloads, call, method=True) if overloads else None
    return given(row.gives) if row is not None else TENSOR
