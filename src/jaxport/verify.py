"""Runs a torch model and its port in one process, from the same weights, and compares them."""

from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import importlib
import importlib.util
import inspect
import random
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxport import transfer
from jaxport.transfer import Layouts

_INPUT = re.compile(
    r"(?P<dtype>[a-z]+\d*)\[(?P<shape>(?:\s*\d+\s*(?:,|(?=\])))*)\s*\](?:\s*<\s*(?P<bound>\d+))?"
)
# The largest bounds; JAX's integers have 32 bits.
_INTEGERS = {"uint8": 2**8, "int8": 2**7, "int16": 2**15, "int32": 2**31, "int64": 2**31}
_REALS = ("float16", "float32", "float64", "complex64")
_NUMBERS = {bool: "bool", int: "int32", float: "float32", complex: "complex64"}
_AS_32_BITS = {"float64": "float32", "int64": "int32", "complex128": "complex64"}


class VerifyError(Exception):
    """Something could not be run, so that there is nothing to compare."""


# Two projects in one process


@dataclass
class _Project:
    """The files below a folder, whose modules are only loaded while they are needed.

    Two projects may have modules of the same names, and each finds its own. The modules of
    `package` are the project's even where it is installed.
    """

    root: Path
    package: str
    modules: dict[str, ModuleType] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def imported(self) -> Iterator[None]:
        """Within, imports start from the project's folder, and its modules are loaded."""
        before, path, silent = set(sys.modules), sys.path[:], sys.dont_write_bytecode
        sys.dont_write_bytecode = True  # nothing is left in the project's folders
        sys.modules.update(self.modules)
        sys.path[:] = self.path or [str(self.root), *path]
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.dont_write_bytecode = silent
            self.path, sys.path[:] = sys.path[:], path
            added = {self.root, *(Path(item).resolve() for item in self.path if item not in path)}
            self.modules = {
                name: module for name, module in sys.modules.items()
                if name not in before and (
                    name.partition(".")[0] == self.package
                    or any(_is_below(_file(module), folder) for folder in added)
                )
            }  # fmt: skip
            for name in self.modules:
                del sys.modules[name]


def _file(module: ModuleType) -> str:
    """The file or, without one, the folder of the module; empty for what is built in."""
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")


def _is_below(file: str, folder: Path) -> bool:
    """Whether the file is in the folder, and not installed there."""
    path = Path(file).resolve()
    if not file or not path.is_relative_to(folder):
        return False
    return not {"site-packages", "dist-packages"} & {folder.name, *path.relative_to(folder).parts}


@dataclass
class Side:
    """A class or function of a file, and the project that the file belongs to."""

    path: Path
    name: str
    project: _Project
    file: Path  # resolved, since the code may change the working directory

    @contextlib.contextmanager
    def running(self, doing: str, hint: str = "") -> Iterator[None]:
        """Within, the code of the project can run. What it raises becomes a VerifyError."""
        try:
            # Standard output is for the report.
            with self.project.imported(), contextlib.redirect_stdout(sys.stderr):
                yield
        except VerifyError:
            raise
        except (Exception, SystemExit) as error:  # the code may raise anything
            text = next(iter(str(error).strip().splitlines()), "")
            frames = [frame for frame in traceback.extract_tb(error.__traceback__)
                      if _is_below(frame.filename, self.project.root)]  # fmt: skip
            place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
            raise VerifyError(
                f"{self.path}: {self.name} {doing}: {type(error).__name__}: {text}{place}{hint}"
            ) from None

    def make(self, arguments: str, seed: int) -> Any:
        """An object of the class, with `rngs` if it takes any."""
        with self.running("can't be imported"):
            module = self._module()
        function = getattr(module, self.name, None)
        if function is None:
            raise VerifyError(f"{self.path}: has no class `{self.name}`")
        hint = "" if arguments else "; --arguments gives what it needs"
        with self.running("can't be made", hint):
            names = {**vars(module), transfer.CALLED: lambda *args, **keywords: (args, keywords)}
            args, keywords = eval(f"{transfer.CALLED}({arguments})", names)
            return function(*args, **keywords, **_rngs(function, seed))

    def _module(self) -> ModuleType:
        _, name = transfer.module_name(self.file)
        if "." in name or self.file.name == "__init__.py":
            module = importlib.import_module(name)
            if Path(_file(module)).resolve() != self.file:
                raise VerifyError(f"{self.path}: `{name}` is imported from {_file(module)}")
            return module
        # A name that is free, or was given to this file before.
        while name in sys.modules and Path(_file(sys.modules[name])).resolve() != self.file:
            name += "_"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, self.file)
            assert spec is not None and spec.loader is not None
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]


