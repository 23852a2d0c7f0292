"""Reading and writing at places."""

from __future__ import annotations

from jaxport.tables.forms import Form
from jaxport.tables.forms.pointwise import both

_NOT_TRACED = "not under `jit`: the shape depends on the values"
_PRODUCTS = "JAX has no gradient of a product: it raises"
_WHERE = "whole numbers become floats where the value is one; torch cuts the value"


def _masked_fill(names: str) -> list[Form]:
    """Filling where a mask is true; `jnp.where` gives the type of `input` for floats only."""
    return [
        Form(f"{names}(input: Tensor, mask: Tensor, value: {value}) -> Tensor", expression, differs)
        for value, expression, differs in (
            ("int", "@masked_fill({input}, {mask}, {value})", ""),
            ("float", "jnp.where({mask}, {value}, {input})", _WHERE),
            ("any", "@masked_fill({input}, {mask}, {value})", ""),
        )
    ]


def _scatter(name: str, source: str) -> list[Form]:
    """`scatter`, plain and with the reductions that it takes by name."""
    names = both(name, in_place=True)
    signature = f"{names}(input: Tensor, dim: int, index: Tensor, {source}: any"
    arguments = f"{{input}}, {{dim}}, {{index}}, {{{source}}}"
    return [
        Form(f"{signature}) -> Tensor", f"@scatter({arguments})"),
        Form(f"{signature}, *, reduce: 'add') -> Tensor", f"@scatter_add({arguments})"),
        Form(
            f"{signature}, *, reduce: 'multiply') -> Tensor",
            f'@scatter_reduce({arguments}, "prod")',
        ),
    ]


FORMS: tuple[Form, ...] = (
    Form(
        f"{both('gather')}(input: Tensor, dim: int, index: Tensor, *, "
        "sparse_grad: False = False) -> Tensor",
        "@gather({input}, {dim}, {index})",
    ),
    Form(
        f"{both('take_along_dim')}(input: Tensor, indices: Tensor, dim: int) -> Tensor",
        "jnp.take_along_axis({input}, {indices}, axis={dim})",
    ),
    Form(
        f"{both('take_along_dim')}(input: Tensor, indices: Tensor) -> Tensor",
        "jnp.take({input}, {indices}.ravel())",
    ),
    Form(f"{both('take')}(input: Tensor, index: Tensor) -> Tensor", "jnp.take({input}, {index})"),
    Form(
        f"{both('index_select')}(input: Tensor, dim: int, index: Tensor) -> Tensor",
        "jnp.take({input}, jnp.atleast_1d({index}), axis={dim})",
    ),
    Form(
        f"{both('masked_select')}(input: Tensor, mask: Tensor) -> Tensor",
        "@masked_select({input}, {mask})",
        _NOT_TRACED,
    ),
    Form(
        "torch.where(condition: Tensor) -> tuple[Tensor, ...]",
        "jnp.nonzero({condition})",
        _NOT_TRACED,
    ),
    Form(
        "torch.where(condition: Tensor, input: any, other: any) -> Tensor",
        "jnp.where({condition}, {input}, {other})",
    ),
    Form(
        "Tensor.where(input: Tensor, condition: Tensor, other: any) -> Tensor",
        "jnp.where({condition}, {input}, {other})",
    ),
    Form(
        f"{both('nonzero')}(input: Tensor, *, as_tuple: False = False) -> Tensor",
        "jnp.argwhere({input})",
        _NOT_TRACED,
    ),
    Form(
        "torch.argwhere, Tensor.argwhere(input: Tensor) -> Tensor",
        "jnp.argwhere({input})",
        _NOT_TRACED,
    ),
    Form(
        f"{both('nonzero')}(input: Tensor, *, as_tuple: True) -> tuple[Tensor, ...]",
        "jnp.nonzero({input})",
        _NOT_TRACED,
    ),
    Form(
        "torch.isin(elements: any, test_elements: any, *, assume_unique: bool = False, "
        "invert: bool = False) -> Tensor",
        "jnp.isin({elements}, {test_elements}, invert={invert?})",
    ),
    # Looking up in what is sorted
    *(
        Form(
            f"{names}, *, {options}right: {right}) -> Tensor",
            f'jnp.searchsorted({sequence}, {{input}}, side="{side}")',
            differs,
        )
        for names, sequence, options, differs in (
            (
                "torch.bucketize(input: any, boundaries: Tensor",
                "{boundaries}",
                "out_int32: bool = False, ",
                "",
            ),
            (
                "torch.searchsorted(sorted_sequence: Tensor, input: any",
                "{sorted_sequence}",
                "out_int32: bool = False, ",
                "raises where the sequence has more than one dimension",
            ),
        )
        for right, side in (("False = False", "left"), ("True", "right"))
    ),
    # Writing
    *_masked_fill(both("masked_fill", in_place=True)),
    Form(
        f"{both('masked_scatter', in_place=True)}(input: Tensor, mask: Tensor, source: Tensor) "
        "-> Tensor",
        "@masked_scatter({input}, {mask}, {source})",
    ),
    *_scatter("scatter", "src"),
    *_scatter("scatter", "value"),
    Form(
        f"{both('scatter_add', in_place=True)}"
        "(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor",
        "@scatter_add({input}, {dim}, {index}, {src})",
    ),
    Form(
        f"{both('scatter_reduce', in_place=True)}(input: Tensor, dim: int, index: Tensor, "
        "src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor",
        "@scatter_reduce({input}, {dim}, {index}, {src}, {reduce}, include_self={include_self?})",
        _PRODUCTS,
    ),
    Form(
        f"{both('index_add', in_place=True)}"
        "(input: Tensor, dim: 0, index: Tensor, source: Tensor) -> Tensor",
        "{input}.at[{index}].add({source})",
    ),
    Form(
        f"{both('index_add', in_place=True)}"
        "(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor",
        "@index_add({input}, {dim}, {index}, {source})",
    ),
    Form(
        f"{both('index_add', in_place=True)}(input: Tensor, dim: int, index: Tensor, "
        "source: Tensor, *, alpha: number) -> Tensor",
        "@index_add({input}, {dim}, {index}, {alpha} * {source})",
    ),
    Form(
        f"{both('index_copy', in_place=True)}"
        "(input: Tensor, dim: 0, index: Tensor, source: Tensor) -> Tensor",
        "{input}.at[{index}].set({source})",
    ),
    Form(
        f"{both('index_copy', in_place=True)}"
        "(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor",
        "@index_copy({input}, {dim}, {index}, {source})",
    ),
    Form(
        f"{both('index_fill', in_place=True)}"
        "(input: Tensor, dim: int, index: Tensor, value: any) -> Tensor",
        "@index_fill({input}, {dim}, {index}, {value})",
    ),
    Form(
        f"{both('index_put', in_place=True)}(input: Tensor, indices: list[Tensor], "
        "values: Tensor, accumulate: False = False) -> Tensor",
        "{input}.at[tuple({indices})].set({values})",
    ),
    Form(
        f"{both('index_put', in_place=True)}(input: Tensor, indices: list[Tensor], "
        "values: Tensor, accumulate: True) -> Tensor",
        "{input}.at[tuple({indices})].add({values})",
    ),
    Form(
        "Tensor.fill_diagonal_(input: Tensor, fill_value: any, wrap: False = False) -> Tensor",
        "jnp.fill_diagonal({input}, {fill_value}, inplace=False)",
    ),
)
