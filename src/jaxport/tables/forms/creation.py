"""New tensors: from sizes, from numbers, from data."""

from __future__ import annotations

from jaxport.tables.forms import Form

# Where a new tensor goes is nothing that JAX code says; a gradient for it is not served.
_PLACE = "device: any = None, requires_grad: False = False, pin_memory: bool = False"
_TYPE = f"dtype: dtype = None, {_PLACE}, layout: any = None, memory_format: any = None"
_NEW = f"{_TYPE}, out: None = None"
_NO_TYPE = f"dtype: None = None, {_PLACE}, out: None = None"
_WITH_TYPE = f"dtype: dtype, {_PLACE}, out: None = None"
_TYPED = {
    "Float": "jnp.float32",
    "Double": "float",
    "Half": "jnp.float16",
    "BFloat16": "jnp.bfloat16",
    "Long": "int",
    "Int": "jnp.int32",
    "Short": "jnp.int16",
    "Char": "jnp.int8",
    "Byte": "jnp.uint8",
    "Bool": "bool",
}
_WINDOWS = {
    "hann_window": "(0.5, 0.5)",
    "hamming_window": "(0.54, 0.46)",
    "blackman_window": "(0.42, 0.5, 0.08)",
}
_EMPTY = "holds zeros, where torch holds what was in memory"


def _new(name: str, differences: str = "") -> tuple[Form, ...]:
    """`torch.zeros` and its like: the function, that for another tensor, and the method of one."""
    method = f"Tensor.new_{name}(input: Tensor, *size: int"
    return (
        Form(
            f"torch.{name}(*size: int, {_NEW}) -> Tensor",
            f"jnp.{name}({{size}}, dtype={{dtype?}})",
            differences,
        ),
        Form(
            f"torch.{name}_like(input: Tensor, *, {_TYPE}) -> Tensor",
            f"jnp.{name}_like({{input}}, dtype={{dtype?}})",
            differences,
        ),
        Form(
            f"{method}, {_NO_TYPE}) -> Tensor",
            f"jnp.{name}({{size}}, dtype={{input}}.dtype)",
            differences,
        ),
        Form(
            f"{method}, {_WITH_TYPE}) -> Tensor",
            f"jnp.{name}({{size}}, dtype={{dtype}})",
            differences,
        ),
    )


FORMS: tuple[Form, ...] = (
    *_new("zeros"),
    *_new("ones"),
    *_new("empty", _EMPTY),
    Form(
        f"torch.full(size: shape, fill_value: any, *, {_NEW}) -> Tensor",
        "jnp.full({size}, {fill_value}, dtype={dtype?})",
    ),
    Form(
        f"torch.full_like(input: Tensor, fill_value: any, *, {_TYPE}) -> Tensor",
        "jnp.full_like({input}, {fill_value}, dtype={dtype?})",
    ),
    Form(
        f"Tensor.new_full(input: Tensor, size: shape, fill_value: any, *, {_NO_TYPE}) -> Tensor",
        "jnp.full({size}, {fill_value}, dtype={input}.dtype)",
    ),
    Form(
        f"Tensor.new_full(input: Tensor, size: shape, fill_value: any, *, {_WITH_TYPE}) -> Tensor",
        "jnp.full({size}, {fill_value}, dtype={dtype})",
    ),
    Form(
        f"torch.eye(n: int, m: int = None, *, {_NEW}) -> Tensor",
        "jnp.eye({n}, {m?}, dtype={dtype?})",
    ),
    # From data
    Form(
        f"torch.tensor(data: any, *, dtype: dtype = None, {_PLACE}) -> Tensor",
        "jnp.array({data}, dtype={dtype?})",
    ),
    Form(
        "torch.as_tensor, torch.asarray(data: any, dtype: dtype = None, device: any = None) "
        "-> Tensor",
        "jnp.asarray({data}, dtype={dtype?})",
        "does not share memory with a NumPy array",
    ),
    Form(
        "torch.from_numpy(ndarray: any) -> Tensor",
        "jnp.asarray({ndarray})",
        "does not share memory with the NumPy array",
    ),
    Form(
        f"Tensor.new_tensor(input: Tensor, data: any, *, {_NO_TYPE}) -> Tensor",
        "jnp.array({data}, dtype={input}.dtype)",
    ),
    Form(
        f"Tensor.new_tensor(input: Tensor, data: any, *, {_WITH_TYPE}) -> Tensor",
        "jnp.array({data}, dtype={dtype})",
    ),
    *(
        form
        for name, dtype in _TYPED.items()
        for form in (
            Form(
                f"torch.{name}Tensor(data: list[int]) -> Tensor",
                f"jnp.array({{data}}, dtype={dtype})",
            ),
            Form(
                f"torch.{name}Tensor(*size: int) -> Tensor",
                f"jnp.empty({{size}}, dtype={dtype})",
                _EMPTY,
            ),
        )
    ),
    Form("torch.Tensor(data: list[int]) -> Tensor", "jnp.array({data}, dtype=jnp.float32)"),
    Form("torch.Tensor(*size: int) -> Tensor", "jnp.empty({size})", _EMPTY),
    # Ranges. With a type and a fraction at once torch rounds first: not served.
    Form(f"torch.arange(end: number, *, {_NO_TYPE}) -> Tensor", "jnp.arange({end})"),
    Form(f"torch.arange(end: int, *, {_WITH_TYPE}) -> Tensor", "jnp.arange({end}, dtype={dtype})"),
    Form(
        f"torch.arange(start: number, end: number, step: number = 1, *, {_NO_TYPE}) -> Tensor",
        "jnp.arange({start}, {end}, {step?})",
    ),
    Form(
        f"torch.arange(start: int, end: int, step: int = 1, *, {_WITH_TYPE}) -> Tensor",
        "jnp.arange({start}, {end}, {step?}, dtype={dtype})",
    ),
    Form(
        f"torch.linspace(start: number, end: number, steps: int, *, {_NO_TYPE}) -> Tensor",
        "jnp.linspace({start}, {end}, {steps})",
    ),
    Form(
        f"torch.linspace(start: number, end: number, steps: int, *, {_WITH_TYPE}) -> Tensor",
        "@linspace({start}, {end}, {steps}, {dtype})",
        "raises for types of whole numbers",
    ),
    Form(
        "torch.logspace(start: number, end: number, steps: int, base: number = 10.0, *, "
        f"{_NO_TYPE}) -> Tensor",
        "jnp.logspace({start}, {end}, {steps}, base={base?})",
    ),
    *(
        Form(
            f"torch.{name}_indices(row: int, col: int, offset: int = 0, *, dtype: None = None, "
            "device: any = None) -> Tensor",
            f"jnp.stack(jnp.{name}_indices({{row}}, {{offset}}, {{col}}))",
        )
        for name in ("tril", "triu")
    ),
    *(
        Form(
            f"torch.{name}(window_length: int, periodic: bool = True, *, {_NO_TYPE}) -> Tensor",
            f"@cosine_window({{window_length}}, {weights}, {{periodic?}})",
        )
        for name, weights in _WINDOWS.items()
    ),
)
