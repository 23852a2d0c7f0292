"""Arithmetic item by item."""

from __future__ import annotations

from jaxport.tables.forms import Form

# Functions of one tensor, by the JAX function: those that are methods too, in place as well.
UNARY = {
    "@absolute": "abs absolute",
    "jnp.exp": "exp",
    "jnp.exp2": "exp2",
    "jnp.expm1": "expm1",
    "jnp.log": "log",
    "jnp.log2": "log2",
    "jnp.log10": "log10",
    "jnp.log1p": "log1p",
    "jnp.sqrt": "sqrt",
    "jax.lax.rsqrt": "rsqrt",
    "jnp.square": "square",
    "jnp.sin": "sin",
    "jnp.cos": "cos",
    "jnp.tan": "tan",
    "jnp.arcsin": "asin arcsin",
    "jnp.arccos": "acos arccos",
    "jnp.arctan": "atan arctan",
    "jnp.sinh": "sinh",
    "jnp.cosh": "cosh",
    "jnp.arcsinh": "asinh arcsinh",
    "jnp.arccosh": "acosh arccosh",
    "jnp.arctanh": "atanh arctanh",
    "jnp.sinc": "sinc",
    "jnp.floor": "floor",
    "jnp.ceil": "ceil",
    "jnp.trunc": "trunc fix",
    "jnp.deg2rad": "deg2rad",
    "jnp.rad2deg": "rad2deg",
    "jax.scipy.special.erf": "erf",
    "jax.scipy.special.erfc": "erfc",
    "jax.scipy.special.erfinv": "erfinv",
    "jax.scipy.special.gammaln": "lgamma",
    "jax.scipy.special.i0": "i0",
}
_DIFFERENCES = {
    "jax.lax.rsqrt": "raises for whole numbers",
    "jax.scipy.special.erfinv": "the last digits can differ",
    "jnp.arctan2": "its gradient where both are 0 is NaN; torch's is 0",
    "jax.scipy.special.xlogy": "its gradient where both are 0 is not finite; torch's is 0",
    "jnp.copysign": "its gradient at 0 is 1; torch's is 0",
    "jnp.fmax": "its gradient where both are equal goes to the second; torch's to the first",
    "jnp.fmin": "its gradient where both are equal goes to the second; torch's to the first",
}
_QUESTIONS = {
    "jnp.logical_not": "logical_not",
    "jnp.isnan": "isnan",
    "jnp.isinf": "isinf",
    "jnp.isfinite": "isfinite",
    "jnp.isposinf": "isposinf",
    "jnp.isneginf": "isneginf",
    "jnp.isreal": "isreal",
    "jnp.signbit": "signbit",
    "jnp.positive": "positive",
    "jnp.conj": "conj conj_physical",
    "@angle": "angle",
}
_SPECIAL = {
    "jax.scipy.special.erf": "erf",
    "jax.scipy.special.erfc": "erfc",
    "jax.scipy.special.erfinv": "erfinv",
    "jax.scipy.special.gammaln": "gammaln",
    "jax.scipy.special.i0": "i0",
    "jax.scipy.special.i0e": "i0e",
    "jax.scipy.special.i1": "i1",
    "jax.scipy.special.i1e": "i1e",
    "jax.scipy.special.entr": "entr",
    "jnp.exp2": "exp2",
    "jnp.expm1": "expm1",
    "jnp.log1p": "log1p",
    "jnp.sinc": "sinc",
}

