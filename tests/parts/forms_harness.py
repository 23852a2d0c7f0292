"""Runs a torch expression, and the JAX expression that its form makes of it, and compares them.

A snippet is a torch expression over the named arrays of `ARRAYS`: every bare name in it is one of
them. `port_expression` writes it in JAX; `check` evaluates both and compares types, shapes, values.
"""

from __future__ import annotations

import ast
import functools
import importlib
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import einops
import jax
import jax.numpy as jnp
import numpy as np
import torch

from jaxport.parts import tensor as tensor_parts
from jaxport.tables import constants
from jaxport.tables.forms import Form, Parameter, parsed

torch.set_num_threads(1)

# Expanding

_PLACE = re.compile(r"\{(\*?)(\w+)(\??)\}")
_NUMBERS = {"int", "float", "bool"}
_FITTING = {
    "Tensor": {"tensor"}, "int": {"int", "bool"}, "float": {"float", "int"}, "number": _NUMBERS,
    "shape": {"sequence"}, "list[Tensor]": {"sequence"}, "list[int]": {"sequence"},
    "device": {"device", "str"},
}  # fmt: skip
TOPICS = (
    "creation", "shapes", "pointwise", "reductions", "indexing", "linalg", "inplace",
    "random_numbers", "dtypes",
)  # fmt: skip


def forms(topic: str) -> tuple[Form, ...]:
    """The forms of one table."""
    found: tuple[Form, ...] = importlib.import_module(f"jaxport.tables.forms.{topic}").FORMS
    return found


@functools.cache
def _overloads() -> dict[str, list[tuple[Form, tuple[Parameter, ...], str]]]:
    found: dict[str, list[tuple[Form, tuple[Parameter, ...], str]]] = {}
    for topic in TOPICS:
        for form in forms(topic):
            for row in parsed(form):
                found.setdefault(row.name, []).append((form, row.parameters, row.gives))
    return found


def port_expression(source: str) -> str:
    """The torch expression `source` in JAX; LookupError where no form fits."""
    return ast.unparse(_Port().visit(ast.parse(source, mode="eval")))


def forms_used(source: str) -> list[Form]:
    """The forms that porting `source` takes."""
    port = _Port()
    port.visit(ast.parse(source, mode="eval"))
    return port.used


def unused(topic: str, snippets: Iterable[str]) -> list[str]:
    """The forms of a table that no snippet takes."""
    used = {form for snippet in snippets for form in forms_used(snippet)}
    return [form.torch for form in forms(topic) if form not in used]


class _Port(ast.NodeTransformer):
    """Writes every call of torch as its form does, the inner ones first."""

    def __init__(self) -> None:
        self.used: list[Form] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = _dotted(node.func)
        method = not name.startswith(("torch.", "math.", "np.")) and isinstance(
            node.func, ast.Attribute
        )
        if method:
            assert isinstance(node.func, ast.Attribute)
            name = f"Tensor.{node.func.attr}"
        if not name.startswith(("torch.", "Tensor.")):
            return self.generic_visit(node)
        form, given = _chosen(node, name, method)
        self.used.append(form)
        ported = {key: [self.visit(item) for item in items] for key, items in given.items()}
        return _filled(form, ported)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = _dotted(node)
        if name in constants.CONSTANTS:
            return ast.parse(constants.CONSTANTS[name], mode="eval").body
        return self.generic_visit(node)