def sides(port: Path, name: str, original: Path, theirs: str) -> tuple[Side, Side]:
    """The port and the original, in one project where they start from the same folder."""
    projects: dict[Path, _Project] = {}

    def side(path: Path, name: str) -> Side:
        root, module = transfer.module_name(path)
        package = module.partition(".")[0] if root != path.resolve().parent else ""
        project = projects.setdefault(root, _Project(root, package))
        return Side(path, name, project, path.resolve())

    return side(port, name), side(original, theirs)


def _rngs(function: Any, seed: int) -> dict[str, Any]:
    """The random numbers that a function or class of the port takes."""
    from flax import nnx

    called: Any = function
    if isinstance(function, type):  # the metaclass of NNX hides the signature
        called = called.__init__
    return {"rngs": nnx.Rngs(seed)} if "rngs" in inspect.signature(called).parameters else {}


# Running


@dataclass(frozen=True)
class _Input:
    """A constant, or an array by its dtype, its shape, and the bound of integers."""

    name: str
    constant: Any = None
    dtype: str = ""
    shape: tuple[int, ...] = ()
    bound: int = 0

    def value(self, generator: Any) -> Any:
        """The constant, or an array of numpy with values from `generator`."""
        import numpy as np

        if not self.dtype:
            return self.constant
        if self.dtype == "bool":
            return generator.random(self.shape) < 0.5
        if self.dtype in _INTEGERS:
            return np.asarray(generator.integers(0, self.bound, self.shape)).astype(self.dtype)
        values = np.asarray(generator.standard_normal(self.shape))
        if self.dtype == "complex64":
            values = values + 1j * generator.standard_normal(self.shape)
        return values.astype(self.dtype)


def _input(text: str) -> _Input:
    """An input as the command line gives it; VerifyError where it can't be read."""
    named = re.fullmatch(r"\s*(?:([^\W\d]\w*)\s*=)?\s*(.*?)\s*", text, re.DOTALL)
    assert named is not None
    name, rest = named[1] or "", named[2]
    match = _INPUT.fullmatch(rest)
    if match is None:
        try:
            return _Input(name, constant=ast.literal_eval(rest))
        except (ValueError, SyntaxError):
            raise VerifyError(
                f"--inputs: `{text}` is neither like float32[2, 3] or int64[2]<10 nor a constant"
            ) from None
    dtype, bound = match["dtype"], int(match["bound"] or 0)
    if dtype not in (*_REALS, *_INTEGERS, "bool"):
        raise VerifyError(f"--inputs: `{dtype}` in `{text}` is no dtype")
    if dtype in _INTEGERS and not 0 < bound <= _INTEGERS[dtype]:
        most = _INTEGERS[dtype]
        raise VerifyError(f"--inputs: `{text}` needs a bound up to {most}, as in int64[2, 5]<100")
    if dtype not in _INTEGERS and match["bound"]:
        raise VerifyError(f"--inputs: `{text}` takes no bound")
    shape = tuple(int(size) for size in match["shape"].split(",") if size.strip())
    return _Input(name, dtype=dtype, shape=shape, bound=bound)


@dataclass
class _Run:
    """A model after a call, and what the call returned."""

    model: Any
    output: Any


