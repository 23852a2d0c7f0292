"""Which functions and methods make new memory; all others may give what they are given."""

from __future__ import annotations

from jaxport.tables.constants import PORTABLE_METHODS
from jaxport.tables.forms import rows

# What a row of the tables stands for can share memory with an argument all the same.
_SHARE = frozenset({
    "view", "reshape", "reshape_as", "view_as", "transpose", "permute", "squeeze", "unsqueeze",
    "expand", "expand_as", "flatten", "unflatten", "ravel", "chunk", "split", "split_with_sizes",
    "tensor_split", "unbind", "select", "narrow", "diagonal", "unfold", "adjoint", "t", "swapaxes",
    "swapdims", "movedim", "moveaxis", "broadcast_to", "broadcast_tensors", "meshgrid",
    "atleast_1d", "atleast_2d", "atleast_3d", "real", "imag", "view_as_real", "view_as_complex",
    "conj", "conj_physical", "resolve_conj", "resolve_neg", "positive", "contiguous", "type_as",
    "float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool",
    "cfloat", "cdouble", "as_tensor", "asarray", "from_numpy", "einsum", "dropout", "dropout1d",
    "dropout2d", "dropout3d", "alpha_dropout", "cartesian_prod", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "Tensor", "FloatTensor", "DoubleTensor", "HalfTensor",
    "BFloat16Tensor", "LongTensor", "IntTensor", "ShortTensor", "CharTensor", "ByteTensor",
    "BoolTensor",
})  # fmt: skip
# They say something of a tensor, which no change of its numbers alters.
METADATA = frozenset({
    "shape", "dtype", "device", "ndim", "size", "dim", "numel", "ndimension", "element_size",
    "is_contiguous", "is_floating_point", "is_complex",
})  # fmt: skip
NEW_BUILTINS = frozenset({
    "len", "int", "float", "bool", "str", "range", "isinstance", "issubclass", "print", "type",
    "hasattr", "abs", "round", "pow", "id", "repr", "format", "callable", "any", "all", "divmod",
    "sum",
})  # fmt: skip
# Methods that keep what they are given.
KEEPING = frozenset({
    "append", "add", "insert", "extend", "appendleft", "put", "setdefault", "update", "push",
})  # fmt: skip
# Methods of a module that give the tensors that it holds.
HOLDINGS = frozenset({
    "parameters", "named_parameters", "buffers", "named_buffers", "state_dict", "modules",
    "named_modules", "children", "named_children", "get_parameter", "get_buffer",
})  # fmt: skip
_NOT_ONLY_OF_TENSORS = frozenset({
    "get", "pop", "items", "keys", "values", "copy", "index", "count", "split", "popitem",
})  # fmt: skip


def makes_new(name: str) -> bool:
    """Whether the function computes a result that shares no memory with its arguments."""
    last = name.rsplit(".", 1)[-1]
    if name.startswith(("numpy.", "math.", "jax.numpy.")):
        return last not in _SHARE and last in _COMPUTED
    return name == "einops.pack" or (name in rows() and last not in _SHARE)


def method_makes_new(name: str, of_tensor: bool) -> bool:
    """The same of a method, of a tensor or of something unknown."""
    if name in METADATA or name in ("item", "tolist") or (of_tensor and name == "nelement"):
        return True
    if not of_tensor and name in _NOT_ONLY_OF_TENSORS:
        return False
    known = f"Tensor.{name}" in rows() or (of_tensor and name in PORTABLE_METHODS)
    return known and name not in _SHARE and not name.endswith("_")


_COMPUTED = frozenset(name.rsplit(".", 1)[-1] for name in rows()) | {
    "sqrt", "log", "exp", "floor", "ceil", "prod", "array", "isqrt",
}  # fmt: skip
