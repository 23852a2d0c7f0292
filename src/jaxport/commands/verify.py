"""`jaxport verify`: a ported model against its original, on the same weights and inputs."""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import dataclasses
import importlib
import importlib.util
import inspect
import math
import random
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxport.transfer import Layouts

_ABOUT = """\
Compare CLASS of FILE, a file that `jaxport port` wrote, with the torch class that it was. This
command imports both files and runs the code in them.

Both models are built with the same arguments, get the same weights, and are called with the same
random inputs, in evaluation mode and, with --train, in training mode. Parameters that start as
constants, such as ones and zeros, are changed at random, so that no layer is hidden behind them.
Outputs are compared, and so are buffers, such as running statistics.

  git worktree add ../before HEAD
  jaxport verify model.py:Net --against ../before/model.py --arguments "dim=8" \\
      --inputs "float32[2, 3, 32, 32]" "int64[2, 5]<100" "mask=bool[2, 5]"

Numbers are normal, integers from 0 to the bound, and anything else is read as a constant of Python.
The relative difference of a number is that to its own magnitude, or to the median magnitude in its
array where that is larger. Integers and truth values have to be equal.

Exit code: 0 within the tolerance, 1 beyond, 2 for errors."""

_INPUT = re.compile(
    r"(?P<dtype>[a-z]+\d*)\[(?P<shape>(?:\s*\d+\s*(?:,|(?=\])))*)\s*\](?:<(?P<bound>[1-9]\d*))?"
)
_REALS = ("float16", "float32", "float64", "complex64")
_NUMBERS = {bool: "bool", int: "int32", float: "float32", complex: "complex64"}
_AS_32_BITS = {"float64": "float32", "int64": "int32", "complex128": "complex64"}
_INTEGERS = ("uint8", "int8", "int16", "int32", "int64")


