"""Random numbers: the same distributions, not the same numbers."""

from __future__ import annotations

from jaxport.tables.forms import Form
from jaxport.tables.forms.pointwise import both

# A generator of torch's has no counterpart: calls that are given one are not served.
_OPTIONS = (
    "generator: None = None, device: any = None, requires_grad: False = False, "
    "pin_memory: bool = False, out: None = None"
)
_SAME = "device: any = None, requires_grad: False = False, memory_format: any = None"
_GENERATOR = "*, generator: None = None"
_RECEIVER = "{input}.shape, {input}.dtype"


def _drawn(torch: str, jax: str) -> list[Form]:
    """`rand` or `randn`, and their `_like`, for which an argument is best a plain name."""
    return [
        Form(
            f"torch.{torch}(*size: int, dtype: dtype = None, {_OPTIONS}) -> Tensor",
            f"jax.random.{jax}({{key}}, {{size}}, dtype={{dtype?}})",
        ),
        Form(
            f"torch.{torch}_like(input: Tensor, *, dtype: None = None, {_SAME}) -> Tensor",
            f"jax.random.{jax}({{key}}, {_RECEIVER})",
        ),
        Form(
            f"torch.{torch}_like(input: Tensor, *, dtype: None = None, {_SAME}) -> Tensor",
            f"@{jax}_like({{key}}, {{input}})",
        ),
        Form(
            f"torch.{torch}_like(input: Tensor, *, dtype: dtype, {_SAME}) -> Tensor",
            f"jax.random.{jax}({{key}}, {{input}}.shape, {{dtype}})",
        ),
    ]


FORMS: tuple[Form, ...] = (
    *_drawn("rand", "uniform"),
    *_drawn("randn", "normal"),
    Form(
        f"torch.randint(high: int, size: shape, *, {_OPTIONS}) -> Tensor",
        "jax.random.randint({key}, {size}, 0, {high})",
    ),
    Form(
        f"torch.randint(high: int, size: shape, *, dtype: dtype, {_OPTIONS}) -> Tensor",
        "jax.random.randint({key}, {size}, 0, {high}).astype({dtype})",
    ),
    Form(
        f"torch.randint(low: int, high: int, size: shape, *, {_OPTIONS}) -> Tensor",
        "jax.random.randint({key}, {size}, {low}, {high})",
    ),
    Form(
        f"torch.randint(low: int, high: int, size: shape, *, dtype: dtype, {_OPTIONS}) -> Tensor",
        "jax.random.randint({key}, {size}, {low}, {high}).astype({dtype})",
    ),
    Form(
        f"torch.randint_like(input: Tensor, high: int, *, {_SAME}) -> Tensor",
        "@randint_like({key}, {input}, 0, {high})",
    ),
    Form(
        f"torch.randint_like(input: Tensor, low: int, high: int, *, {_SAME}) -> Tensor",
        "@randint_like({key}, {input}, {low}, {high})",
    ),
    Form(f"torch.randperm(n: int, *, {_OPTIONS}) -> Tensor", "jax.random.permutation({key}, {n})"),
    Form(
        "torch.normal(mean: number, std: number, size: shape, *, dtype: None = None, "
        f"{_OPTIONS}) -> Tensor",
        "{mean} + {std} * jax.random.normal({key}, {size})",
    ),
    Form(
        f"torch.normal(mean: any, std: any = 1.0, {_GENERATOR}) -> Tensor",
        "@normal({key}, {mean}, {std})",
    ),
    Form(
        f"{both('bernoulli')}(input: Tensor, {_GENERATOR}) -> Tensor",
        "@bernoulli({key}, {input})",
    ),
    Form(
        f"{both('multinomial')}(input: Tensor, num_samples: int, replacement: bool = False, "
        f"{_GENERATOR}) -> Tensor",
        "@multinomial({key}, {input}, {num_samples}, replacement={replacement?})",
    ),
    Form(
        "torch.poisson(input: Tensor) -> Tensor",
        "jax.random.poisson({key}, {input}).astype(jnp.float32)",
    ),
    # New values of a tensor: of a plain name, and of one that is worked out right here
    *(
        Form(f"Tensor.normal_(input: Tensor, {options}, {_GENERATOR}) -> Tensor", scale + drawn)
        for options, scale in (
            ("mean: 0 | 0.0 = 0, std: 1 | 1.0 = 1", ""),
            ("mean: 0 | 0.0 = 0, std: number = 1", "{std} * "),
            ("mean: number = 0, std: number = 1", "{mean} + {std} * "),
        )
        for drawn in (f"jax.random.normal({{key}}, {_RECEIVER})", "@normal_like({key}, {input})")
    ),
    # torch calls the lower bound `from`, which can be given by its place only
    *(
        Form(
            f"Tensor.uniform_(input: Tensor, low: number = 0, to: number = 1, {_GENERATOR}) "
            "-> Tensor",
            drawn,
        )
        for drawn in (
            f"jax.random.uniform({{key}}, {_RECEIVER}, minval={{low?}}, maxval={{to?}})",
            "@uniform_like({key}, {input}, low={low?}, high={to?})",
        )
    ),
    *(
        Form(f"Tensor.bernoulli_(input: Tensor, p: any = 0.5, {_GENERATOR}) -> Tensor", drawn)
        for drawn in (
            "jax.random.bernoulli({key}, {p}, {input}.shape).astype({input}.dtype)",
            "@bernoulli_like({key}, {input}, {p?})",
        )
    ),
    *(
        Form(f"Tensor.exponential_(input: Tensor, {options}{_GENERATOR}) -> Tensor", drawn + scale)
        for options, scale in (("", ""), ("lambd: number, ", " / {lambd}"))
        for drawn in (
            f"jax.random.exponential({{key}}, {_RECEIVER})",
            "@exponential_like({key}, {input})",
        )
    ),
    Form(
        f"Tensor.random_(input: Tensor, low: int, to: int, {_GENERATOR}) -> Tensor",
        "jax.random.randint({key}, {input}.shape, {low}, {to}).astype({input}.dtype)",
    ),
)
