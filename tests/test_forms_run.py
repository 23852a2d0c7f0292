"""What jaxport writes is run on Flax and Optax, and its numbers are torch's.

Each test has torch code that runs. jaxport fixes it; what it does not port yet is replaced by hand
(`port`), word by word; then both are executed on the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx

from jaxport import check
from jaxport.config import Config

ON = Config(select=("JXP1", "JXP2", "JXP3"))
BY_HAND = (
    (r"torch\.nn\.Module", "nnx.Module"),
    (r"torch\.nn\.Parameter\(", "jnp.asarray("),
    (r"torch\.nn\.Linear\((\d+), (\d+)\)", r"nnx.Linear(\1, \2, rngs=nnx.Rngs(0))"),
    (
        r"torch\.nn\.BatchNorm[12]d\((\d+)\)",
        r"nnx.BatchNorm(\1, axis=1, momentum=0.9, epsilon=1e-5, rngs=nnx.Rngs(0))",
    ),
    (r"torch\.nn\.Sequential\(", "nnx.Sequential("),
    (r"torch\.nn\.Tanh\(\)", "jnp.tanh"),
    (r"\bforward\b", "__call__"),
    (r"\bimport torch\n", "import jax.numpy as jnp\nfrom flax import nnx\n"),
    (r"\btorch\.(tanh|ones|arange|stack)\(", r"jnp.\1("),
)

Namespace = dict[str, Any]


@pytest.fixture(autouse=True)
def x64() -> Iterator[None]:
    """JAX computes in float64 here, as torch does."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        yield
    torch.set_default_dtype(before)


def fixed(text: str, unsafe: bool = False) -> str:
    """The text after jaxport's fix, which leaves nothing but calls of batch norm to report."""
    result = check.check_bytes(Path("never-there.py"), text.encode(), ON, True, unsafe)
    assert [item.message for item in result.findings if item.code != "JXP301"] == []
    assert result.text is not None
    return str(result.text)


def port(text: str) -> str:
    """The other half of the port, which jaxport does not do."""
    for pattern, new in BY_HAND:
        text = re.sub(pattern, new, text)
    assert "torch" not in text
    return text


def run(text: str) -> Namespace:
    space: Namespace = {}
    exec(compile(text, "<test>", "exec"), space)
    return space