# Operations on two values, by what stands for them in JAX, with the names that are methods too.
BINARY = {
    "{input} - {other}": "sub subtract",
    "{input} * {other}": "mul multiply",
    "{input} / {other}": "div divide true_divide",
    "{input} // {other}": "floor_divide",
    "jnp.remainder({input}, {other})": "remainder",
    "jnp.fmod({input}, {other})": "fmod",
}
COMPARISONS = {
    "==": "eq",
    "!=": "ne not_equal",
    "<": "lt less",
    "<=": "le less_equal",
    ">": "gt greater",
    ">=": "ge greater_equal",
}
_BITS = {
    "&": "bitwise_and",
    "|": "bitwise_or",
    "^": "bitwise_xor",
    "<<": "bitwise_left_shift",
    ">>": "bitwise_right_shift",
}
_TWO = {
    "jnp.maximum": "maximum",
    "jnp.minimum": "minimum",
    "jnp.fmax": "fmax",
    "jnp.fmin": "fmin",
    "jnp.logical_and": "logical_and",
    "jnp.logical_or": "logical_or",
    "jnp.logical_xor": "logical_xor",
    "jnp.arctan2": "atan2 arctan2",
    "jnp.hypot": "hypot",
    "jnp.logaddexp": "logaddexp",
    "jnp.logaddexp2": "logaddexp2",
    "jnp.copysign": "copysign",
    "jnp.gcd": "gcd",
    "jnp.lcm": "lcm",
    "jax.scipy.special.xlogy": "xlogy",
}


def both(names: str, in_place: bool = False) -> str:
    """The functions and the methods of these names, separated by commas."""
    methods = [f"Tensor.{name}{end}" for name in names.split() for end in ("", "_")[: 1 + in_place]]
    return ", ".join([*(f"torch.{name}" for name in names.split()), *methods])


def _unary(table: dict[str, str], in_place: bool = False) -> list[Form]:
    return [
        Form(
            f"{both(names, in_place)}(input: Tensor, *, out: None = None) -> Tensor",
            f"{function}({{input}})",
            _DIFFERENCES.get(function, ""),
        )
        for function, names in table.items()
    ]