class VerifyError(Exception):
    """Something could not be run, so that there is nothing to compare."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's arguments."""
    run_ = commands.add_parser(
        "verify", help="run a ported model and its original, and compare", description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    run_.add_argument("target", metavar="FILE:CLASS", help="the ported file, and its model")
    run_.add_argument("--against", required=True, metavar="ORIGINAL[:CLASS]",
                      help="the file as it was for torch, in its own package")
    run_.add_argument("--arguments", default="", metavar="TEXT",
                      help='what the classes are called with, such as "dim=64, depth=2"')
    run_.add_argument("--inputs", nargs="+", default=[], metavar="INPUT",
                      help="what the models are called with")
    run_.add_argument("--seed", type=_seed_number, default=0, metavar="N",
                      help="of weights and inputs; default 0")
    run_.add_argument("--tolerance", type=_tolerance, default=1e-4, metavar="X",
                      help="the largest relative difference of equal numbers; default 1e-4")
    run_.add_argument("--train", action="store_true", help="compare in training mode as well")
    run_.set_defaults(run=run)


def _seed_number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 0 to 2147483647")
    return int(text)


def _tolerance(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 0 on")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Compare and report; 0 if all is within the tolerance, 1 if something is not, 2 for errors."""
    from jaxport.transfer import TargetError, target

    try:
        path, name = target(arguments.target)
        against, original = target(arguments.against, default=name)
        differences = list(_compare(*_sides(path, name, against, original), arguments))
    except (TargetError, VerifyError) as error:
        print(f"jaxport: {error}", file=sys.stderr)
        return 2
    width = max(len(item.where) for item in differences)
    for item in differences:
        print(f"{item.where:{width}}  {item}")
    far = [item.where for item in differences if item.is_beyond(arguments.tolerance)]
    both = f"{path}:{name} and {against}:{original}"
    if far:
        print(f"{both} differ by more than {arguments.tolerance:g} in {', '.join(far)}.")
        return 1
    print(f"{both} agree within {arguments.tolerance:g}.")
    return 0


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
class _Side:
    """A class or function of a file, and the project that the file belongs to."""

    path: Path
    name: str
    project: _Project

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
        from jaxport.transfer import CALLED

        with self.running("can't be imported"):
            module = self._module()
        function = getattr(module, self.name, None)
        if function is None:
            raise VerifyError(f"{self.path}: has no class `{self.name}`")
        hint = "" if arguments else "; --arguments gives what it needs"
        with self.running("can't be made", hint):
            names = {**vars(module), CALLED: lambda *args, **keywords: (args, keywords)}
            args, keywords = eval(f"{CALLED}({arguments})", names)
            return function(*args, **keywords, **_rngs(function, seed))

    def _module(self) -> ModuleType:
        from jaxport.transfer import module_name

        path = self.path.resolve()
        _, name = module_name(path)
        if "." in name or path.name == "__init__.py":
            module = importlib.import_module(name)
            if Path(_file(module)).resolve() != path:
                raise VerifyError(f"{self.path}: `{name}` is imported from {_file(module)}")
            return module
        # A name that is free, or was given to this file before.
        while name in sys.modules and Path(_file(sys.modules[name])).resolve() != path:
            name += "_"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None and spec.loader is not None
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]


def _sides(port: Path, name: str, original: Path, theirs: str) -> tuple[_Side, _Side]:
    """The port and the original, in one project where they start from the same folder."""
    from jaxport.transfer import module_name

    sides = []
    projects: dict[Path, _Project] = {}
    for path, kind in ((port, name), (original, theirs)):
        root, module = module_name(path)
        package = module.partition(".")[0] if root != path.resolve().parent else ""
        project = projects.setdefault(root, _Project(root, package))
        sides.append(_Side(path, kind, project))
    return sides[0], sides[1]


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
    if (dtype in _INTEGERS) != bool(bound):
        need = "needs a bound, as in" if dtype in _INTEGERS else "takes no bound, unlike"
        raise VerifyError(f"--inputs: `{text}` {need} int64[2, 5]<100")
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

    port: _Side
    original: _Side
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
        args, keywords = self._values(lambda array: torch.tensor(array))
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

        from jaxport.transfer import fill

        _seed(self.seed)
        model = self.port.make(self.arguments, self.seed)
        if not isinstance(model, nnx.Module):
            raise VerifyError(f"{self.port.path}: {self.port.name} makes no nnx.Module")
        try:
            fill(model, self.state, layouts)
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

    def _calling(self, side: _Side, mode: str) -> AbstractContextManager[None]:
        hint = "" if self.inputs else "; --inputs gives what it is called with"
        return side.running(f"can't be called on these inputs in {mode} mode", hint)

    def _check_shared(self, original: Any, model: Any, layouts: Layouts) -> None:
        """Raises VerifyError where parameters are one in torch, and several in the port."""
        from jaxport.transfer import variables

        ours = {name: id(variable) for name, _, variable, _ in variables(model, layouts)}
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
            if parameter.is_floating_point() and (parameter == parameter.flatten()[:1]).all():
                parameter += 0.1 * torch.randn_like(parameter)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer += 0.1 * torch.randn_like(buffer)
            elif name.endswith("running_var"):
                buffer *= 0.5 + torch.rand_like(buffer)


# Comparing


@dataclass(frozen=True)
class _Difference:
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


def _compare(
    port: _Side, original: _Side, arguments: argparse.Namespace
) -> Iterator[_Difference]:
    """Run both sides in all modes."""
    from jaxport import transfer

    for name in ("torch", "jax", "flax", "numpy"):
        if importlib.util.find_spec(name) is None:
            raise VerifyError(f"verify runs both models, and {name} is not installed")
    transfer.call(arguments.arguments)
    inputs = [_input(text) for text in arguments.inputs]
    layouts = transfer.functions(transfer.layouts(transfer.files(port.path)))
    both = _Comparison(port, original, arguments.arguments, inputs, arguments.seed)
    both.take_weights()
    for mode in ("eval", "train") if arguments.train else ("eval",):
        theirs = both.run_original(mode, arguments.seed)
        again = both.run_original(mode, arguments.seed + 1)
        if any(item.is_beyond(arguments.tolerance)
               for item in _differences(theirs.output, again.output, f"{mode} output")):
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


def _buffers(theirs: Any, ours: Any, layouts: Layouts, mode: str) -> Iterator[_Difference]:
    """Of the buffers that both models have the one that is furthest off."""
    from jaxport.transfer import as_array, variables

    buffers = dict(theirs.named_buffers(remove_duplicate=False))
    found = [
        _leaf(layout(as_array(buffers[name])), variable.get_value(), name)
        for name, _, variable, layout in variables(ours, layouts) if name in buffers
    ]  # fmt: skip
    if found:
        worst = max(found, key=lambda item: (bool(item.problem), item.relative))
        more = f"furthest of {len(found)}: {worst.where}"
        problem = worst.problem and f"{worst.where} {worst.problem}"
        yield dataclasses.replace(worst, where=f"{mode} buffers", kind=more, problem=problem)


def _differences(theirs: Any, ours: Any, where: str) -> Iterator[_Difference]:
    """The differences of all values inside of tuples, lists, dicts and dataclasses."""
    left, right = _inner(theirs), _inner(ours)
    if left is None and right is None:
        yield _leaf(theirs, ours, where)
    elif left is None or right is None or left.keys() != right.keys():
        mine, its = ("one value" if inner is None else ", ".join(inner) or "nothing"
                     for inner in (right, left))  # fmt: skip
        yield _Difference(where, problem=f"has {mine} instead of {its}")
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


def _leaf(theirs: Any, ours: Any, where: str) -> _Difference:
    """The difference of two arrays, numbers or other constants; VerifyError for anything else."""
    import numpy as np

    its, mine = _kind(theirs, where), _kind(ours, where)
    if its != mine:
        return _Difference(where, problem=f"is {mine} instead of {its}")
    if theirs is None or isinstance(theirs, (str, bytes)):
        return _Difference(where, its)
    left, right = _array(theirs, where), _array(ours, where)
    if left.dtype.kind in "biu":
        wrong = int((left != right).sum())
        problem = f"differs in {wrong} of {left.size} values" if wrong else ""
        return _Difference(where, its, problem=problem)
    finite = np.isfinite(left)
    if np.isnan(left).all() and left.size:
        raise VerifyError(f"{where} is not a number in torch, so that there is nothing to compare")
    if not np.isfinite(right[finite]).all() or not np.array_equal(
        left[~finite], right[~finite], equal_nan=True
    ):
        return _Difference(where, its, problem="has other infinite or undefined values")
    if not finite.any():
        return _Difference(where, its)
    difference, magnitude = abs(left - right)[finite], abs(left)[finite]
    usual = np.median(magnitude[magnitude > 0]) if magnitude.any() else 0.0
    scale = np.maximum(magnitude, max(usual, 1e-6))
    return _Difference(where, its, float(difference.max()), float((difference / scale).max()))


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

    from jaxport.transfer import as_array

    try:
        array = as_array(value.resolve_conj() if hasattr(value, "resolve_conj") else value)
    except (TypeError, RuntimeError) as error:  # sparse, quantized, …
        raise VerifyError(f"{where} can't be compared: {error}") from None
    if array.dtype.kind in "biu":
        return array
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
