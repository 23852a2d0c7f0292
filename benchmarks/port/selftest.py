"""Whether the judge sees what it must see: a hand-written port of a small file, right and wrong.

The package `sample` has one file with a torch model. Its port is judged as it is, and then with one
mistake after the other; each must get the verdict, and name the reason, that it deserves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from benchmarks.port import transfer
from benchmarks.port.compare import Outcome, judge
from benchmarks.port.construction import Construction, Normal

ORIGINAL = """
import torch
from torch import nn

from sample.parts import scaled


class LayerNorm(nn.Module):
    def __init__(self, dim, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.g = nn.Parameter(torch.ones(dim))
        self.b = nn.Parameter(torch.zeros(dim))

    def forward(self, x):
        variance = x.var(dim=-1, unbiased=False, keepdim=True)
        return (x - x.mean(dim=-1, keepdim=True)) / (variance + self.eps).sqrt() * self.g + self.b


class Model(nn.Module):
    def __init__(self, dim, hidden, rate=0.0):
        super().__init__()
        self.norm = LayerNorm(dim)
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(dim, hidden), nn.Linear(hidden, dim))])
        self.scale = nn.Parameter(1e-4 * torch.ones(dim))
        self.dropout = nn.Dropout(rate)
        self.batch_norm = nn.BatchNorm1d(dim)
        self.register_buffer("table", torch.linspace(0, 1, dim), persistent=False)

    def forward(self, x):
        x = self.norm(x) + self.table
        for layer in self.layers:
            x = x + scaled(layer(x), self.scale)
        x = self.dropout(x)
        return {"out": self.batch_norm(x), "mean": x.mean()}
"""
ORIGINAL_PARTS = """
def scaled(x, scale):
    return x * scale
"""

PORT = """
import jax
import jax.numpy as jnp
from flax import nnx

from sample.parts import scaled


class Linear(nnx.Linear):
    def __init__(self, in_features, out_features, *, rngs):
        super().__init__(in_features, out_features, rngs=rngs)
        bound = in_features**-0.5
        for variable in (self.kernel, self.bias):
            shape = variable.shape
            variable[...] = jax.random.uniform(rngs.params(), shape, minval=-bound, maxval=bound)


class BatchNorm1d(nnx.BatchNorm):
    def __init__(self, num_features):
        super().__init__(
            num_features, momentum=0.9, epsilon=1e-5, use_fast_variance=False, rngs=nnx.Rngs(0)
        )

    def __call__(self, x):
        before = self.var[...]
        out = super().__call__(x)
        if not self.use_running_average:
            count = x.shape[0]
            own = (self.var[...] - 0.9 * before) * count / (count - 1)
            self.var[...] = 0.9 * before + own
        return out


class LayerNorm(nnx.Module):
    def __init__(self, dim, eps=1e-5):
        self.eps = eps
        self.g = nnx.Param(jnp.ones(dim))
        self.b = nnx.Param(jnp.zeros(dim))

    def __call__(self, x):
        variance = x.var(axis=-1, keepdims=True)
        x = (x - x.mean(axis=-1, keepdims=True)) / jnp.sqrt(variance + self.eps)
        return x * self.g + self.b


class Model(nnx.Module):
    def __init__(self, dim, hidden, rate=0.0, *, rngs):
        self.norm = LayerNorm(dim)
        self.layers = nnx.List(
            [nnx.Sequential(Linear(dim, hidden, rngs=rngs), Linear(hidden, dim, rngs=rngs))]
        )
        self.scale = nnx.Param(1e-4 * jnp.ones(dim))
        self.dropout = nnx.Dropout(rate, rngs=rngs)
        self.batch_norm = BatchNorm1d(dim)
        self.table = nnx.BatchStat(jnp.linspace(0, 1, dim))

    def __call__(self, x):
        x = self.norm(x) + self.table
        for layer in self.layers:
            x = x + scaled(layer(x), self.scale)
        x = self.dropout(x)
        return {"out": self.batch_norm(x), "mean": x.mean()}
