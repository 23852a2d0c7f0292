"""Sums, extremes, norms, orders and counts."""

from __future__ import annotations

from jaxport.tables.forms import Form
from jaxport.tables.forms.pointwise import both

_DIM = "dim: int | shape | None = None, keepdim: bool = False"
_AXIS = "axis={dim?}, keepdims={keepdim?}"
# Where JAX takes dimensions as a tuple, and as no list.
_HASHED = (("int | None = None", "{dim?}"), ("shape", "tuple({dim})"))
# How the correction of `std` and `var` can be given: to torch, to a part, to `jnp.var`.
_CORRECTIONS = (
    ("unbiased: True", "", "ddof=1"),
    ("unbiased: False", ", correction=0", "ddof=0"),
    (
        "dim: int | shape | None = None, *, correction: number = 1, keepdim: bool = False",
        ", dim={dim?}, correction={correction?}, keepdim={keepdim?}",
        "axis={dim?}, ddof={correction}, keepdims={keepdim?}",
    ),
    (
        "dim: int | shape | None, unbiased: True, keepdim: bool = False",
        ", dim={dim}, keepdim={keepdim?}",
        "axis={dim}, ddof=1, keepdims={keepdim?}",
    ),
    (
        "dim: int | shape | None, unbiased: False, keepdim: bool = False",
        ", dim={dim}, correction=0, keepdim={keepdim?}",
        "axis={dim}, ddof=0, keepdims={keepdim?}",
    ),
)
_ALL_DIMS = "with no dimension in `dim` torch reduces all, JAX none"
_UNSIGNED = f"{_ALL_DIMS}; of `uint8` it is `uint32`"
_NARROW = "8 and 16 bit integers stay what they are, and can overflow"
_PAIR = "ValuesAndIndices"


def _reduction(
    name: str, function: str, options: str, arguments: str, differences: str
) -> list[Form]:
    """A reduction as a function and, with the same arguments, as a method."""
    return [
        Form(
            f"torch.{name}(input: Tensor, {options}) -> Tensor",
            f"jnp.{function}({{input}}, {arguments})",
            differences,
        ),
        Form(
            f"Tensor.{name}(input: Tensor, {options}) -> Tensor",
            f"{{input}}.{function}({arguments})",
            differences,
        ),
    ]


def _spread() -> list[Form]:
    """`std` and `var`, alone and with the mean; the correction is JAX's `ddof`."""
    forms = []
    for options, part, function in _CORRECTIONS:
        forms += [
            Form(
                f"{both('std')}(input: Tensor, {options}) -> Tensor",
                f"@std({{input}}{part})",
                _ALL_DIMS,
            ),
            *_reduction("var", "var", options, function, _ALL_DIMS),
            *(
                Form(
                    f"torch.{name}(input: Tensor, {options}) -> tuple[Tensor, Tensor]",
                    f"@{name}({{input}}{part})",
                    _ALL_DIMS,
                )
                for name in ("std_mean", "var_mean")
            ),
        ]
    return forms


def _extreme(name: str, function: str) -> list[Form]:
    """`max` and `min`: of everything, along a dimension, of two tensors."""
    return [
        Form(f"torch.{name}(input: Tensor) -> Tensor", f"jnp.{name}({{input}})"),
        Form(f"Tensor.{name}(input: Tensor) -> Tensor", f"{{input}}.{name}()"),
        Form(
            f"{both(name)}(input: Tensor, dim: int, keepdim: bool = False) -> {_PAIR}",
            f"@{name}_with_indices({{input}}, {{dim}}, keepdim={{keepdim?}})",
        ),
        Form(
            f"{both(name)}(input: Tensor, other: Tensor) -> Tensor",
            f"jnp.{function}({{input}}, {{other}})",
        ),
        *_reduction(f"a{name}", name, _DIM, _AXIS, _ALL_DIMS),
        *_reduction(
            f"arg{name}", f"arg{name}", "dim: int | None = None, keepdim: bool = False", _AXIS, ""
        ),
        Form(
            f"{both(f'cum{name}')}(input: Tensor, dim: int) -> {_PAIR}",
            f"@cum{name}({{input}}, {{dim}})",
        ),
    ]