@dataclass
class _Comparison:
    """Two models that are called on the same inputs with the weights `state`, torch's names."""

    port: Side
    original: Side
    arguments: str
    inputs: list[_Input]
    seed: int
    state: dict[str, Any] = field(default_factory=dict)

    def take_weights(self) -> None:
        """Let the original's initial weights be those of all models that are run."""
        import torch

        _seed(self.seed)
        model = self.original.make(self.arguments, self.seed)
        if not isinstance(model, torch.nn.Module):
            raise VerifyError(f"{self.original.path}: {self.original.name} makes no torch module")
        with self.original.running("can't be made"):
            _disturb(model)
            self.state = copy.deepcopy(model.state_dict())

    def run_original(self, mode: str, seed: int) -> _Run:
        """A new model of torch and its output, from the random numbers of `seed`."""
        import torch

        _seed(self.seed)
        model = self.original.make(self.arguments, self.seed)
        args, keywords = self._values(torch.tensor)
        with self._calling(self.original, mode), torch.no_grad():
            model.load_state_dict(self.state)
            model.train(mode == "train")
            _seed(seed)
            return _Run(model, model(*args, **keywords))

    def run_port(self, mode: str, original: Any, layouts: Layouts) -> _Run:
        """A new model of the port, with the weights of `original`, and its output."""
        import jax
        import jax.numpy as jnp
        from flax import nnx

        _seed(self.seed)
        model = self.port.make(self.arguments, self.seed)
        if not isinstance(model, nnx.Module):
            raise VerifyError(f"{self.port.path}: {self.port.name} makes no nnx.Module")
        try:
            transfer.fill(model, self.state, layouts)
        except ValueError as error:
            raise VerifyError(f"{self.port.path}: {error}") from None
        self._check_shared(original, model, layouts)
        args, keywords = self._values(jnp.asarray)
        with self._calling(self.port, mode), jax.default_matmul_precision("highest"):
            model.train() if mode == "train" else model.eval()
            _seed(self.seed)
            return _Run(model, model(*args, **keywords, **_rngs(model.__call__, self.seed)))

    def _values(self, array: Callable[[Any], Any]) -> tuple[list[Any], dict[str, Any]]:
        """The inputs, arrays made by `array`: those without and those with a name."""
        import numpy as np

        generator = np.random.default_rng(self.seed)
        values = [(item.name, item.value(generator)) for item in self.inputs]
        made = [(name, array(value) if hasattr(value, "dtype") else value)
                for name, value in values]  # fmt: skip
        return [value for name, value in made if not name], {n: value for n, value in made if n}

    def _calling(self, side: Side, mode: str) -> AbstractContextManager[None]:
        hint = "" if self.inputs else "; --inputs gives what it is called with"
        return side.running(f"can't be called on these inputs in {mode} mode", hint)

    def _check_shared(self, original: Any, model: Any, layouts: Layouts) -> None:
        """Raises VerifyError where parameters are one in torch, and several in the port."""
        ours = {name: id(variable) for name, _, variable, _ in transfer.variables(model, layouts)}
        first: dict[int, str] = {}
        for name, parameter in original.named_parameters(remove_duplicate=False):
            other = first.setdefault(id(parameter), name)
            if ours.get(name) != ours.get(other):
                raise VerifyError(
                    f"{self.port.path}: {other} and {name} are one parameter in the original, "
                    "and two in the port"
                )


def _seed(seed: int) -> None:
    """Start all random numbers that a model may draw from."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _disturb(model: Any) -> None:
    """Change what starts as a constant: parameters, and the statistics of batch norms."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            same = parameter.numel() and (parameter == parameter.flatten()[0]).all()
            if parameter.is_floating_point() and same:
                parameter += 0.1 * torch.randn_like(parameter)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer += 0.1 * torch.randn_like(buffer)
            elif name.endswith("running_var"):
                buffer *= 0.5 + torch.rand_like(buffer)


# Comparing


@dataclass(frozen=True)
class Difference:
    """How far a value of the port is from torch's, or what else is wrong with it.

    `kind` is torch's dtype and shape, or a note.
    """

    where: str
    kind: str = ""
    absolute: float = 0.0
    relative: float = 0.0
    problem: str = ""

    def is_beyond(self, tolerance: float) -> bool:
        """Whether the values differ in more than rounding."""
        return bool(self.problem) or self.relative > tolerance

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        return f"absolute {self.absolute:.1e}  relative {self.relative:.1e}  {self.kind}"


