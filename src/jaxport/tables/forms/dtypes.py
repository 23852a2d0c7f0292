"""Types, and the questions about a tensor that have a plain answer."""

from __future__ import annotations

from jaxport.tables.forms import Form

_TYPES = {
    "float": "jnp.float32",
    "double": "float",
    "half": "jnp.float16",
    "bfloat16": "jnp.bfloat16",
    "long": "int",
    "int": "jnp.int32",
    "bool": "bool",
    "cfloat": "jnp.complex64",
    "cdouble": "complex",
}
_SMALL = {"short": "jnp.int16", "char": "jnp.int8", "byte": "jnp.uint8"}

FORMS: tuple[Form, ...] = (
    *(
        Form(
            f"Tensor.{name}(input: Tensor, memory_format: any = None) -> Tensor",
            f"{{input}}.astype({dtype})",
        )
        for name, dtype in _TYPES.items()
    ),
    *(
        Form(
            f"Tensor.{name}(input: Tensor, memory_format: any = None) -> Tensor",
            f"{{input}}.astype({dtype})",
            "a float out of its range becomes the nearest number in it",
        )
        for name, dtype in _SMALL.items()
    ),
    Form("Tensor.type_as(input: Tensor, other: Tensor) -> Tensor", "{input}.astype({other}.dtype)"),
    Form(
        "torch.is_floating_point, Tensor.is_floating_point(input: Tensor) -> bool",
        "jnp.issubdtype({input}.dtype, jnp.floating)",
    ),
    Form("torch.is_complex, Tensor.is_complex(input: Tensor) -> bool", "jnp.iscomplexobj({input})"),
    Form(
        "torch.is_tensor(obj: any) -> bool",
        "isinstance({obj}, jax.Array)",
        "an `nnx.Param` is no array",
    ),
    Form("torch.finfo(type: dtype) -> any", "jnp.finfo({type})"),
    Form("torch.iinfo(type: dtype) -> any", "jnp.iinfo({type})"),
    Form(
        "torch.result_type(tensor1: any, tensor2: any) -> dtype",
        "jnp.result_type({tensor1}, {tensor2})",
        "a tensor without dimensions counts like any other",
    ),
    Form(
        "torch.promote_types(type1: dtype, type2: dtype) -> dtype",
        "jnp.promote_types({type1}, {type2})",
    ),
    # Shape
    Form("Tensor.size(input: Tensor) -> shape", "{input}.shape"),
    Form("Tensor.size(input: Tensor, dim: int) -> int", "{input}.shape[{dim}]"),
    Form("Tensor.dim, Tensor.ndimension(input: Tensor) -> int", "{input}.ndim"),
    Form("torch.numel, Tensor.numel, Tensor.nelement(input: Tensor) -> int", "{input}.size"),
    Form("Tensor.element_size(input: Tensor) -> int", "{input}.itemsize"),
    # Memory: an array of JAX is never changed, so that a copy is as good as itself
    Form(
        "Tensor.contiguous, Tensor.resolve_conj, Tensor.resolve_neg"
        "(input: Tensor, memory_format: any = None) -> Tensor",
        "{input}",
    ),
    Form("Tensor.is_contiguous(input: Tensor, memory_format: any = None) -> bool", "True"),
    Form(
        "torch.clone, Tensor.clone(input: Tensor, *, memory_format: any = None) -> Tensor",
        "jnp.copy({input})",
    ),
)