FORMS: tuple[Form, ...] = (
    *_reduction(
        "sum", "sum", f"{_DIM}, *, dtype: dtype = None", f"{_AXIS}, dtype={{dtype?}}", _UNSIGNED
    ),
    *_reduction(
        "mean", "mean", f"{_DIM}, *, dtype: dtype = None", f"{_AXIS}, dtype={{dtype?}}", _ALL_DIMS
    ),
    *_reduction(
        "prod",
        "prod",
        "dim: int | None = None, keepdim: bool = False, *, dtype: dtype = None",
        f"{_AXIS}, dtype={{dtype?}}",
        "of `uint8` it is `uint32`",
    ),
    *_reduction("all", "all", _DIM, _AXIS, "of `uint8` it is `bool`"),
    *_reduction("any", "any", _DIM, _AXIS, "of `uint8` it is `bool`"),
    *_spread(),
    *_extreme("max", "maximum"),
    *_extreme("min", "minimum"),
    *(
        Form(
            f"{both(name)}(input: Tensor, dim: {dim}, keepdim: bool = False, *, "
            "dtype: dtype = None) -> Tensor",
            f"jnp.{name}({{input}}, axis={axis}, keepdims={{keepdim?}}, dtype={{dtype?}})",
            _ALL_DIMS,
        )
        for name in ("nansum", "nanmean")
        for dim, axis in _HASHED
    ),
    *(
        Form(
            f"{both('count_nonzero')}(input: Tensor, dim: {dim}) -> Tensor",
            f"jnp.count_nonzero({{input}}, axis={axis})",
            _ALL_DIMS,
        )
        for dim, axis in _HASHED
    ),
    Form(
        f"{both('logsumexp')}(input: Tensor, dim: int | shape, keepdim: bool = False) -> Tensor",
        "jax.nn.logsumexp({input}, axis={dim}, keepdims={keepdim?})",
        _ALL_DIMS,
    ),
    Form(
        f"{both('quantile')}(input: Tensor, q: any, dim: int | None = None, "
        "keepdim: bool = False, *, interpolation: str = 'linear') -> Tensor",
        "jnp.quantile({input}, {q}, axis={dim?}, keepdims={keepdim?}, method={interpolation?})",
    ),
    *(
        Form(
            f"{both(name, in_place=True)}"
            "(input: Tensor, dim: int, *, dtype: dtype = None) -> Tensor",
            f"jnp.{name}({{input}}, axis={{dim}}, dtype={{dtype?}})",
            _NARROW,
        )
        for name in ("cumsum", "cumprod")
    ),
    Form(
        f"{both('diff')}(input: Tensor, n: int = 1, dim: int = -1, "
        "prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor",
        "jnp.diff({input}, n={n?}, axis={dim?}, prepend={prepend?}, append={append?})",
    ),
    # Norms
    Form(
        f"{both('norm')}(input: Tensor, p: 'fro' = 'fro', {_DIM}) -> Tensor",
        "@vector_norm({input}, dim={dim?}, keepdim={keepdim?})",
    ),
    Form(
        f"{both('norm')}(input: Tensor, p: number, {_DIM}) -> Tensor",
        "@vector_norm({input}, {p}, dim={dim?}, keepdim={keepdim?})",
    ),
    Form(
        f"torch.linalg.norm(A: Tensor, ord: None = None, {_DIM}) -> Tensor",
        "@vector_norm({A}, dim={dim?}, keepdim={keepdim?})",
    ),
    Form(
        "torch.linalg.norm(A: Tensor, ord: number, dim: int, keepdim: bool = False) -> Tensor",
        "@vector_norm({A}, {ord}, {dim}, keepdim={keepdim?})",
    ),
    Form(
        "torch.linalg.norm(A: Tensor, ord: number | str, dim: shape | None = None, "
        "keepdim: bool = False) -> Tensor",
        "jnp.linalg.norm({A}, ord={ord}, axis={dim?}, keepdims={keepdim?})",
    ),
    Form(
        f"torch.linalg.vector_norm(x: Tensor, ord: number = 2, {_DIM}) -> Tensor",
        "@vector_norm({x}, {ord?}, dim={dim?}, keepdim={keepdim?})",
    ),
    Form(
        "torch.linalg.matrix_norm(A: Tensor, ord: number | str = 'fro', *, keepdim: bool = False) "
        "-> Tensor",
        "jnp.linalg.matrix_norm({A}, ord={ord?}, keepdims={keepdim?})",
    ),
    # Orders
    Form(
        f"{both('sort')}(input: Tensor, dim: int = -1, descending: bool = False, "
        f"stable: bool = False) -> {_PAIR}",
        "@sort_with_indices({input}, dim={dim?}, descending={descending?})",
    ),
    Form(
        f"{both('argsort')}(input: Tensor, dim: int = -1, descending: bool = False, "
        "stable: bool = False) -> Tensor",
        "jnp.argsort({input}, axis={dim?}, descending={descending?})",
    ),
    Form(
        f"{both('topk')}(input: Tensor, k: int, dim: int = -1, largest: bool = True, "
        f"sorted: bool = True) -> {_PAIR}",
        "@top_k({input}, {k}, dim={dim?}, largest={largest?})",
        "of equal values it takes the first ones",
    ),
    Form(
        f"{both('kthvalue')}"
        f"(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> {_PAIR}",
        "@kth_value({input}, {k}, dim={dim?}, keepdim={keepdim?})",
        "which one of equal values the index means can differ",
    ),
    Form(f"{both('median')}(input: Tensor) -> Tensor", "@median({input})"),
    Form(
        f"{both('median')}(input: Tensor, dim: int, keepdim: bool = False) -> {_PAIR}",
        "@median_with_indices({input}, {dim}, keepdim={keepdim?})",
        "which one of equal values the index means can differ",
    ),
    # Counts
    Form(
        f"{both('bincount')}(input: Tensor, weights: Tensor | None = None, minlength: int = 0) "
        "-> Tensor",
        "jnp.bincount({input}, weights={weights?}, minlength={minlength?})",
    ),
    Form(
        f"{both('histc')}(input: Tensor, bins: int = 100, min: number = 0, max: number = 0) "
        "-> Tensor",
        "@histc({input}, {bins?}, low={min?}, high={max?})",
    ),
    *(
        Form(
            f"{both('unique')}(input: Tensor, sorted: bool = True, *, {options}, "
            f"dim: int | None = None) -> {gives}",
            f"jnp.unique({{input}}, {arguments}axis={{dim?}}, equal_nan=False)",
        )
        for options, arguments, gives in (
            ("return_inverse: False = False, return_counts: False = False", "", "Tensor"),
            (
                "return_inverse: True, return_counts: False = False",
                "return_inverse=True, ",
                "tuple[Tensor, Tensor]",
            ),
            (
                "return_inverse: False = False, return_counts: True",
                "return_counts=True, ",
                "tuple[Tensor, Tensor]",
            ),
            (
                "return_inverse: True, return_counts: True",
                "return_inverse=True, return_counts=True, ",
                "tuple[Tensor, Tensor, Tensor]",
            ),
        )
    ),
    Form(f"{both('unique_consecutive')}(input: Tensor) -> Tensor", "@runs({input})[0]"),
    Form(
        f"{both('unique_consecutive')}"
        "(input: Tensor, return_inverse: True) -> tuple[Tensor, Tensor]",
        "@runs({input})[:2]",
    ),
    Form(
        f"{both('unique_consecutive')}(input: Tensor, *, return_counts: True) "
        "-> tuple[Tensor, Tensor]",
        "@runs({input})[::2]",
    ),
    Form(
        f"{both('unique_consecutive')}"
        "(input: Tensor, return_inverse: True, return_counts: True) "
        "-> tuple[Tensor, Tensor, Tensor]",
        "@runs({input})",
    ),
)