def compare(
    port: Side,
    original: Side,
    arguments: str,
    inputs: Sequence[str],
    seed: int,
    tolerance: float,
    train: bool,
) -> Iterator[Difference]:
    """The differences of outputs and buffers in evaluation mode and, with `train`, in training.

    Args:
        arguments: what both classes are called with, as in a call.
        inputs: what both models are called with, as the command line gives it.
        seed: of the weights, of the inputs, and of what the models draw.
        tolerance: the relative difference from which on an output of torch's counts as random.

    Raises TargetError or VerifyError where there is nothing to compare.
    """
    for name in ("torch", "jax", "flax.nnx"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise VerifyError(f"needs PyTorch, JAX and Flax to run both models: {error}") from None
    transfer.call(arguments)
    given = [_input(text) for text in inputs]
    layouts = transfer.functions(transfer.layouts(transfer.files(port.path)))
    both = _Comparison(port, original, arguments, given, seed)
    both.take_weights()
    for mode in ("eval", "train") if train else ("eval",):
        theirs = both.run_original(mode, seed)
        again = both.run_original(mode, seed + 1)
        repeated = _differences(theirs.output, again.output, f"{mode} output")
        if any(item.is_beyond(tolerance) for item in repeated):
            raise VerifyError(
                f"{original.path}: {original.name} draws random numbers in {mode} mode, "
                "so that there is nothing to compare"
            )
        ours = both.run_port(mode, theirs.model, layouts)
        outputs = list(_differences(theirs.output, ours.output, f"{mode} output"))
        if all(item.kind in ("", "None") and not item.problem for item in outputs):
            raise VerifyError(f"{original.path}: {original.name} returns nothing to compare")
        yield from outputs
        yield from _buffers(theirs.model, ours.model, layouts, mode)


def _buffers(theirs: Any, ours: Any, layouts: Layouts, mode: str) -> Iterator[Difference]:
    """Of the buffers that both models have the one that is furthest off."""
    buffers = dict(theirs.named_buffers(remove_duplicate=False))
    found = [
        _leaf(layout(transfer.as_array(buffers[name])), variable.get_value(), name)
        for name, _, variable, layout in transfer.variables(ours, layouts) if name in buffers
    ]  # fmt: skip
    if found:
        worst = max(found, key=lambda item: (bool(item.problem), item.relative))
        more = f"furthest of {len(found)}: {worst.where}"
        problem = worst.problem and f"{worst.where} {worst.problem}"
        yield dataclasses.replace(worst, where=f"{mode} buffers", kind=more, problem=problem)


def _differences(theirs: Any, ours: Any, where: str) -> Iterator[Difference]:
    """The differences of all values inside of tuples, lists, dicts and dataclasses."""
    if hasattr(ours, "get_value"):  # a Variable
        ours = ours.get_value()
    left, right = _inner(theirs), _inner(ours)
    if left is None and right is None:
        yield _leaf(theirs, ours, where)
    elif left is None or right is None or left.keys() != right.keys():
        mine, its = ("one value" if inner is None else ", ".join(inner) or "nothing"
                     for inner in (right, left))  # fmt: skip
        yield Difference(where, problem=f"has {mine} instead of {its}")
    else:
        for key, value in left.items():
            yield from _differences(value, right[key], f"{where}{key}")


def _inner(value: Any) -> dict[str, Any] | None:
    """The values inside of a value by how they are reached, None where it is a single one."""
    if isinstance(value, Mapping):
        return {f"[{key!r}]": item for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return {f"[{number}]": item for number, item in enumerate(value)}
    if dataclasses.is_dataclass(value) and not hasattr(value, "dtype"):
        return {f".{item.name}": getattr(value, item.name) for item in dataclasses.fields(value)}
    return None


def _leaf(theirs: Any, ours: Any, where: str) -> Difference:
    """The difference of two arrays, numbers or other constants; VerifyError for anything else."""
    import numpy as np

    its, mine = _kind(theirs, where), _kind(ours, where)
    if its != mine:
        return Difference(where, problem=f"is {mine} instead of {its}")
    if theirs is None or isinstance(theirs, (str, bytes)):
        return Difference(where, its, problem="" if theirs == ours else f"ends unlike {its}")
    left, right = _array(theirs, where), _array(ours, where)
    if left.dtype.kind in "biu":
        wrong = int((left != right).sum())
        problem = f"differs in {wrong} of {left.size} values" if wrong else ""
        return Difference(where, its, problem=problem)
    finite = np.isfinite(left)
    if np.isnan(left).all() and left.size:
        raise VerifyError(f"{where} is not a number in torch, so that there is nothing to compare")
    if not np.isfinite(right[finite]).all() or not np.array_equal(
        left[~finite], right[~finite], equal_nan=True
    ):
        return Difference(where, its, problem="has other infinite or undefined values")
    if not finite.any():
        return Difference(where, its)
    difference, magnitude = abs(left - right)[finite], abs(left)[finite]
    usual = np.median(magnitude[magnitude > 0]) if magnitude.any() else 0.0
    scale = np.maximum(magnitude, max(usual, 1e-6))
    return Difference(where, its, float(difference.max()), float((difference / scale).max()))


def _kind(value: Any, where: str) -> str:
    """The dtype, 64 bits counted as 32, and shape of a value, or the value where it is text."""
    if value is None or isinstance(value, (str, bytes)):
        return f"{value!r:.60}"
    if type(value) in _NUMBERS:
        return f"{_NUMBERS[type(value)]}[]"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        name = str(value.dtype).removeprefix("torch.")
        return f"{_AS_32_BITS.get(name, name)}{[*value.shape]}"
    raise VerifyError(f"{where} is of type {type(value).__name__}, which can't be compared")


def _array(value: Any, where: str) -> Any:
    """An array or number for numpy, in double precision if it is no integer."""
    import numpy as np

    try:
        array = transfer.as_array(value.resolve_conj() if hasattr(value, "resolve_conj") else value)
    except (TypeError, RuntimeError) as error:  # sparse, quantized, …
        raise VerifyError(f"{where} can't be compared: {error}") from None
    if array.dtype.kind in "biu":
        return array
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