"""

TABLES: dict[str, transfer.Table] = {
    "Linear": {"weight": ("kernel", "w.T"), "bias": ("bias", "w")},
    "BatchNorm1d": {
        "weight": ("scale", "w"),
        "bias": ("bias", "w"),
        "running_mean": ("mean", "w"),
        "running_var": ("var", "w"),
        "num_batches_tracked": ("", ""),
    },
}

CONSTRUCTIONS = (
    Construction("model", "Model", {"dim": 32, "hidden": 48}, (Normal((16, 32)),)),
    Construction(
        "model",
        "Model",
        {"dim": 32, "hidden": 48, "rate": 0.4},
        (Normal((16, 32)),),
        random="train",
        note="dropout",
    ),
)


@dataclass(frozen=True)
class Mistake:
    """A change of the port, the verdict it must get, and a part of the reason."""

    name: str
    old: str
    new: str
    verdict: str
    reason: str


MISTAKES = (
    Mistake("none: the port is right", "", "", "ok", ""),
    Mistake("another eps", "dim, eps=1e-5", "dim, eps=1e-3", "DIFFERS", "eval: output['out']"),
    Mistake("another momentum", "momentum=0.9", "momentum=0.8", "DIFFERS", "running_mean"),
    Mistake("biased running variance", "count / (count - 1)", "1.0", "DIFFERS", "running_var"),
    Mistake("another initial scale", "1e-4", "1e-2", "DIFFERS", "start: scale"),
    Mistake("another initial spread", "**-0.5", "**-0.3", "DIFFERS", "standard deviation"),
    Mistake(
        "another distribution",
        "jax.random.uniform(rngs.params(), shape, minval=-bound, maxval=bound)",
        "bound / 3**0.5 * jax.random.normal(rngs.params(), shape)",
        "DIFFERS",
        "reaches",
    ),
    Mistake("another constant", "linspace(0, 1", "linspace(0, 1.01", "DIFFERS", "start: table"),
    Mistake("another dropout rate", "Dropout(rate", "Dropout(rate / 2", "DIFFERS", "shared random"),
    Mistake(
        "a stopped gradient",
        "scaled(layer(x), self.scale)",
        "scaled(jax.lax.stop_gradient(layer(x)), self.scale)",
        "DIFFERS",
        "gradient: layers.0.0.weight",
    ),
    Mistake("an output as whole number", "x.mean()}", "jnp.int32(x.mean())}", "DIFFERS", "int32"),
    Mistake("an output less", ', "mean": x.mean()', "", "DIFFERS", "1 values instead of 2"),
    Mistake("a parameter less", "self.b = nnx.Param(jnp.zeros(dim))", "self.b = 0.0", "fails", "b"),
    Mistake(
        "a parameter more",
        "self.eps = eps",
        "self.eps, self.more = eps, nnx.Param(jnp.ones(3))",
        "fails",
        "norm.more is not in torch's module",
    ),
    Mistake(
        "a layout that is not torch's",
        "(1e-4 * jnp.ones(dim)",
        "(jnp.ones((1, dim))",
        "fails",
        "(1, 32)",
    ),
    Mistake("torch is still there", "import jax\n", "import jax, torch\n", "fails", "torch"),
    Mistake("an error", "scaled(layer(x), self.scale)", "scaled(layer(x))", "fails", "TypeError"),
)


def main() -> int:
    """Judge all ports and print what came out; the exit code is 1 if a verdict is wrong."""
    wrong = 0
    for mistake in MISTAKES:
        outcomes = _judge(mistake)
        verdict = _worst(outcomes)
        reasons = [line for o in outcomes for line in [*o.remarks, o.error] if line]
        fits = verdict == mistake.verdict and (
            not mistake.reason or any(mistake.reason in line for line in reasons)
        )
        wrong += not fits
        reason = next((line for line in reasons if mistake.reason in line), "".join(reasons[:1]))
        print(f"{'' if fits else 'WRONG ':<6}{mistake.name:<30}{verdict:<9}{reason}")
        for outcome in outcomes if verdict == "ok" else []:
            numbers = ", ".join(f"{mode} {d:.1e}" for mode, d in outcome.differences.items())
            print(f"{'':<36}{outcome.label}: {numbers}")
    print(f"{len(MISTAKES) - wrong} of {len(MISTAKES)} verdicts are right")
    return int(wrong > 0)


def _judge(mistake: Mistake) -> list[Outcome]:
    if mistake.old and mistake.old not in PORT:
        raise ValueError(f"the port has no {mistake.old!r}")
    with tempfile.TemporaryDirectory() as folder:
        originals, ports = Path(folder, "torch"), Path(folder, "jax")
        files = {
            originals / "sample/model.py": ORIGINAL,
            originals / "sample/parts.py": ORIGINAL_PARTS,
            ports / "sample/model.py": PORT.replace(mistake.old, mistake.new, 1)
            if mistake.old
            else PORT,
            ports / "sample/parts.py": ORIGINAL_PARTS,
        }
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        with mock.patch.object(transfer, "tables", lambda: TABLES):
            return judge("sample", originals, ports, CONSTRUCTIONS, gradients=True)


def _worst(outcomes: Sequence[Outcome]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    return max(verdicts, key=["ok", "DIFFERS", "fails"].index)