def both(text: str, unsafe: bool = False) -> tuple[Namespace, Namespace]:
    """`text` on torch, and its port on Flax."""
    return run(text), run(port(fixed(text, unsafe)))


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def same(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(
        np.asarray(ours), theirs.detach().numpy(), rtol=1e-6, atol=1e-8, strict=True
    )


def carry_over(theirs: Any, ours: Any) -> None:
    """Give the Flax module the weights and statistics of the torch module."""
    for name, value in [*theirs.named_parameters(), *theirs.named_buffers()]:
        *path, last = name.split(".")
        if last == "num_batches_tracked":
            continue
        holder, model = ours, theirs
        for part in path:
            holder = holder.layers[int(part)] if part.isdigit() else getattr(holder, part)
            model = model[int(part)] if part.isdigit() else getattr(model, part)
        array = jnp.asarray(value.detach().numpy())
        if isinstance(model, torch.nn.Linear) and last == "weight":
            last, array = "kernel", array.T
        if isinstance(model, torch.nn.modules.batchnorm._BatchNorm):
            last = {"weight": "scale", "running_mean": "mean", "running_var": "var"}.get(last, last)
        held = getattr(holder, last)
        assert held[...].shape == array.shape
        held.set_value(array)


def leaves(state: Any) -> dict[str, Any]:
    return {".".join(map(str, path)): leaf[...] for path, leaf in nnx.to_flat_state(state)}


# register_buffer and register_parameter

REGISTERED = """
import torch


class Net(torch.nn.Module):
    def __init__(self, weight, offset):
        super().__init__()
        self.register_buffer("offset", offset)
        self.register_parameter("weight", torch.nn.Parameter(weight))
        for index in range(2):
            self.register_buffer(f"power_{index}", torch.ones(3) * (index + 2))
        self.register_parameter(name="gain", param=torch.nn.Parameter(torch.ones(3) * 0.5))
        self.register_buffer(tensor=torch.arange(3) * 0.1, name="shift", persistent=True)

    def forward(self, x):
        y = torch.tanh(x @ self.weight + self.offset) * self.gain ** self.power_0
        y = y * (1 + (x.sum() > self.offset[0])) - self.shift / self.offset.shape[0]
        return (y * -self.power_1 + self.offset.sum()).sum()
"""
BUFFERS = {"offset", "power_0", "power_1", "shift"}


def registered() -> tuple[Any, Any]:
    torch_space, flax_space = both(REGISTERED)
    weight, offset = numbers(4, 3), numbers(3, seed=1)
    theirs = torch_space["Net"](torch.tensor(weight), torch.tensor(offset))
    return theirs, flax_space["Net"](jnp.asarray(weight), jnp.asarray(offset))


def test_module_with_registered_buffers_and_parameters_gives_the_output_of_torch() -> None:
    theirs, ours = registered()
    x = numbers(5, 4, seed=2)
    same(ours(jnp.asarray(x)), theirs(torch.tensor(x)))


def test_buffer_is_kept_with_the_statistics_and_parameter_with_the_parameters() -> None:
    theirs, ours = registered()
    buffers = leaves(nnx.state(ours, nnx.BatchStat))
    parameters = leaves(nnx.state(ours, nnx.Param))
    assert set(buffers) == set(dict(theirs.named_buffers())) == BUFFERS
    assert set(parameters) == set(dict(theirs.named_parameters())) == {"weight", "gain"}
    assert set(leaves(nnx.state(ours))) == set(theirs.state_dict())
    for name, value in theirs.named_buffers():
        same(buffers[name], value)
    for name, value in theirs.named_parameters():
        same(parameters[name], value)


def test_buffer_gets_no_gradient_and_parameter_gets_that_of_torch() -> None:
    theirs, ours = registered()
    x = numbers(5, 4, seed=2)
    theirs(torch.tensor(x)).backward()
    gradients = leaves(nnx.grad(lambda model: model(jnp.asarray(x)))(ours))
    expected = {name: value.grad for name, value in theirs.named_parameters()}
    assert set(gradients) == set(expected)
    for name, gradient in expected.items():
        assert gradient.abs().sum() > 0
        same(gradients[name], gradient)


# state_dict and load_state_dict

NETS = {
    "layers": """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(3, 4)
        self.out = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))
""",
    "sequence": """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
        )

    def forward(self, x):
        return self.body(x)
""",
    "statistics": """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.register_buffer("offset", torch.ones(4) * 2)

    def forward(self, x):
        return self.norm(self.first(x)) + self.offset
""",
}
# Source, and whether only `--unsafe-fixes` rewrites it.
LOADS = {
    "direct": ("    b.load_state_dict(a.state_dict())\n", False),
    "by name": ("    state = a.state_dict()\n    b.load_state_dict(state)\n", False),
    "strict": ("    b.load_state_dict(a.state_dict(), strict=True)\n", False),
    "deep copy": (
        "    state = copy.deepcopy(a.state_dict())\n    b.load_state_dict(state)\n", False,
    ),
    "copy in between": (
        "    state = a.state_dict()\n    kept = copy.deepcopy(state)\n"
        "    b.load_state_dict(kept)\n", False,
    ),
    "snapshot": (
        "    kept = copy.deepcopy(a.state_dict())\n    change(a)\n    b.load_state_dict(kept)\n",
        True,
    ),
}  # fmt: skip


def program(net: str, load: str) -> str:
    make = "def copied(change):\n    a = Net()\n    b = Net()\n    change(a)\n    change(b)\n{}"
    return f"import copy\n\nimport torch\n\n{NETS[net]}\n\n{make.format(load)}    return a, b\n"


class Change:
    """Fills a module, of either library, with other numbers at each call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, model: Any) -> None:
        self.calls += 1
        if isinstance(model, torch.nn.Module):
            for value in model.state_dict().values():
                if value.is_floating_point():
                    value.copy_(torch.tensor(self.filling(*value.shape)))
        else:
            state = nnx.state(model)
            nnx.update(model, jax.tree.map(lambda leaf: self.filling(*leaf.shape), state))

    def filling(self, *shape: int) -> Any:
        # Positive, because variances are among them, and the same for a transposed array.
        position = sum(np.ogrid[tuple(slice(size) for size in shape)])
        return jnp.asarray(0.5 + 0.1 * self.calls + 0.05 * np.asarray(position, float))


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("net", NETS)
def test_model_computes_the_same_after_its_state_is_loaded_into_it(net: str, load: str) -> None:
    source, unsafe = LOADS[load]
    torch_space, flax_space = both(program(net, source), unsafe)
    their_a, their_b = torch_space["copied"](Change())
    our_a, our_b = flax_space["copied"](Change())
    for model in (their_a, their_b, our_a, our_b):
        model.eval()
    x = numbers(5, 3)
    for ours, theirs in ((our_a, their_a), (our_b, their_b)):
        same(ours(jnp.asarray(x)), theirs(torch.tensor(x)))
    different = bool(np.any(np.asarray(our_a(jnp.asarray(x)) != our_b(jnp.asarray(x)))))
    assert different == (load == "snapshot")


@pytest.mark.parametrize("net", NETS)
def test_models_stay_apart_after_a_state_is_loaded(net: str) -> None:
    _, space = both(program(net, LOADS["direct"][0]))
    change = Change()
    a, b = space["copied"](change)
    loaded = leaves(nnx.state(b))
    for name, value in leaves(nnx.state(a)).items():
        np.testing.assert_array_equal(loaded[name], value)
    change(a)
    assert all(np.all(value != loaded[name]) for name, value in leaves(nnx.state(a)).items())
    for name, value in leaves(nnx.state(b)).items():
        np.testing.assert_array_equal(value, loaded[name])


@pytest.mark.parametrize("load", sorted(set(LOADS) - {"snapshot"}))
def test_load_adds_nothing_to_the_model(load: str) -> None:
    _, space = both(program("statistics", LOADS[load][0]))
    _, loaded = space["copied"](Change())
    assert set(leaves(nnx.state(loaded))) == set(leaves(nnx.state(space["Net"]())))
    kinds = [type(v) for _, v in nnx.to_flat_state(nnx.state(loaded))]
    assert kinds == [type(v) for _, v in nnx.to_flat_state(nnx.state(space["Net"]()))]


def test_snapshot_of_a_state_is_not_changed_by_training() -> None:
    """torch's dictionary follows the model unless it is copied; the rewritten one never does."""
    restore = (
        "    kept = copy.deepcopy(a.state_dict())\n    change(a)\n    a.load_state_dict(kept)\n"
    )
    torch_space, flax_space = both(program("layers", restore), unsafe=True)
    theirs, _ = torch_space["copied"](Change())
    ours, _ = flax_space["copied"](Change())
    x = numbers(5, 3)
    same(ours(jnp.asarray(x)), theirs(torch.tensor(x)))


# parameters

COUNTED = """
import torch


class Block(torch.nn.Module):
    def __init__(self, shared):
        super().__init__()
        self.inner = torch.nn.Linear(3, 3)
        self.shared = shared
        self.register_buffer("offset", torch.ones(3) * 7)
        self.register_parameter("gain", torch.nn.Parameter(torch.ones(3) * 0.3))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        shared = torch.nn.Linear(3, 2)
        self.one = Block(shared)
        self.two = Block(shared)
        self.norm = torch.nn.BatchNorm1d(2)


def total(model: Net):
    return sum(p.sum() for p in model.parameters())


def squares(model: Net):
    return sum((p**2).sum() for p in model.parameters())


def largest(model: Net):
    return max(p.max() for p in model.parameters())


def looped(model: Net):
    found = 0.0
    for p in model.parameters():
        found += (p * p).mean()
    return found
"""
# The fix asks for `--unsafe-fixes` here: the list could depend on the order.
LISTED = """

def count(model: Net):
    return len([p.shape for p in model.parameters()])
"""


@pytest.mark.parametrize("name", ["total", "squares", "largest", "looped", "count"])
def test_loop_over_the_parameters_finds_those_of_torch(name: str) -> None:
    text = COUNTED + LISTED if name == "count" else COUNTED
    torch_space, flax_space = both(text, unsafe=name == "count")
    theirs, ours = torch_space["Net"](), flax_space["Net"]()
    carry_over(theirs, ours)
    expected, got = torch_space[name](theirs), flax_space[name](ours)
    if name == "count":
        assert got == expected
    else:
        same(got, expected)


# The optimizer

HALF = """
import jax
import optax
import torch
from flax import nnx


def train(model: torch.nn.Module, loss_fn, batches):
    optimizer = {constructor}
    params = nnx.state(model, nnx.Param)
    opt_state = optimizer.init(params)
    for batch in batches:
        optimizer.zero_grad()
        {grads}
        optimizer.step()
    return params
"""
WHOLE = """
import torch


def train(model, loss_fn, batches):
    optimizer = {constructor}
    for batch in batches:
        optimizer.zero_grad()
        loss_fn(model, batch).backward()
        optimizer.step()
"""
CONSTRUCTORS = (
    "torch.optim.Adam(model.parameters(), lr=0.01)",
    "torch.optim.Adam(model.parameters(), weight_decay=0.1, lr=0.05)",
    "torch.optim.AdamW(model.parameters(), 0.05)",
    "torch.optim.SGD(list(model.parameters()), 0.05, 0.9, 0, 0.01, True)",
    "torch.optim.SGD(model.parameters(), maximize=True, weight_decay=0.1)",
    "torch.optim.RMSprop(model.parameters(), centered=True, momentum=0.5)",
    "torch.optim.Adadelta(model.parameters())",
    "torch.optim.Adamax(model.parameters(), betas=(0.8, 0.9))",
)
GRADS = (
    "grads = jax.grad(loss_fn)(params, batch)",
    "loss, grads = jax.value_and_grad(loss_fn)(params, batch)",
)


@pytest.mark.parametrize("grads", GRADS)
@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_training_with_the_rewritten_optimizer_gives_the_parameters_of_torch(
    constructor: str, grads: str
) -> None:
    net = f"import torch\n\n{NETS['layers']}\n"
    theirs = run(net)["Net"]()
    ours = run(port(net))["Net"]()
    carry_over(theirs, ours)
    before = nnx.state(ours, nnx.Param)
    data = [(numbers(6, 3, seed=seed), numbers(6, 2, seed=seed + 99)) for seed in range(20)]

    def loss_of(model: Any, batch: Any) -> Any:
        return ((model(batch[0]) - batch[1]) ** 2).mean()

    half = fixed(HALF.format(constructor=constructor, grads=grads))
    assert "torch.optim" not in half and "zero_grad" not in half and ".step" not in half
    split = nnx.graphdef(ours)
    after = run(half)["train"](
        ours,
        jax.jit(lambda params, batch: loss_of(nnx.merge(split, params), batch)),
        [(jnp.asarray(x), jnp.asarray(y)) for x, y in data],
    )
    run(WHOLE.format(constructor=constructor))["train"](
        theirs, loss_of, [(torch.tensor(x), torch.tensor(y)) for x, y in data]
    )
    trained = run(port(net))["Net"]()
    carry_over(theirs, trained)
    expected = leaves(nnx.state(trained, nnx.Param))
    got, start = leaves(after), leaves(before)
    assert set(got) == set(expected)
    for name, value in expected.items():
        assert np.all(np.asarray(value != start[name]))
        np.testing.assert_allclose(got[name], value, rtol=1e-9, atol=1e-12)


# Batch norm

NORMED = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = torch.nn.BatchNorm{}d(3)

    def forward(self, x):
        training = self.training
        return self.bn1(x)
"""
SHAPES = {1: (8, 3), 2: (4, 3, 5, 2)}
Nets = tuple[Any, Any, Callable[[bool], None]]


def normed(dimensions: int) -> Nets:
    """The torch net, the rewritten one, and what sets the mode of both."""
    text = NORMED.format(dimensions)
    ported = port(fixed(text))
    assert "self.bn1(x, use_running_average=not training)" in ported
    theirs, ours = run(text)["Net"](), run(ported)["Net"]()
    with torch.no_grad():
        theirs.bn1.weight.copy_(torch.tensor([0.5, 1.5, 2.0]))
        theirs.bn1.bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
    carry_over(theirs, ours)

    def mode(training: bool) -> None:
        theirs.train(training)
        ours.training = training  # Flax sets no `training`: that is the hand's part of the port

    return theirs, ours, mode


def stream(dimensions: int) -> list[Any]:
    return [numbers(*SHAPES[dimensions], seed=s) * (1 + s / 3) + s / 2 for s in range(6)]


@pytest.mark.parametrize("dimensions", SHAPES)
def test_batch_norm_in_training_gives_the_output_and_running_mean_of_torch(dimensions: int) -> None:
    theirs, ours, mode = normed(dimensions)
    mode(True)
    for x in stream(dimensions):
        same(ours(jnp.asarray(x)), theirs(torch.tensor(x)))
        same(ours.bn1.mean[...], theirs.bn1.running_mean)
    assert np.all(np.asarray(ours.bn1.mean[...]) != 0)


@pytest.mark.parametrize("dimensions", SHAPES)
def test_batch_norm_in_evaluation_gives_the_output_of_torch_with_the_same_statistics(
    dimensions: int,
) -> None:
    theirs, ours, mode = normed(dimensions)
    mode(True)
    for x in stream(dimensions):
        theirs(torch.tensor(x))
    carry_over(theirs, ours)
    mode(False)
    kept = leaves(nnx.state(ours, nnx.BatchStat))
    for x in stream(dimensions):
        same(ours(jnp.asarray(x)), theirs(torch.tensor(x)))
    for name, value in leaves(nnx.state(ours, nnx.BatchStat)).items():
        np.testing.assert_array_equal(value, kept[name])


@pytest.mark.parametrize("dimensions", SHAPES)
def test_running_variance_after_training_is_not_that_of_torch_but_smaller_by_a_known_factor(
    dimensions: int,
) -> None:
    """torch feeds the running variance with the unbiased variance of a batch, Flax with the biased.

    With n numbers per feature, what a batch adds in torch is n / (n - 1) of what it adds in Flax.
    Outputs in training are equal; those in evaluation are not, and differ by just that.
    """
    theirs, ours, mode = normed(dimensions)
    mode(True)
    start = 1.0
    n = np.prod(SHAPES[dimensions]) / 3
    for x in stream(dimensions):
        ours(jnp.asarray(x)), theirs(torch.tensor(x))
        start *= 0.9  # what is left of the variance that both begin with
        flax_part = np.asarray(ours.bn1.var[...]) - start
        torch_part = theirs.bn1.running_var.numpy() - start
        np.testing.assert_allclose(torch_part, flax_part * n / (n - 1), rtol=1e-9)
        assert np.all(torch_part > flax_part)
    mode(False)
    x = stream(dimensions)[0]
    got = np.moveaxis(np.asarray(ours(jnp.asarray(x))), 1, -1)
    expected = np.moveaxis(theirs(torch.tensor(x)).detach().numpy(), 1, -1)
    assert not np.allclose(got, expected, rtol=1e-3, atol=1e-3)
    bias = theirs.bn1.bias.detach().numpy()
    factor = np.sqrt(
        (theirs.bn1.running_var.numpy() + 1e-5) / (np.asarray(ours.bn1.var[...]) + 1e-5)
    )
    np.testing.assert_allclose(got - bias, (expected - bias) * factor, rtol=1e-9, atol=1e-12)


def test_batch_norm_call_that_stays_follows_the_mode_of_the_model_as_in_torch() -> None:
    text = NORMED.format(1).replace("        training = self.training\n", "")
    result = check.check_bytes(Path("never-there.py"), text.encode(), ON, True)
    assert result.text is None and [item.code for item in result.findings] == ["JXP301"]
    theirs, ours = run(text)["Net"](), run(port(text))["Net"]()
    for training in (True, False, True):
        carry_over(theirs, ours)
        theirs.train(training)
        ours.train() if training else ours.eval()
        for x in stream(1):
            carry_over(theirs, ours)
            same(ours(jnp.asarray(x)), theirs(torch.tensor(x)))
            same(ours.bn1.mean[...], theirs.bn1.running_mean)


def test_form_of_the_spec_for_batch_norm_does_not_run_on_nnx() -> None:
    """Why the `nnx` dialect leaves `mutable` out."""
    text = NORMED.format(1)
    settings = Config(select=("JXP3",), dialect="switcheroo")
    result = check.check_bytes(Path("never-there.py"), text.encode(), settings, True)
    assert result.text is not None and "mutable=['batch_stats']" in result.text
    net = run(port(result.text))["Net"]()
    net.training = True
    with pytest.raises(TypeError, match="mutable"):
        net(jnp.asarray(stream(1)[0]))


def test_optax_is_what_the_training_function_ends_up_with() -> None:
    half = fixed(HALF.format(constructor=CONSTRUCTORS[0], grads=GRADS[0]))
    made = re.search(r"optimizer = (optax\..*)", half)
    assert made is not None
    assert isinstance(eval(made[1], {"optax": optax}), optax.GradientTransformation)
