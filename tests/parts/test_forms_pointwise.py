"""Arithmetic item by item gives what torch gives, for all types of numbers and at the edges."""

from __future__ import annotations

import pytest
from forms_harness import accepted, check, forms, unused

from jaxport.tables.forms import parsed

# Functions of one tensor that are not defined everywhere: the array that they are tried on.
_DOMAINS = {
    "acosh": "pos", "arccosh": "pos", "atanh": "unit", "arctanh": "unit", "asin": "unit",
    "arcsin": "unit", "acos": "unit", "arccos": "unit", "erfinv": "unit", "log": "pos",
    "log2": "pos", "log10": "pos", "log1p": "pos", "sqrt": "pos", "rsqrt": "pos", "lgamma": "pos",
    "logit": "unit", "special.erfinv": "unit",
    "special.gammaln": "pos",
    "special.entr": "pos", "conj": "c", "conj_physical": "c", "imag": "c",
    "view_as_real": "c",
    "bitwise_not": "i",
}  # fmt: skip
_NOT_AT_EDGES = {"sign", "sgn", "sign_", "sgn_"}  # the sign of NaN
_NOT_WHOLE = {"rsqrt", "sign", "sgn"}
_MORE = {"clamp", "clip", "view_as_complex"}


def _one_tensor() -> list[str]:
    """Functions and methods of one tensor; every form on floats, edges, whole numbers and bools."""
    found = []
    for form in forms("pointwise"):
        for place, row in enumerate(parsed(form)):
            required = [item for item in row.parameters if item.default is None]
            kind, name = row.name.split(".", 1)
            if len(required) != 1 or name in _MORE:
                continue
            arrays = [_DOMAINS.get(name.rstrip("_"), "e" if name not in _NOT_AT_EDGES else "x")]
            if place == 0 and name not in _NOT_WHOLE:
                arrays += ["i", "b", "h"]
            sources = [
                f"torch.{name}({array})" if kind == "torch" else f"{array}.{name}()"
                for array in arrays
            ]
            assert accepted(sources[0]), sources[0]
            found += [source for source in sources if accepted(source)]
    return found


_PAIRS = ("e[:, None], e", "i, j", "i, 2", "i, 0.5", "h, 2", "b, b", "i, x", "h, m")


def _two_values() -> list[str]:
    """Functions and methods of two values; every form on all pairs."""
    found = []
    for form in forms("pointwise"):
        rows = parsed(form)
        names = [item.name for item in rows[0].parameters if item.default is None]
        if names != ["input", "other"]:
            continue
        found += [f"{rows[0].name}({pair})" for pair in _PAIRS]
        for row in rows[1:]:
            name = row.name.split(".", 1)[1]
            arguments = ("i", "j") if accepted(f"torch.{name}(i, j)") else ("x", "y")
            found.append(
                f"torch.{name}({', '.join(arguments)})"
                if row.name.startswith("torch")
                else f"{arguments[0]}.{name}({arguments[1]})"
            )
    return [source for source in found if accepted(source)]


_OTHERS = [
    "torch.add(x, y, alpha=2)", "x.add(y, alpha=0.5)", "torch.sub(i, j, alpha=3)",
    "x.sub(1, alpha=2)", "torch.subtract(x, y, alpha=0.1)", "torch.add(b, b)", "torch.mul(2, x)",
    "torch.div(i, j, rounding_mode=None)", "x.div(y, rounding_mode=None)",
    "torch.div(i, j, rounding_mode='floor')", "torch.div(x, y, rounding_mode='floor')",
    "torch.div(e[:, None], e, rounding_mode='floor')", "i.div(-3, rounding_mode='floor')",
    "torch.div(i, j, rounding_mode='trunc')", "torch.div(x, y, rounding_mode='trunc')",
    "i.div(-3, rounding_mode='trunc')", "i.div(2.5, rounding_mode='trunc')",
    "torch.div(u8, 2, rounding_mode='trunc')",
    "torch.div(i8, torch.abs(i8) + 1, rounding_mode='trunc')",
    "torch.pow(x, 2)", "x.pow(3)", "torch.pow(pos, 0.5)", "pos.pow(-1)", "torch.pow(2, x)",
    "torch.pow(pos, y)", "torch.pow(i, 2)", "torch.pow(i, j)", "torch.pow(i, 0.0)",
    "torch.pow(2, j)", "torch.pow(2.5, i)", "torch.pow(e[:, None], e)", "h.pow(2)",
    "torch.round(e)", "torch.round(pos, decimals=2)", "x.round(decimals=1)", "x.round()",
    "torch.clamp(x, -1, 1)", "x.clamp(min=0)", "torch.clip(x, max=0.5)", "x.clip(-0.5, 0.5)",
    "torch.clamp(e, 0, 2)", "torch.clamp(x, 1, -1)", "torch.clamp(i, 0.5)", "i.clamp(-2, 2)",
    "torch.clamp(x, min=y)", "x.clamp(y, z)", "h.clamp(-1, 1)", "u8.clamp(1, 3)",
    "torch.clamp_min(x, 0)", "e.clamp_min(0.5)", "torch.clamp_max(x, 0.1)", "i.clamp_max(2)",
    "torch.nan_to_num(e)", "e.nan_to_num(1.0)", "torch.nan_to_num(e, nan=0.0, posinf=9, neginf=-9)",
    "torch.nan_to_num(i)", "torch.logit(unit)",
    "torch.lerp(x, y, 0.25)", "x.lerp(y, z)", "torch.lerp(x, y, unit)",
    "torch.addcmul(x, y, z)", "x.addcmul(y, z, value=0.5)", "torch.addcdiv(x, y, pos)",
    "x.addcdiv(y, pos, value=-2)", "torch.addcmul(x, m, v)",
    "torch.isclose(x, x * 1.000001)", "torch.isclose(e, e)", "torch.isclose(e, e, equal_nan=True)",
    "x.isclose(y, rtol=0.5, atol=0.1)", "torch.allclose(x, x)", "x.allclose(y)",
    "torch.allclose(e, e)", "torch.allclose(e, e, equal_nan=True)", "torch.equal(x, x)",
    "x.equal(y)", "torch.equal(x, m)", "torch.equal(e, e)",
    "torch.complex(x, y)", "torch.polar(pos, x)", "torch.view_as_real(c)",
    "torch.view_as_complex(x[..., :2])", "torch.abs(c)", "torch.angle(c)", "torch.real(c)",
    "torch.imag(c)", "torch.exp(c)", "torch.conj(c)",
    "torch.sign(x)", "torch.sign(i)", "torch.sign(u8)", "x.sgn()", "torch.exp(torch.neg(x))",
    "torch.sqrt(torch.abs(x))",
]  # fmt: skip

SNIPPETS = list(dict.fromkeys([*_one_tensor(), *_two_values(), *_OTHERS]))


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS, rtol=2e-5)


def test_every_form_is_run() -> None:
    assert unused("pointwise", SNIPPETS) == []
