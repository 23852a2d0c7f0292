"""Modules as `jaxport port` writes them have torch's values and torch's gradients."""

from __future__ import annotations

import inspect
import itertools
import textwrap
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from jaxport import port, transfer
from jaxport import source as sources
from jaxport.config import Config

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
MADE = """
def __init__(self):
    super().__init__()
    self.layer = nn.Linear(4, 4)
    self.own = nn.Parameter(torch.linspace(0.5, 1.5, 4))
    self.register_buffer("mean", torch.zeros(4))
    self.kept = []
"""


def module(body: str) -> str:
    return HEAD + "class Net(nn.Module):\n" + textwrap.indent(f"{MADE}\n{body.strip()}\n", "    ")


def forward(body: str) -> str:
    return module("def forward(self, x):\n" + textwrap.indent(textwrap.dedent(body), "    "))


def blocked(text: str) -> str:
    """The messages of what keeps the text from being ported."""
    result = port.port_source(sources.parse(Path("never-there.py"), text.encode()), Config())
    assert not result.is_clean, result.text
    return "\n".join(finding.message for finding in result.blockers)


def run(text: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(compile(text, "<test>", "exec"), space)
    return space


def weighted(values: Any) -> Any:
    """A number in which every item of the results has a weight of its own."""
    total, weights = 0, itertools.count(1)
    for value in values if isinstance(values, (tuple, list)) else [values]:
        if value.dtype in (torch.float32, jnp.float32):
            total += next(weights) * (value * value.cumsum(-1)).sum()
    return total


def check(text: str, tmp_path: Path, x: np.ndarray | None = None) -> str:
    """The port of the text, whose values and gradients are those of torch."""
    file = tmp_path / "before.py"
    file.write_text(text)
    result = port.port_path(file, Config())
    assert [finding.message for finding in result.blockers] == []
    after = result.text
    assert after is not None
    torch.manual_seed(0)
    theirs = run(text)["Net"]()
    made = run(after)["Net"]
    given = {"rngs": nnx.Rngs(0)} if "rngs" in inspect.signature(made.__init__).parameters else {}
    ours, gradients = made(**given), made(**given)
    (tmp_path / "after.py").write_text(after)
    layouts = transfer.functions(transfer.layouts(transfer.files(tmp_path / "after.py")))
    state = {name: value.clone() for name, value in theirs.state_dict().items()}
    transfer.fill(ours, state, layouts)

    if x is None:
        x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    leaf = torch.tensor(x, requires_grad=True)
    expected = theirs(leaf * 1)
    weighted(expected).backward()

    def loss(model: Any, value: jax.Array) -> tuple[jax.Array, Any]:
        results = model(value)
        return weighted(results), results

    (of_model, of_input), results = nnx.grad(loss, argnums=(0, 1), has_aux=True)(
        ours, jnp.asarray(x))
    for one, other in zip(jax.tree.leaves(results), _flat(expected), strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=1e-4, atol=1e-5)
    leaves = {name: torch.zeros_like(value) if value.grad is None else value.grad
              for name, value in theirs.named_parameters()}
    transfer.fill(gradients, {**state, **leaves}, layouts)
    wanted = nnx.to_pure_dict(nnx.state(gradients, nnx.Param))
    for (path, one), other in zip(
        jax.tree_util.tree_leaves_with_path(nnx.to_pure_dict(of_model)),
        jax.tree.leaves(wanted), strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4, err_msg=str(path))
    assert leaf.grad is not None
    np.testing.assert_allclose(of_input, leaf.grad.numpy(), rtol=1e-3, atol=1e-4)
    return after


def _flat(values: Any) -> list[torch.Tensor]:
    return list(values) if isinstance(values, (tuple, list)) else [values]


EXACT = {
    "copy": """
        h = self.layer(x)
        with torch.no_grad():
            self.mean.copy_(h.mean(0))
        return h * self.mean
    """,
    "copy through data": """
        h = self.layer(x)
        self.mean.data.copy_(h.mean(0))
        return h * self.mean
    """,
    "items": """
        h = self.layer(x)
        with torch.no_grad():
            self.mean[:2] = h.mean(0)[:2]
            self.mean += h.std(0)
        return h * self.mean
    """,
    "with a gradient": """
        h = self.layer(x)
        self.mean.copy_(h.mean(0))
        return h * self.mean
    """,
    "data of a result": """
        h = self.layer(x)
        d = torch.round(h) - h
        return h + d.data, h * h.data
    """,
    "data of parameters": """
        return self.own.data * self.layer(x), x @ self.layer.weight.data.t(), self.own * x
    """,
    "returned": """
        with torch.no_grad():
            h = self.layer(x)
            if x.shape[0] > 2:
                return h * self.own, x
        return h, self.layer(x)
    """,
    "a loop": """
        total, outs = torch.zeros(()), []
        with torch.no_grad():
            for i in range(2):
                y = self.layer(x) * i
                y += 1
                y[0] = 0
                outs.append(y)
                total = total + y.sum()
        return outs[0] * x, torch.stack(outs).sum(0) * x, total * x
    """,
    "list": """
        outs = []
        with torch.no_grad():
            outs.append(self.layer(x))
        outs.append(self.layer(x) * 2)
        return outs[0] * x + outs[1]
    """,
    "dictionary": """
        outs = {}
        with torch.no_grad():
            outs["a"] = self.layer(x)
        return outs["a"] * x
    """,
    "tensor of before": """
        y = torch.zeros(3, 4)
        with torch.no_grad():
            y[:, :] = self.layer(x)
            z = y * 2
        return y * x + z
    """,
    "text and numbers": """
        with torch.no_grad():
            h, scale, name = self.layer(x), 2, "a"
        return h * x * (scale if name == "a" else 0)
    """,
    "torch.tensor": """
        h = self.layer(x)
        c = torch.tensor(h)
        return c * x, torch.tensor([h.mean(), h.max(), 1.0, 2.0]) * x, h
    """,
    "torch.tensor of numbers": """
        return torch.tensor([1.0, 2.0, 3.0, 4.0]) * self.layer(x)
    """,
    "a method of a constant": """
        return x.data.unsqueeze(0) * x, self.own.detach().view(1, 4) * x
    """,
    "a tensor that keeps its gradient": """
        outs, h = [], self.layer(x)
        with torch.no_grad():
            outs.append(h)
            self.last = h
            g = h * 2
        return outs[0] * x, self.last * g
    """,
    "torch.as_tensor": """
        h = self.layer(x)
        return torch.as_tensor(h) * x
    """,
    "abs": """
        return abs(x - x.detach()) + x, abs(self.layer(x))
    """,
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("body", EXACT.values(), ids=EXACT)
def test_gradients_are_those_of_torch(body: str, tmp_path: Path) -> None:
    check(forward(body), tmp_path)


METHODS = {
    "decorated": """
@torch.no_grad()
def update(self, h):
    self.mean.mul_(0.9)
    self.mean.add_(h.mean(0), alpha=0.1)
    self.kept.append(h)
    self.last = h

def forward(self, x):
    h = self.layer(x)
    self.update(h)
    return h * self.mean + self.kept[-1] * self.last * x
""",
}


@pytest.mark.parametrize("body", METHODS.values(), ids=METHODS)
def test_gradients_of_methods_are_those_of_torch(body: str, tmp_path: Path) -> None:
    check(module(body), tmp_path)


def test_a_function_of_a_file_returns_constants_too() -> None:
    text = HEAD + (
        "def targets(model, x):\n    with torch.no_grad():\n        y = model(x) * 2\n"
        "    return y.softmax(-1)\n"
    )
    result = port.port_source(sources.parse(Path("never-there.py"), text.encode()), Config())
    assert result.is_clean
    assert result.text is not None and "y = jax.lax.stop_gradient(y)" in result.text


KEPT = {
    "a result": """
        target = self.layer(x)
        with torch.no_grad():
            target += 1
        return target
    """,
    "an item": """
        target = self.layer(x)
        with torch.no_grad():
            target[0] = 1
        return target
    """,
    "a method": """
        target = self.layer(x)
        with torch.no_grad():
            target.mul_(2)
        return target
    """,
    "a parameter": """
        with torch.no_grad():
            self.own.mul_(2)
        return x * self.own
    """,
    "the data of a parameter": """
        self.own.data = F.normalize(self.own.data, dim=0)
        return x * self.own
    """,
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_a_change_that_leaves_the_gradient_as_it_was_blocks(body: str) -> None:
    assert "torch keeps the gradient that it had before" in blocked(forward(body))


def test_a_weight_of_the_class_itself_blocks() -> None:
    assert "what it belongs to is unknown" in blocked(
        HEAD + "class Net(nn.Linear):\n    def forward(self, x):\n"
        "        self.weight.data = F.normalize(self.weight.data, dim=1)\n"
        "        return super().forward(x)\n"
    )


def test_a_tensor_that_is_given_back_as_it_was_blocks() -> None:
    assert "`x` is given back with the gradient that it had" in blocked(module("""
@torch.no_grad()
def scaled(self, x: torch.Tensor):
    return x, x * 2

def forward(self, x):
    return self.scaled(self.layer(x))
"""))


def test_a_method_that_changes_a_buffer_blocks_where_no_grad_is_around_its_call() -> None:
    assert "`self.mean` would carry its gradient on" in blocked(module("""
def update(self, h):
    self.mean.copy_(h.mean(0))

def forward(self, x):
    h = self.layer(x)
    with torch.no_grad():
        self.update(h)
    return h * self.mean
"""))


def test_what_sets_parameters_up_is_written_plainly() -> None:
    text = port.port_source(sources.parse(Path("never-there.py"), module("""
def reset_parameters(self):
    self.own.data.zero_()
    with torch.no_grad():
        self.own.add_(1)

def forward(self, x):
    return x * self.own
""").encode()), Config()).text
    assert text is not None and "stop" not in text


# What is compared, computed and asked elsewhere than in a gradient


def values(text: str, *inputs: torch.Tensor) -> None:
    """The function `f` of the text gives the same in torch and as it is ported."""
    result = port.port_source(sources.parse(Path("never-there.py"), text.encode()), Config())
    assert [finding.message for finding in result.blockers] == []
    assert result.text is not None
    expected = run(text)["f"](*inputs)
    got = run(result.text)["f"](*(jnp.asarray(item.numpy()) for item in inputs))
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("asked", [
    "i.dtype not in (torch.long, torch.bool)", "x.dtype is torch.float32",
    "x.dtype is not torch.float16", "i.dtype in {torch.long, torch.float32}",
    "x.dtype in [torch.float16]", "i.dtype == dtype", "dtype == torch.int64", "x.dtype is other",
    "x.dtype == i.dtype", "dtype != other", "x.device.type == 'cuda'", "'cpu' == str('cpu')",
    "x.device.type != 'cpu'",
])
def test_dtypes_and_devices_are_compared_as_in_torch(asked: str) -> None:
    values(HEAD + "def f(x, i):\n    dtype, other = torch.long, torch.float32\n"
           f"    return [torch.relu(x), {asked}]\n", torch.randn(3), torch.tensor([1, 2]))


@pytest.mark.parametrize(("body", "reason"), [
    ("return {torch.float32: 2.0}.get(x.dtype, 1.0)", "a dtype is a key"),
    ("return x.dtype in KNOWN", "how the dtypes are written can't be seen"),
    ("return x.relu().device.index", "its names are not those of torch"),
    ("return (x.long() * 73856093) ^ 5", "`73856093` may be too much"),
    ("return x.long() * PRIMES[0]", "`PRIMES[0]` may be too much"),
    ("return x.long() << 20", "`20` may be too much"),
    ("return torch.tensor([1, 2654435761])", "a number is too large"),
    ("try:\n        return torch.relu(x[3])\n    except IndexError:\n        return x", "clamps"),
    ("try:\n        return torch.relu(x)[3]\n    except Exception:\n        return x", "clamps"),
    ("try:\n        return x @ x\n    except RuntimeError:\n        return x", "raises other"),
    ("return nn.Conv2d(2, 2, 3, padding=1).padding", "keeps something else there"),
    ("return nn.MaxPool2d(2).stride", "keeps something else there"),
    ("return nn.ReLU(inplace=True).inplace", "keeps something else there"),
])
def test_what_differs_in_silence_blocks(body: str, reason: str) -> None:
    assert reason in blocked(
        HEAD + "KNOWN = (torch.float32, torch.half)\nPRIMES = (2654435761, 3)\n\n\n"
        f"def f(x: torch.Tensor):\n    {body}\n"
    )


@pytest.mark.parametrize("body", [
    "return torch.relu(x) * 1000", "return torch.sigmoid(x) * 1000000", "return x.exp() / 65536",
    "try:\n        import einops\n    except ImportError:\n        return x\n    return x.exp()",
    "return nn.Conv2d(2, 2, 3).kernel_size", "return nn.Linear(2, 3).in_features",
    "return {'a': torch.float32}['a']",
])
def test_what_is_harmless_is_written(body: str) -> None:
    result = port.port_source(sources.parse(
        Path("never-there.py"), f"{HEAD}def f(x: torch.Tensor):\n    {body}\n".encode()), Config())
    assert [finding.message for finding in result.blockers] == []


def test_running_statistics_are_read_and_changed_by_torchs_names(tmp_path: Path) -> None:
    check(HEAD + textwrap.dedent("""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm = nn.BatchNorm1d(4)

            def forward(self, x):
                y = self.norm(x.detach())
                with torch.no_grad():
                    self.norm.running_mean.mul_(0.5)
                mean, var = self.norm.running_mean, self.norm.running_var
                return y.detach() + self.norm.weight * (x - mean) / torch.sqrt(var)
    """), tmp_path)
