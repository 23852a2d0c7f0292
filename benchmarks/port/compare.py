"""Run one file's constructions in torch and in the port, from the same weights, and compare.

For each construction:

* the port's initial values are compared with torch's: what is constant in torch (ones, zeros,
  tables of positions) must be the same, what is random must have the same spread and shape;
* constants are then disturbed (a LayerScale of 1e-6 would hide the layers behind it), and torch's
  state is carried over by `transfer`;
* both are called on the same inputs in eval mode, and fresh copies of both in training mode, on
  shared random numbers where the call is random; outputs are compared, and so are parameters and
  buffers after each call (running statistics);
* whether the call can be traced, as `jax.jit` does, is noted but no part of the verdict;
* on request, the gradients of a random combination of all outputs are compared, in eval mode.

A difference is the largest absolute one of a tensor, divided by the tensor's largest magnitude.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx
from numpy.typing import NDArray

from benchmarks.port.construction import Construction, realise
from benchmarks.port.draws import shared_in_jax, shared_in_torch
from benchmarks.port.importing import importing, provide_missing
from benchmarks.port.transfer import Entry, TransferError, entries, state_of, transfer

TOLERANCE = 1e-4
# Gradients sum up more rounding, and some are zero but for it (that of a bias before a softmax).
GRADIENT_TOLERANCE = 1e-3
# Smaller tensors than this say too little about the distribution they are drawn from.
ENOUGH = 256

Array = NDArray[Any]
Mode = Literal["eval", "train"]
MODES: tuple[Mode, Mode] = ("eval", "train")


@dataclass
class Outcome:
    """What came out of one construction.

    `differences` has the largest relative difference for each mode that was run, and for
    "gradient"; `remarks` says what differs by more than TOLERANCE, and `error` why something could
    not be run. `untraced` is the error if the call cannot be traced; the verdict is without it.
    """

    label: str
    differences: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    error: str = ""
    untraced: str = ""

    @property
    def verdict(self) -> Literal["ok", "DIFFERS", "fails"]:
        if self.error:
            return "fails"
        return "DIFFERS" if self.remarks else "ok"


@dataclass(frozen=True)
class _Original:
    """What torch did with a construction.

    `model` has the weights that both sides start from; `start` are the values that the constructor
    gave, of which those in `constant` do not depend on the seed. `outputs` and `states` are what a
    call in each mode returned and left behind. A function has one output, under "eval".
    `gradients` are those of the parameters that torch trains, if asked for.
    """

    model: Any
    start: dict[str, torch.Tensor]
    constant: frozenset[str]
    outputs: dict[Mode, Any]
    states: dict[Mode, dict[str, torch.Tensor]]
    gradients: dict[str, torch.Tensor]


def judge(
    package: str,
    originals: Path,
    ports: Path | None,
    constructions: Sequence[Construction],
    gradients: bool = False,
) -> list[Outcome]:
    """Judge constructions of one file of `package`.

    The package's files are below the folder `originals`, their ports below `ports`. Without
    `ports` only torch is run, and what the constructions say of random numbers is checked.
    """
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    provide_missing()
    outcomes = [Outcome(construction.label()) for construction in constructions]
    pairs = list(zip(constructions, outcomes, strict=True))
    done: dict[int, _Original] = {}
    with importing(package, originals, torch_allowed=True):
        for number, (construction, outcome) in enumerate(pairs):
            with _reporting(outcome, "torch: "):
                done[number] = _run_torch(package, construction, gradients)
                if ports is None:
                    outcome.remarks += _randomness(package, construction)
    if ports is not None:
        with importing(package, ports, torch_allowed=False):
            for number, original in done.items():
                construction, outcome = pairs[number]
                with _reporting(outcome, ""):
                    _judge_port(package, construction, original, outcome)
    return outcomes


@contextlib.contextmanager
def _reporting(outcome: Outcome, prefix: str) -> Iterator[None]:
    """Turn any error into the outcome's, with the place where it was raised."""
    try:
        yield
    except TransferError as error:
        first, *others = str(error).splitlines()
        outcome.error = f"{first} (and {len(others)} more)" if others else first
    except Exception as error:  # whatever the judged code raises
        outcome.error = prefix + _described(error)


def _described(error: Exception) -> str:
    """The error's first line, and where it was raised."""
    line, *_ = str(error).strip().splitlines() or [""]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {line[:200]} ({Path(place.filename).name}:{place.lineno})"


def _is_random(construction: Construction, mode: Mode) -> bool:
    return construction.random in ("always", mode)


# torch's side