def _dotted(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
    return ""


def _chosen(call: ast.Call, name: str, method: bool) -> tuple[Form, dict[str, list[ast.expr]]]:
    arguments = list(call.args)
    if method:
        assert isinstance(call.func, ast.Attribute)
        arguments.insert(0, call.func.value)
    for form, parameters, _ in _overloads().get(name, []):
        given = _bound(parameters, arguments, call.keywords)
        if given is not None and _fits(form, parameters, given):
            return form, given
    raise LookupError(f"no form for `{ast.unparse(call)}`")


def _bound(
    parameters: Sequence[Parameter], arguments: Sequence[ast.expr], keywords: list[ast.keyword]
) -> dict[str, list[ast.expr]] | None:
    rest = list(arguments)
    found: dict[str, list[ast.expr]] = {}
    names = {item.name for item in parameters}
    for parameter in parameters:
        if parameter.variadic:
            found[parameter.name], rest = rest, []
        elif not parameter.keyword_only and rest:
            found[parameter.name] = [rest.pop(0)]
    if rest:
        return None
    for keyword in keywords:
        name = keyword.arg or ""
        if name not in names:
            name = constants.KEYWORD_ALIASES.get(name, "")
        if name not in names or found.get(name):
            return None
        found[name] = [keyword.value]
    missing = [
        item for item in parameters
        if item.name not in found and item.default is None and not item.variadic
    ]  # fmt: skip
    return None if missing else found


def _fits(form: Form, parameters: Sequence[Parameter], given: dict[str, list[ast.expr]]) -> bool:
    for parameter in parameters:
        for argument in given.get(parameter.name, []):
            if _repeated(form, parameter.name) and any(
                isinstance(item, ast.Call) for item in ast.walk(argument)
            ):
                return False
            if not _agrees(parameter, argument):
                return False
    return True


def _repeated(form: Form, name: str) -> bool:
    """Whether the template evaluates the argument more than once."""
    return [match[1] for match in _PLACE.findall(form.jax)].count(name) > 1


def _agrees(parameter: Parameter, argument: ast.expr) -> bool:
    if parameter.literals is not None:
        try:
            value = ast.literal_eval(argument)
        except ValueError:
            return False
        return any(value == item and type(value) is type(item) for item in parameter.literals)
    wanted: set[str] = {"sequence"} if parameter.variadic else set()
    for annotation in parameter.annotation.split(" | "):
        wanted |= _FITTING.get(annotation, {annotation})
    return "any" in wanted or isinstance(argument, ast.Starred) or _kind(argument) in wanted


def _kind(node: ast.expr) -> str:
    """What the value is, as far as an annotation asks: `tensor` where nothing says otherwise."""
    match node:
        case ast.Constant(value=value):
            return "None" if value is None else type(value).__name__
        case ast.UnaryOp(operand=operand):
            return _kind(operand)
        case ast.Tuple() | ast.List() | ast.ListComp() | ast.Attribute(attr="shape"):
            return "sequence"
        case ast.BinOp(left=left, right=right):
            kinds = {_kind(left), _kind(right)}
            return "tensor" if kinds - _NUMBERS else "float" if "float" in kinds else "int"
        case ast.Subscript(value=ast.Attribute(attr="shape")) | ast.Attribute(attr="ndim"):
            return "int"
        case ast.Call(func=ast.Name(id=name)) if name in (*_NUMBERS, "tuple", "list", "range"):
            return name if name in _NUMBERS else "sequence"
        case ast.Attribute(attr="dtype"):
            return "dtype"
        case ast.Attribute(attr=attr) if _dotted(node).startswith(("torch.", "math.")):
            return "float" if attr in ("pi", "inf", "nan", "e") else "dtype"
        case ast.Call():
            return _given(node)
    return "tensor"


def _given(call: ast.Call) -> str:
    """The kind of what a call gives, by the return annotation of its form."""
    name = _dotted(call.func)
    method = not name.startswith("torch.")
    if method:
        name = f"Tensor.{name.rsplit('.', 1)[-1]}"
    form, _ = _chosen(call, name, method)
    gives = {gives for item, _, gives in _overloads()[name] if item is form}.pop()
    return {"Tensor": "tensor", "shape": "sequence"}.get(gives, gives)


def _filled(form: Form, given: Mapping[str, list[ast.expr]]) -> ast.expr:
    """The form's expression with the arguments in place of the placeholders."""
    parameters = {item.name: item for row in parsed(form) for item in row.parameters}
    values: dict[str, list[ast.expr]] = {}

    def place(match: re.Match[str]) -> str:
        star, name, optional = match.groups()
        if name == "key":
            return "key"
        marker = f"_place_{'star_' if star else ''}{name}"
        if name in given and parameters[name].variadic:
            values[marker] = list(given[name]) if star else [_tuple(given[name])]
        elif name in given:
            values[marker] = list(given[name])
        else:
            default = parameters[name].default
            values[marker] = [] if optional else [ast.parse(str(default), mode="eval").body]
        return marker

    template = re.sub(r"@(?=\w)", "", _PLACE.sub(place, form.jax))
    filled = _Fill(values).visit(ast.parse(template, mode="eval")).body
    assert isinstance(filled, ast.expr)
    return filled


def _tuple(arguments: list[ast.expr]) -> ast.expr:
    if len(arguments) == 1 and not isinstance(arguments[0], (ast.Constant, ast.UnaryOp, ast.BinOp)):
        only = arguments[0]
        return only.value if isinstance(only, ast.Starred) else only
    return ast.Tuple(arguments, ast.Load())


class _Fill(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, list[ast.expr]]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        found = self.values.get(node.id)
        return node if found is None else found[0]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        func = self.visit(node.func)
        args: list[ast.expr] = []
        for item in node.args:
            found = self.values.get(item.id) if isinstance(item, ast.Name) else None
            args += [self.visit(item)] if found is None else found
        keywords = [
            ast.keyword(item.arg, self.visit(item.value))
            for item in node.keywords
            if not (isinstance(item.value, ast.Name) and self.values.get(item.value.id) == [])
        ]
        return ast.Call(func, args, keywords)


# Running

_EDGES = [
    float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 3.0, -7.25,
]  # fmt: skip


def _arrays() -> dict[str, Any]:
    random = np.random.default_rng(0)

    def uniform(*shape: int) -> np.ndarray[Any, Any]:
        return random.uniform(-2, 2, shape).astype(np.float32)

    square = uniform(3, 3)
    positive = square @ square.T + 3 * np.eye(3, dtype=np.float32)
    return {
        "x": uniform(2, 3, 4), "y": uniform(2, 3, 4), "z": uniform(2, 3, 4),
        "pos": uniform(2, 3, 4) + 2.5, "unit": uniform(2, 3, 4) / 4 + 0.5,
        "m": uniform(3, 4), "m2": uniform(3, 4), "v": uniform(4), "w": uniform(4), "s": uniform(),
        "one": uniform(1, 3, 1, 4), "sq": square, "spd": positive,
        "bsq": np.stack([square, positive, positive]),
        "e": np.array(_EDGES, np.float32),
        "h": uniform(3, 4).astype(np.float16),
        "i": random.integers(-5, 6, (2, 3, 4)), "j": random.integers(1, 4, (2, 3, 4)),
        "iv": np.array([3, 1, 3, 0]), "n": np.array([2, 0, 1]),
        "ties": random.integers(0, 3, (2, 3, 4)).astype(np.float32),
        "i32": random.integers(-5, 6, (3, 4)).astype(np.int32),
        "i8": random.integers(-5, 6, (3, 4)).astype(np.int8),
        "u8": random.integers(0, 6, (3, 4)).astype(np.uint8),
        "b": random.integers(0, 2, (2, 3, 4)).astype(bool), "bm": np.eye(3, 4, dtype=bool),
        "bv": np.array([True, False, True, True]),
        "c": (uniform(3, 4) + 1j * uniform(3, 4)).astype(np.complex64),
    }  # fmt: skip


ARRAYS: dict[str, Any] = _arrays()
_TORCH_TO_JAX = {
    "float64": "float32", "int64": "int32", "complex128": "complex64", "uint64": "uint32",
}  # fmt: skip


def _parts() -> dict[str, object]:
    found: dict[str, object] = {}
    for item in pkgutil.iter_modules(tensor_parts.__path__):
        module: ModuleType = importlib.import_module(f"{tensor_parts.__name__}.{item.name}")
        found.update({
            name: value for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__
        })  # fmt: skip
    return found


PARTS = _parts()
JAX_NAMES: dict[str, Any] = {
    "jnp": jnp, "jax": jax, "np": np, "einops": einops, "math": __import__("math"), **PARTS,
}  # fmt: skip
TORCH_NAMES: dict[str, Any] = {"torch": torch, "np": np, "math": JAX_NAMES["math"]}


def names_in(source: str, arrays: Mapping[str, Any]) -> list[str]:
    """The arrays that the expression reads."""
    nodes = ast.walk(ast.parse(source, mode="eval"))
    return sorted({node.id for node in nodes if isinstance(node, ast.Name) and node.id in arrays})


def run_torch(source: str, arrays: Mapping[str, Any] = ARRAYS) -> Any:
    """The value of a torch expression."""
    names = names_in(source, arrays)
    tensors = {name: torch.from_numpy(np.array(arrays[name])) for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(source, {**TORCH_NAMES, **tensors})


def run_jax(source: str, arrays: Mapping[str, Any] = ARRAYS) -> Any:
    """The value of a JAX expression; a warning is an error."""
    values = {name: jnp.asarray(arrays[name]) for name in names_in(source, arrays)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return eval(source, {**JAX_NAMES, "key": jax.random.key(0), **values})


def check(source: str, batch: Sequence[str] = (), rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """`source` gives the same in torch and, ported, in JAX.

    What of `batch` can be traced is compiled at once, which takes a tenth of the time.
    """
    ported = port_expression(source)
    compiled = _compiled(tuple(batch))
    actual = compiled[source] if source in compiled else run_jax(ported)
    same(run_torch(source), actual, f"{source}  ->  {ported}", rtol, atol)


def check_on(source: str, arrays: Mapping[str, Any]) -> None:
    """`check` with arrays of one's own."""
    ported = port_expression(source)
    message = f"{source}  ->  {ported}  on  {dict(arrays)}"
    same(run_torch(source, arrays), run_jax(ported, arrays), message)


@functools.cache
def _compiled(sources: tuple[str, ...]) -> dict[str, Any]:
    """What the JAX expressions give under `jit`, of those that can be traced and give arrays."""
    ported = {source: port_expression(source) for source in sources}
    traced = [source for source in sources if can_be_compiled(ported[source])]
    found: dict[str, Any] = {}
    for first in range(0, len(traced), 50):
        chunk = traced[first : first + 50]
        functions = [_function(ported[source], ARRAYS) for source in chunk]
        values = [_values(ported[source], ARRAYS) for source in chunk]
        run = jax.jit(
            lambda values, functions=functions: [
                function(*items) for function, items in zip(functions, values, strict=True)
            ]
        )
        found.update(zip(chunk, run(values), strict=True))
    return found


def can_be_compiled(ported: str) -> bool:
    """Whether the expression can be traced, with nothing but arrays as its result."""
    results: list[Any] = []

    def function(*values: Any) -> Any:
        results.append(_function(ported, ARRAYS)(*values))
        return results[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            jax.eval_shape(function, *_values(ported, ARRAYS))
        except Exception:  # said again, and better, when it is run
            return False
    return all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(results))


def _function(ported: str, arrays: Mapping[str, Any]) -> Callable[..., Any]:
    """The JAX expression as a function of the arrays that it reads."""
    names = names_in(ported, arrays)
    code = compile(ported, "ported", "eval")

    def function(*values: Any) -> Any:
        bound = dict(zip(names, values, strict=True))
        return eval(code, {**JAX_NAMES, "key": jax.random.key(0), **bound})

    return function


def _values(ported: str, arrays: Mapping[str, Any]) -> list[jax.Array]:
    return [jnp.asarray(arrays[name]) for name in names_in(ported, arrays)]


def check_gradient(source: str, batch: Sequence[str]) -> None:
    """The gradients of a weighted sum of the floats in the result agree with torch's."""
    names = _leaves(source)
    tensors = {
        name: torch.from_numpy(np.array(ARRAYS[name])).requires_grad_(name in names)
        for name in names_in(source, ARRAYS)
    }
    loss: Any = sum((item * _weights(item)).sum() for item in _floats(
        eval(source, {**TORCH_NAMES, **tensors})
    ))  # fmt: skip
    loss.backward()
    ported = port_expression(source)
    gradients = _gradients(tuple(batch))
    assert source in gradients, f"no gradient of {ported}"
    for name, actual in zip(names, gradients[source], strict=True):
        expected = tensors[name].grad
        np.testing.assert_allclose(
            actual,
            torch.zeros_like(tensors[name]) if expected is None else expected,
            rtol=1e-4, atol=1e-5, err_msg=f"{source}  ->  {ported}  by  {name}",
        )  # fmt: skip


@functools.cache
def _gradients(sources: tuple[str, ...]) -> dict[str, list[jax.Array]]:
    """The gradients of the JAX expressions by the arrays of floats that they read."""
    arrays = {name: jnp.asarray(value) for name, value in ARRAYS.items()}
    sources = tuple(source for source in sources if _has_gradient(source, arrays))
    found: dict[str, list[jax.Array]] = {}
    for first in range(0, len(sources), 25):
        chunk = sources[first : first + 25]
        run = jax.jit(
            lambda arrays, chunk=chunk: [_gradient(source, arrays) for source in chunk]
        )
        found.update(zip(chunk, run(arrays), strict=True))
    return found


def _has_gradient(source: str, arrays: Mapping[str, jax.Array]) -> bool:
    """Whether JAX has a gradient of the expression."""
    try:
        jax.eval_shape(functools.partial(_gradient, source), arrays)
    except Exception:  # what is missing here fails the test of the source
        return False
    return True


def _gradient(source: str, arrays: Mapping[str, jax.Array]) -> list[jax.Array]:
    ported = port_expression(source)
    names = _leaves(source)

    def loss(*values: jax.Array) -> jax.Array:
        given = {**arrays, **dict(zip(names, values, strict=True))}
        result = eval(ported, {**JAX_NAMES, **given})
        return sum(
            (jnp.sum(item * jnp.asarray(_weights(item).numpy())) for item in _floats(result)),
            start=jnp.zeros(()),
        )

    return list(jax.grad(loss, range(len(names)))(*(arrays[name] for name in names)))


def _leaves(source: str) -> list[str]:
    """The arrays of floats that the expression reads."""
    return [name for name in names_in(source, ARRAYS) if ARRAYS[name].dtype == np.float32]


def _floats(result: Any) -> list[Any]:
    """The arrays of floats in a result."""
    items = [result] if hasattr(result, "dtype") else list(result)
    return [item for item in items if str(item.dtype).rsplit(".", 1)[-1].startswith("float")]


def _weights(result: Any) -> torch.Tensor:
    """Weights that differ from item to item, with the shape of the result."""
    shape = tuple(result.shape)
    return torch.cos(torch.arange(float(np.prod(shape)))).reshape(shape)


def same(expected: Any, actual: Any, message: str, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Fails where a JAX value is not what torch gave, 64-bit types being 32-bit ones in JAX."""
    if isinstance(expected, torch.Tensor):
        assert isinstance(actual, jax.Array), message
        assert tuple(expected.shape) == actual.shape, message
        name = str(expected.dtype).removeprefix("torch.")
        assert _TORCH_TO_JAX.get(name, name) == actual.dtype.name, f"{message}: {actual.dtype}"
        half = name in ("float16", "bfloat16")
        np.testing.assert_allclose(
            np.asarray(actual.astype(jnp.float32) if name == "bfloat16" else actual),
            (expected.float() if half else expected).resolve_conj().numpy(),
            rtol=1e-2 if half else rtol, atol=1e-2 if half else atol, err_msg=message,
        )  # fmt: skip
    elif isinstance(expected, (tuple, list)):
        assert isinstance(actual, (tuple, list)), message
        assert len(expected) == len(actual), message
        for one, other in zip(expected, actual, strict=True):
            same(one, other, message, rtol, atol)
    elif isinstance(expected, torch.dtype):
        name = str(expected).removeprefix("torch.")
        assert _TORCH_TO_JAX.get(name, name) == jnp.dtype(actual).name, message
    else:
        assert type(expected) is type(actual), f"{message}: {actual!r}"
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=message)


def accepted(source: str) -> bool:
    """Whether torch takes these arguments."""
    try:
        run_torch(source)
    except (RuntimeError, TypeError, NotImplementedError):
        return False
    return True