FORMS: tuple[Form, ...] = (
    *_unary(UNARY, in_place=True),
    *_unary(_QUESTIONS),
    *(
        Form(
            f"{', '.join(f'torch.special.{name}' for name in names.split())}(input: Tensor) "
            "-> Tensor",
            f"{function}({{input}})",
            _DIFFERENCES.get(function, ""),
        )
        for function, names in _SPECIAL.items()
    ),
    Form(
        f"{both('sign sgn', in_place=True)}(input: Tensor) -> Tensor",
        "jnp.sign({input})",
        "the sign of NaN is NaN, torch's is 0; raises for bools",
    ),
    Form(f"{both('neg negative', in_place=True)}(input: Tensor) -> Tensor", "-{input}"),
    Form(f"{both('reciprocal', in_place=True)}(input: Tensor) -> Tensor", "1 / {input}"),
    Form(f"{both('bitwise_not', in_place=True)}(input: Tensor) -> Tensor", "~{input}"),
    Form(f"{both('frac', in_place=True)}(input: Tensor) -> Tensor", "jnp.fmod({input}, 1)"),
    Form(
        f"{both('round', in_place=True)}(input: Tensor, *, decimals: int = 0) -> Tensor",
        "jnp.round({input}, {decimals?})",
    ),
    Form(
        f"{both('logit', in_place=True)}(input: Tensor, eps: None = None) -> Tensor",
        "jax.scipy.special.logit({input})",
    ),
    Form(
        f"{both('nan_to_num', in_place=True)}(input: Tensor, nan: number | None = None, "
        "posinf: number | None = None, neginf: number | None = None) -> Tensor",
        "jnp.nan_to_num({input}, nan={nan?}, posinf={posinf?}, neginf={neginf?})",
    ),
    # Bounds
    Form(
        f"{both('clamp clip')}(input: Tensor, min: any = None, max: any = None) -> Tensor",
        "@clamp({input}, min={min?}, max={max?})",
    ),
    Form(
        f"{both('clamp_min')}(input: Tensor, min: any) -> Tensor",
        "@clamp({input}, min={min})",
    ),
    Form(
        f"{both('clamp_max')}(input: Tensor, max: any) -> Tensor",
        "@clamp({input}, max={max})",
    ),
    # Two values
    Form(f"{both('add')}(input: any, other: any) -> Tensor", "{input} + {other}"),
    Form(
        f"{both('add')}(input: any, other: any, *, alpha: number) -> Tensor",
        "{input} + {alpha} * {other}",
    ),
    Form(
        f"{both('sub subtract')}(input: any, other: any, *, alpha: number) -> Tensor",
        "{input} - {alpha} * {other}",
    ),
    Form(
        f"{both('div divide')}(input: any, other: any, *, rounding_mode: None) -> Tensor",
        "{input} / {other}",
    ),
    Form(
        f"{both('div divide')}(input: any, other: any, *, rounding_mode: 'floor') -> Tensor",
        "{input} // {other}",
    ),
    Form(
        f"{both('div divide')}(input: any, other: any, *, rounding_mode: 'trunc') -> Tensor",
        "@divide_and_truncate({input}, {other})",
    ),
    *(
        Form(f"{both(names)}(input: any, other: any) -> Tensor", operation)
        for operation, names in BINARY.items()
    ),
    *(
        Form(f"{both(names)}(input: any, other: any) -> Tensor", f"{{input}} {sign} {{other}}")
        for table in (COMPARISONS, _BITS)
        for sign, names in table.items()
    ),
    *(
        Form(
            f"{both(names)}(input: any, other: any) -> Tensor",
            f"{function}({{input}}, {{other}})",
            _DIFFERENCES.get(function, ""),
        )
        for function, names in _TWO.items()
    ),
    Form(
        "torch.special.xlogy(input: any, other: any) -> Tensor",
        "jax.scipy.special.xlogy({input}, {other})",
    ),
    Form(
        "torch.special.xlog1py(input: any, other: any) -> Tensor",
        "jax.scipy.special.xlog1py({input}, {other})",
    ),
    Form(f"{both('pow')}(input: any, exponent: any) -> Tensor", "{input} ** {exponent}"),
    Form(
        f"{both('lerp', in_place=True)}(input: Tensor, end: Tensor, weight: any) -> Tensor",
        "@lerp({input}, {end}, {weight})",
    ),
    Form(
        f"{both('addcmul')}(input: Tensor, tensor1: Tensor, tensor2: Tensor) -> Tensor",
        "{input} + {tensor1} * {tensor2}",
    ),
    Form(
        f"{both('addcmul')}"
        "(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: number) -> Tensor",
        "{input} + {value} * {tensor1} * {tensor2}",
    ),
    Form(
        f"{both('addcdiv')}(input: Tensor, tensor1: Tensor, tensor2: Tensor) -> Tensor",
        "{input} + {tensor1} / {tensor2}",
    ),
    Form(
        f"{both('addcdiv')}"
        "(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: number) -> Tensor",
        "{input} + {value} * {tensor1} / {tensor2}",
    ),
    Form(
        f"{both('isclose')}(input: Tensor, other: Tensor, rtol: float = 1e-05, "
        "atol: float = 1e-08, equal_nan: bool = False) -> Tensor",
        "jnp.isclose({input}, {other}, rtol={rtol?}, atol={atol?}, equal_nan={equal_nan?})",
    ),
    Form(
        f"{both('allclose')}(input: Tensor, other: Tensor, rtol: float = 1e-05, "
        "atol: float = 1e-08, equal_nan: bool = False) -> bool",
        "bool(jnp.allclose({input}, {other}, rtol={rtol?}, atol={atol?}, equal_nan={equal_nan?}))",
    ),
    Form(
        f"{both('equal')}(input: Tensor, other: Tensor) -> bool",
        "bool(jnp.array_equal({input}, {other}))",
    ),
    # Complex numbers
    Form("torch.complex(real: Tensor, imag: Tensor) -> Tensor", "jax.lax.complex({real}, {imag})"),
    Form("torch.real(input: Tensor) -> Tensor", "jnp.real({input})"),
    Form("torch.imag(input: Tensor) -> Tensor", "jnp.imag({input})"),
    Form("torch.polar(abs: Tensor, angle: Tensor) -> Tensor", "@polar({abs}, {angle})"),
    Form("torch.view_as_real(input: Tensor) -> Tensor", "@view_as_real({input})"),
    Form("torch.view_as_complex(input: Tensor) -> Tensor", "@view_as_complex({input})"),
)
