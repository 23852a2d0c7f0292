"""What of torch is a value and not a call: dtypes, numbers, classes, attributes of tensors."""

from __future__ import annotations

# Where JAX has 64-bit types only on request, the Python type is the one that neither warns nor
# shrinks: it means 32 bits by default and 64 bits under `jax_enable_x64`.
_DTYPES = {
    "float32 float": "jnp.float32",
    "float64 double": "float",
    "float16 half": "jnp.float16",
    "bfloat16": "jnp.bfloat16",
    "float8_e4m3fn": "jnp.float8_e4m3fn",
    "float8_e5m2": "jnp.float8_e5m2",
    "int64 long": "int",
    "int32 int": "jnp.int32",
    "int16 short": "jnp.int16",
    "int8": "jnp.int8",
    "uint8": "jnp.uint8",
    "uint16": "jnp.uint16",
    "uint32": "jnp.uint32",
    "bool": "jnp.bool_",
    "complex64 cfloat": "jnp.complex64",
    "complex128 cdouble": "complex",
}
_TYPED_TENSORS = (
    "FloatTensor DoubleTensor HalfTensor BFloat16Tensor "
    "LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor"
)
_SAME_ATTRIBUTES = (
    "shape", "ndim", "dtype", "device", "T", "mT", "real", "imag", "itemsize", "nbytes",
)  # fmt: skip

# A torch name that is a value, and the expression that is the same in JAX. The tensor classes with
# a type in their name stand for it in annotations only: `jax.Array` says nothing of the type.
CONSTANTS: dict[str, str] = {
    **{f"torch.{name}": dtype for names, dtype in _DTYPES.items() for name in names.split()},
    **{f"torch.{name}": f"jnp.{name}" for name in ("pi", "inf", "nan", "e")},
    "torch.Tensor": "jax.Array",
    **{f"torch.{name}": "jax.Array" for name in _TYPED_TENSORS.split()},
    "torch.Size": "tuple",
    "torch.dtype": "jax.typing.DTypeLike",
    "torch.device": "jax.Device",
}

# Dtypes that are written differently where they are compared with the dtype of an array, which is
# never a Python type.
COMPARED_DTYPES: dict[str, str] = {
    "torch.int64": "jnp.result_type(int)",
    "torch.long": "jnp.result_type(int)",
    "torch.float64": "jnp.float64",
    "torch.double": "jnp.float64",
    "torch.complex128": "jnp.complex128",
    "torch.cdouble": "jnp.complex128",
}

# Attributes of a tensor that can be read; what is missing here has no counterpart.
TENSOR_ATTRIBUTES: dict[str, str] = {
    **{name: f"{{self}}.{name}" for name in _SAME_ATTRIBUTES},
    "H": "{self}.T.conj()",
    "mH": "{self}.mT.conj()",
    "data": "{self}",
}

# Attributes of layers that hold something else in the parts, or that those have not.
_PLACED = frozenset({"kernel_size", "stride", "padding", "dilation"})
LAYER_ATTRIBUTES: dict[str, frozenset[str]] = {
    "Conv": frozenset({"padding"}),
    **dict.fromkeys(("MaxPool", "AvgPool2", "AvgPool3", "Unfold", "Fold"), _PLACED),
    "Adaptive": frozenset({"output_size"}),
    **dict.fromkeys(("MultiheadAttention", "LSTM", "GRU", "RNN"), frozenset({"dropout"})),
    "Transformer": frozenset({"activation", "activation_relu_or_gelu"}),
    "Upsampl": frozenset({"scale_factor", "name"}),
    "": frozenset({
        "inplace", "transposed", "padding_mode", "affine", "elementwise_affine", "return_indices",
        "mode", "proj_size", "max_norm", "norm_type", "sparse", "scale_grad_by_freq",
    }),
}  # fmt: skip

# Names that NumPy uses and that torch takes as well, by torch's own.
KEYWORD_ALIASES: dict[str, str] = {"axis": "dim", "keepdims": "keepdim"}

# Methods of a tensor that a `jax.Array` has too, and the calls of them that mean the same. Any
# other call of them that torch takes raises in JAX, so that a call of one can be left as it is even
# where nobody knows whether the value is a tensor.
PORTABLE_METHODS: dict[str, str] = {
    "all": "(dim: int)",
    "any": "(dim: int)",
    "argmax": "(dim: int)",
    "argmin": "(dim: int)",
    "argsort": "(dim: int)",
    "clip": "(min: any, max: any)",
    "conj": "()",
    "cumprod": "(dim: int)",
    "cumsum": "(dim: int)",
    "diagonal": "(offset: int, dim1: int, dim2: int)",
    "dot": "(other: Tensor)",
    "flatten": "()",
    "item": "()",
    "mean": "(dim: int | shape)",
    "prod": "(dim: int)",
    "ravel": "()",
    "reshape": "(*shape: int)",
    "squeeze": "(dim: int | shape)",
    "sum": "(dim: int | shape)",
    "swapaxes": "(axis0: int, axis1: int)",
    "tolist": "()",
    "trace": "()",
}