def _run_torch(package: str, construction: Construction, gradients: bool) -> _Original:
    """Build the object and call a copy of it in each mode."""
    model = _torch_object(package, construction, seed=0)
    outputs: dict[Mode, Any] = {}
    states: dict[Mode, dict[str, torch.Tensor]] = {}
    if not isinstance(model, torch.nn.Module):
        outputs["eval"] = _call_torch(model, construction, "eval")
        return _Original(model, {}, frozenset(), outputs, states, {})
    start = _tensors(model)
    other = _tensors(_torch_object(package, construction, seed=1))
    constant = frozenset(name for name in start if torch.equal(start[name], other[name]))
    _disturb(model, constant)
    for mode in MODES:
        copy = _torch_object(package, construction, seed=0)
        _disturb(copy, constant)
        copy.train(mode == "train")
        outputs[mode] = _call_torch(copy, construction, mode)
        states[mode] = _tensors(copy)
    found = {}
    if gradients:
        copy = _torch_object(package, construction, seed=0)
        _disturb(copy, constant)
        with contextlib.suppress(NotImplementedError):  # flex_attention has none on a CPU
            found = _torch_gradients(copy.eval(), construction)
    return _Original(model, start, constant, outputs, states, found)


def _torch_object(package: str, construction: Construction, seed: int) -> Any:
    """An object of the class, what the factory makes, or the function itself."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)

    def build(construction: Construction) -> Any:
        module = importlib.import_module(f"{package}.{construction.module}")
        made = getattr(module, construction.name)
        if not construction.builds(made):
            return made
        return made(**_realised(construction.arguments, torch.from_numpy, build))

    return build(construction)


def _call_torch(
    made: Any, construction: Construction, mode: Mode, differentiated: bool = False
) -> Any:
    function = getattr(made, construction.method) if construction.method else made
    inputs, keywords = _realised((construction.inputs, construction.keywords), torch.from_numpy)
    sharing = shared_in_torch() if _is_random(construction, mode) else contextlib.nullcontext()
    with torch.set_grad_enabled(differentiated), sharing:
        return function(*inputs, **keywords)


def _torch_gradients(model: torch.nn.Module, construction: Construction) -> dict[str, torch.Tensor]:
    """By parameter, of the outputs times fixed weights; none if no output has a gradient."""
    output = _call_torch(model, construction, "eval", differentiated=True)
    leaves = [value for _, value in _leaves(output, "") if _is_float(value)]
    weights = _weights([tuple(value.shape) for value in leaves])
    total = sum((v * torch.from_numpy(w)).sum() for v, w in zip(leaves, weights, strict=True))
    if not (isinstance(total, torch.Tensor) and total.requires_grad):
        return {}
    total.backward()
    return {
        name: torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        for name, (tensor, _) in state_of(model).items()
        if isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad
    }


def _realised(value: Any, array: Callable[[Array], Any], build: Any = None) -> Any:
    return realise(value, np.random.default_rng(0), array, build)


def _tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, (tensor, _) in state_of(module).items()}


def _disturb(module: torch.nn.Module, constant: frozenset[str]) -> None:
    """Change parameters and running statistics that are the same in every new object."""
    generator = np.random.default_rng(1)
    for name, (tensor, _) in state_of(module).items():
        noise = torch.tensor(generator.uniform(-0.2, 0.2, tensor.shape), dtype=torch.float32)
        parameter = isinstance(tensor, torch.nn.Parameter) and tensor.is_floating_point()
        if name in constant and (parameter or name.endswith("running_mean")):
            tensor.data += noise
        elif name.endswith("running_var"):
            tensor.data *= 1 + noise


def _randomness(package: str, construction: Construction) -> Iterator[str]:
    """Where calls depend on the seed, or do not, against what the construction says."""
    for mode in MODES:
        outputs = []
        for seed in range(8):
            made = _torch_object(package, construction, seed=0)
            if isinstance(made, torch.nn.Module):
                made.train(mode == "train")
            torch.manual_seed(seed)
            random.seed(seed)
            still = dataclasses.replace(construction, random="")
            outputs.append(_call_torch(made, still, mode))
        differs = any(_compare(outputs[0], output)[1] for output in outputs[1:])
        if differs != _is_random(construction, mode):
            yield f"{mode}: the call is {'random' if differs else 'not random'}"


# the port's side


def _judge_port(
    package: str, construction: Construction, original: _Original, outcome: Outcome
) -> None:
    """Fill in the outcome; raises whatever the port raises."""
    for mode, wanted in original.outputs.items():
        port = _port_object(package, construction)
        pairs: list[Entry] = []
        if isinstance(original.model, torch.nn.Module):
            if not isinstance(port, nnx.Module):
                raise TypeError(f"{construction.name} is no nnx.Module")
            pairs = entries(original.model, port)
            if mode == "eval":
                outcome.remarks += _starts(pairs, original)
            transfer(original.model, port)
            port.train() if mode == "train" else port.eval()
        difference, remark = _compare(wanted, _call_port(port, construction, mode))
        if remark:
            shared = " (on shared random numbers)" * _is_random(construction, mode)
            outcome.remarks.append(f"{mode}: {remark}{shared}")
        for entry in pairs:
            after = entry.wanted(original.states[mode][entry.name])
            own, remark = _compare(after, entry.value(), f"after the call {entry.name}")
            difference = max(difference, own)
            if remark:
                outcome.remarks.append(f"{mode}: {remark}")
        outcome.differences[mode] = difference
        if mode == "eval":
            outcome.untraced = _trace(port, construction)
    if original.gradients:
        port = _port_object(package, construction)
        transfer(original.model, port)
        port.eval()
        _judge_gradients(port, construction, original, outcome)


def _trace(port: Any, construction: Construction) -> str:
    """Call the port on unknown values, as `jax.jit` does; the error if it needs to know them."""
    inputs = _realised((construction.inputs, construction.keywords), jnp.asarray)
    leaves, tree = jax.tree.flatten(inputs, is_leaf=lambda value: value is None)
    unknown = [number for number, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]

    def call(state: Any, arrays: Sequence[jax.Array]) -> list[jax.Array]:
        known = leaves.copy()
        for number, array in zip(unknown, arrays, strict=True):
            known[number] = array
        made = nnx.merge(structure, state) if isinstance(port, nnx.Module) else port
        function = getattr(made, construction.method) if construction.method else made
        positional, keywords = jax.tree.unflatten(tree, known)
        output = _with_rngs(function, positional, keywords)
        return [leaf for _, leaf in _leaves(output, "") if isinstance(leaf, jax.Array)]

    structure, state = nnx.split(port) if isinstance(port, nnx.Module) else (None, {})
    try:
        jax.eval_shape(call, state, [leaves[number] for number in unknown])
    except Exception as error:  # whatever the judged code raises
        return _described(error)
    return ""


def _judge_gradients(
    port: nnx.Module, construction: Construction, original: _Original, outcome: Outcome
) -> None:
    """Compare the gradients of the parameters, relative to the largest of all of them."""
    paths = {id(node): path for path, node in nnx.iter_graph(port)}

    def total(model: nnx.Module) -> jax.Array:
        output = _call_port(model, construction, "eval")
        leaves = [value for _, value in _leaves(output, "") if _is_float(value)]
        weights = _weights([value.shape for value in leaves])
        return sum((v * w).sum() for v, w in zip(leaves, weights, strict=True))

    found = dict(nnx.to_flat_state(nnx.grad(total)(port)))
    largest = max(_largest(gradient.numpy()) for gradient in original.gradients.values())
    worst = 0.0
    for entry in entries(original.model, port):
        if entry.name not in original.gradients:
            continue
        wanted = entry.wanted(original.gradients[entry.name])
        got = np.asarray(found[paths[id(entry.variable)]].get_value())
        scale = max(_largest(wanted), 1e-2 * largest, 1e-6)
        difference = _largest(wanted - got) / scale
        worst = max(worst, difference)
        if not difference <= GRADIENT_TOLERANCE:
            outcome.remarks.append(f"gradient: {entry.name} differs by {difference:.1e}")
    outcome.differences["gradient"] = worst


def _port_object(package: str, construction: Construction) -> Any:
    """An object of the ported class, what the ported factory makes, or the function itself."""
    random.seed(0)

    def build(construction: Construction) -> Any:
        module = importlib.import_module(f"{package}.{construction.module}")
        made = getattr(module, construction.name)
        if not construction.builds(made):
            return made
        return _with_rngs(made, (), _realised(construction.arguments, jnp.asarray, build))

    return build(construction)


def _call_port(made: Any, construction: Construction, mode: Mode) -> Any:
    function = getattr(made, construction.method) if construction.method else made
    inputs, keywords = _realised((construction.inputs, construction.keywords), jnp.asarray)
    sharing = shared_in_jax() if _is_random(construction, mode) else contextlib.nullcontext()
    with sharing:
        return _with_rngs(function, inputs, keywords)


def _with_rngs(function: Any, inputs: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """Call a ported function or class, with `rngs` if it takes any."""
    maker: Any = function
    # The metaclass of NNX hides the signature of a class.
    taken = inspect.signature(maker.__init__ if isinstance(function, type) else function)
    more = {"rngs": nnx.Rngs(0)} if "rngs" in taken.parameters else {}
    return function(*inputs, **keywords, **more)


def _starts(pairs: Sequence[Entry], original: _Original) -> Iterator[str]:
    """Where the port's initial values are not torch's, or not of the same distribution."""
    for entry in pairs:
        wanted, got = entry.wanted(original.start[entry.name]), entry.value()
        if entry.name in original.constant:
            _, remark = _compare(wanted, got, entry.name)
        else:
            remark = _other_distribution(wanted, got, entry.name)
        if remark:
            yield f"start: {remark}"


def _other_distribution(wanted: Array, got: Array, where: str) -> str:
    """What tells two samples apart: their mean, spread, or how far they reach."""
    if wanted.size < ENOUGH or wanted.dtype.kind != "f":
        return ""
    spread, other = float(wanted.std()), float(got.std())
    if abs(float(wanted.mean() - got.mean())) > 0.4 * spread:
        return f"{where} has mean {got.mean():.2g} instead of {wanted.mean():.2g}"
    if not 0.75 < other / spread < 1.33:
        return f"{where} has standard deviation {other:.2g} instead of {spread:.2g}"
    # A uniform distribution ends at 1.73 standard deviations, a normal one goes on.
    reach, far = _largest(wanted) / spread, _largest(got) / other
    if min(reach, far) < 1.85 and max(reach, far) > 2.05:
        return f"{where} reaches {far:.1f} standard deviations instead of {reach:.1f}"
    return ""


# comparing


def _largest(values: Array) -> float:
    """The largest magnitude, 0 of nothing."""
    return float(abs(values).max(initial=0.0))


def _is_float(value: Any) -> bool:
    """Whether a value is an array of floating point numbers, as far as gradients go."""
    if isinstance(value, torch.Tensor):
        return bool(value.is_floating_point())
    return isinstance(value, jax.Array) and bool(jnp.issubdtype(value.dtype, jnp.floating))


def _weights(shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """What outputs of these shapes are multiplied with before they are added up."""
    generator = np.random.default_rng(2)
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


def _compare(wanted: Any, got: Any, where: str = "output") -> tuple[float, str]:
    """The largest relative difference of two values, and what is wrong with them if it is."""
    left, right = list(_leaves(wanted, where)), list(_leaves(got, where))
    if len(left) != len(right):
        return np.inf, f"{where} has {len(right)} values instead of {len(left)}"
    worst, remark = 0.0, ""
    for (place, value), (_, other) in zip(left, right, strict=True):
        difference, problem = _compare_leaf(value, other)
        if problem and not remark:
            remark = f"{place} {problem}"
        worst = max(worst, difference)
    return worst, remark


def _leaves(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """All values inside of tuples, lists, dicts and dataclasses, in order."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type | nnx.Variable):
        value = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, dict | nnx.Dict):
        for key, item in value.items():
            yield from _leaves(item, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple | nnx.List):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{where}[{number}]")
    elif isinstance(value, nnx.Variable):
        yield where, value.get_value()
    else:
        yield where, value


