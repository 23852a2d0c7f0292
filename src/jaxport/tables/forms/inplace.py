"""The new values of methods that change a tensor, where no form is shared with another method."""

from __future__ import annotations

from jaxport.tables.forms import Form
from jaxport.tables.forms.pointwise import BINARY, COMPARISONS

# What is written into a tensor takes its type, so that a wider operand does not make it wider.
_TYPED = "({}).astype({{input}}.dtype)"


def _methods(names: str) -> str:
    return ", ".join(f"Tensor.{name}_" for name in names.split())


def _arithmetic(names: str, operation: str, other: str = "other") -> list[Form]:
    """An operation with a number, which never widens, and with anything."""
    return [
        Form(f"{_methods(names)}(input: Tensor, {other}: number) -> Tensor", operation),
        Form(f"{_methods(names)}(input: Tensor, {other}: any) -> Tensor", _TYPED.format(operation)),
    ]


def _sum(names: str, operands: str, term: str, sign: str = "+") -> list[Form]:
    """A sum in the type of the tensor; a tensor that is worked out right here is not repeated."""
    signature = f"{_methods(names)}(input: Tensor, {operands}) -> Tensor"
    return [
        Form(signature, _TYPED.format(f"{{input}} {sign} {term}")),
        Form(signature, f"@plus({{input}}, {term if sign == '+' else f'-({term})'})"),
    ]


FORMS: tuple[Form, ...] = (
    Form("Tensor.add_(input: Tensor, other: number) -> Tensor", "{input} + {other}"),
    *_sum("add", "other: any", "{other}"),
    *_sum("add", "other: any, *, alpha: number", "{alpha} * {other}"),
    *_sum("sub subtract", "other: any, *, alpha: number", "{alpha} * {other}", "-"),
    *_sum("addcmul", "tensor1: Tensor, tensor2: Tensor", "{tensor1} * {tensor2}"),
    *_sum("addcdiv", "tensor1: Tensor, tensor2: Tensor", "{tensor1} / {tensor2}"),
    *(
        form
        for name, sign in (("addcmul", "*"), ("addcdiv", "/"))
        for form in _sum(
            name,
            "tensor1: Tensor, tensor2: Tensor, *, value: number",
            f"{{value}} * {{tensor1}} {sign} {{tensor2}}",
        )
    ),
    *(form for operation, names in BINARY.items() for form in _arithmetic(names, operation)),
    # A tensor that is worked out right here is not repeated
    Form(
        f"{_methods('mul multiply')}(input: Tensor, other: any) -> Tensor",
        "@times({input}, {other})",
    ),
    Form(
        f"{_methods('div divide true_divide')}(input: Tensor, other: any) -> Tensor",
        "@over({input}, {other})",
    ),
    *_arithmetic("pow", "{input} ** {exponent}", "exponent"),
    Form(
        f"{_methods('div divide')}(input: Tensor, other: any, *, rounding_mode: 'floor') -> Tensor",
        _TYPED.format("{input} // {other}"),
    ),
    Form(
        f"{_methods('div divide')}(input: Tensor, other: any, *, rounding_mode: 'trunc') -> Tensor",
        "@divide_and_truncate({input}, {other}).astype({input}.dtype)",
    ),
    *(
        Form(
            f"{_methods(names)}(input: Tensor, other: any) -> Tensor",
            _TYPED.format(f"{{input}} {sign} {{other}}"),
        )
        for sign, names in COMPARISONS.items()
    ),
    *(
        Form(
            f"Tensor.{name}_(input: Tensor, other: any) -> Tensor",
            f"jnp.{name}({{input}}, {{other}}).astype({{input}}.dtype)",
        )
        for name in ("logical_and", "logical_or", "logical_xor")
    ),
    *(
        Form(
            f"Tensor.{name}_(input: Tensor, other: any) -> Tensor",
            f"{{input}} {sign} {{other}}",
        )
        for name, sign in (("bitwise_and", "&"), ("bitwise_or", "|"), ("bitwise_xor", "^"))
    ),
    Form(
        f"{_methods('logical_not')}(input: Tensor) -> Tensor",
        _TYPED.format("jnp.logical_not({input})"),
    ),
    *(
        Form(
            f"{_methods('clamp clip')}(input: Tensor, min: {bound} = None, max: {bound} = None) "
            "-> Tensor",
            template.format("@clamp({input}, min={min?}, max={max?})"),
        )
        for bound, template in (("number | None", "{}"), ("any", _TYPED))
    ),
    *(
        Form(
            f"Tensor.clamp_{side}_(input: Tensor, {side}: number) -> Tensor",
            f"@clamp({{input}}, {side}={{{side}}})",
        )
        for side in ("min", "max")
    ),
    Form("Tensor.zero_(input: Tensor) -> Tensor", "jnp.zeros_like({input})"),
    Form("Tensor.fill_(input: Tensor, value: any) -> Tensor", "jnp.full_like({input}, {value})"),
    Form(
        "Tensor.copy_(input: Tensor, src: any, non_blocking: any = False) -> Tensor",
        "jnp.broadcast_to({src}, {input}.shape).astype({input}.dtype)",
    ),
)
