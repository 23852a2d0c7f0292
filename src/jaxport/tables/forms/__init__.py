"""How calls of torch functions and tensor methods are written in JAX: one row a form."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from functools import cache

from jaxport.records import record

# The names that a form may use, and the modules that they are.
ROOTS = {"jnp": "jax.numpy", "jax": "jax", "nnx": "flax.nnx", "np": "numpy", "math": "math",
         "einops": "einops", "functools": "functools"}  # fmt: skip
_PART = re.compile(r"@(\w+)")


@record(frozen=True)
class Form:
    """A call of torch and the JAX expression that replaces it.

    Args:
        torch: the names and the signature that are served, as
            `"torch.cat, torch.concat(tensors: list[Tensor], dim: int = 0) -> Tensor"`. The first
            parameter of a `Tensor.` method is its receiver.
        jax: the expression, with `{parameter}` for an argument (or its default), `{parameter?}` for
            one that goes away where it is not given, `{key}` for a PRNG key, `@name(…)` for a part.
        differences: what a user has to know although the numbers agree.
    """

    torch: str
    jax: str
    differences: str = ""


@record(frozen=True)
class Parameter:
    """A parameter of a form's signature; `default` is source text, None where it has none."""

    name: str
    annotation: str
    default: str | None = None
    keyword_only: bool = False
    variadic: bool = False

    @property
    def literals(self) -> tuple[object, ...] | None:
        """The only values that are served, where the annotation is made of constants."""
        return _literals(self.annotation)


@record(frozen=True)
class Row:
    """A form for one name, its signature taken apart."""

    name: str
    parameters: tuple[Parameter, ...]
    gives: str
    jax: str


def needed_modules(template: str) -> tuple[str, ...]:
    """The modules that the expression of a row names: `jax.numpy` for `jnp`."""
    return tuple(
        module for root, module in ROOTS.items() if re.search(rf"(?<![\w.]){root}\.", template)
    )


def called_parts(template: str) -> tuple[str, ...]:
    """The parts that the expression of a row calls."""
    return tuple(_PART.findall(template))


@cache
def rows() -> dict[str, tuple[Row, ...]]:
    """The rows of all files of this folder by torch name: the overloads in their order."""
    found: dict[str, list[Row]] = defaultdict(list)
    for module in pkgutil.iter_modules(__path__):
        for form in importlib.import_module(f"{__name__}.{module.name}").FORMS:
            for row in parsed(form):
                found[row.name].append(row)
    return {name: tuple(overloads) for name, overloads in found.items()}


def parsed(form: Form) -> list[Row]:
    """The rows of `form`, one for each of its names."""
    names, signature = form.torch.split("(", 1)
    function = ast.parse(f"def f({signature}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    gives = ast.unparse(function.returns) if function.returns is not None else "Tensor"
    parameters = tuple(_parameters(function.args))
    return [Row(name.strip(), parameters, gives, form.jax) for name in names.split(",")]


def _parameters(arguments: ast.arguments) -> list[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += arguments.defaults
    found = [_parameter(*pair) for pair in zip(positional, defaults, strict=True)]
    if arguments.vararg is not None:
        found.append(_parameter(arguments.vararg, None, variadic=True))
    found += [
        _parameter(argument, default, keyword_only=True)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return found


def _parameter(
    argument: ast.arg, default: ast.expr | None, keyword_only: bool = False, variadic: bool = False
) -> Parameter:
    return Parameter(
        argument.arg,
        ast.unparse(argument.annotation) if argument.annotation is not None else "any",
        None if default is None else ast.unparse(default),
        keyword_only,
        variadic,
    )


@cache
def _literals(annotation: str) -> tuple[object, ...] | None:
    found: list[object] = []
    nodes = [ast.parse(annotation, mode="eval").body]
    while nodes:
        match nodes.pop(0):
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                nodes[:0] = [left, right]
            case ast.Constant(value=value):
                found.append(value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                found.append(-value)
            case _:
                return None
    return tuple(found)