def _compare_leaf(wanted: Any, got: Any) -> tuple[float, str]:
    kinds = torch.Tensor | jax.Array | np.ndarray
    if not (isinstance(wanted, kinds) and isinstance(got, kinds)):
        if wanted is got or (type(wanted) is type(got) and wanted == got):
            return 0.0, ""
        if not (isinstance(wanted, float) and isinstance(got, float)):
            return np.inf, f"is {got!r:.60} instead of {wanted!r:.60}"
    left = wanted.detach().numpy() if isinstance(wanted, torch.Tensor) else np.asarray(wanted)
    right = np.asarray(got)
    if left.shape != right.shape:
        return np.inf, f"has shape {right.shape} instead of {left.shape}"
    if left.dtype.kind != right.dtype.kind:
        return np.inf, f"is {right.dtype} instead of {left.dtype}"
    if left.dtype.kind in "biu":
        wrong = int((left != right).sum())
        return (np.inf, f"differs in {wrong} of {left.size} values") if wrong else (0.0, "")
    finite = np.isfinite(left)
    if not np.array_equal(left[~finite], right[~finite], equal_nan=True):
        return np.inf, "has other infinite or undefined values"
    difference = _largest(left[finite] - right[finite]) / max(_largest(left[finite]), 1e-6)
    return difference, f"differs by {difference:.1e}" if not difference <= TOLERANCE else ""
