"""The two halves of `training/*/parts.py` agree: outputs, losses, gradients, statistics.

The training scripts are proven on them, so what differs here would be taken for a wrong port.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import pytest
import torch
from flax import nnx

Arrays = dict[str, np.ndarray]
Loss = Callable[[Any, ModuleType], Any]


def half(name: str) -> ModuleType:
    path = Path(__file__).parent / "training" / name / "parts.py"
    spec = importlib.util.spec_from_file_location(f"{name}_parts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


THEIRS, OURS = half("torch"), half("jax")


@pytest.fixture(autouse=True)
def x64() -> Iterator[None]:
    """JAX computes in float64 here, as torch does."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        yield
    torch.set_default_dtype(before)


def images(parts: ModuleType) -> Any:
    return parts.image_dataset().tensors


def rows(parts: ModuleType) -> Any:
    return parts.classification_dataset().tensors


def states(parts: ModuleType) -> Any:
    return parts.transitions(1)[0][0]


def tokens(parts: ModuleType) -> Any:
    return parts.token_batches(1)[0]


def supervised(data: Callable[[ModuleType], Any]) -> Loss:
    def loss(model: Any, parts: ModuleType) -> Any:
        x, y = data(parts)
        return parts.cross_entropy(model(x), y)

    return loss


def fitted(parts: ModuleType, model: Any, inputs: int) -> Any:
    return parts.mse_loss(model(parts.randn(8, inputs)), 0.5)


def squares(*inputs: int) -> Loss:
    return lambda model, parts: fitted(parts, model, *inputs)


def next_words(model: Any, parts: ModuleType) -> Any:
    x, y = tokens(parts)
    logits, hidden = model(x, model.init_hidden(len(x)))
    return parts.cross_entropy(logits.reshape(-1, 12), y.reshape(-1)) + (hidden**2).sum()


def time_steps(model: Any, parts: ModuleType) -> Any:
    hidden = model.init_hidden(4)
    total = 0.0
    for x, y in parts.series(3):
        out, hidden = model(x, hidden)
        total = total + parts.mse_loss(out, y)
    return total


def vae(model: Any, parts: ModuleType) -> Any:
    x = parts.vectors(1)[0]
    recon, mu, logvar = model(x, parts.randn(8, 2))
    return parts.mse_loss(recon, x, reduction="sum") + parts.kl_normal(mu, logvar)


def actor_critic(model: Any, parts: ModuleType) -> Any:
    _, action, reward, *_ = parts.transitions(1)[0]
    log_probabilities, value = model(states(parts))
    chosen = parts.gather(log_probabilities, action)
    return -(chosen * parts.detach(reward - value)).mean() + parts.smooth_l1_loss(value, reward)


def two_tasks(model: Any, parts: ModuleType) -> Any:
    batch = parts.to_device(parts.multi_task_batches(1)[0])
    out = model(batch["inputs"])
    first = parts.cross_entropy(out["class"], batch["labels"])
    return first + parts.l1_loss(out["value"], batch["values"])


def ranked(model: Any, parts: ModuleType) -> Any:
    return parts.TripletLoss(0.5)(*(model(x) for x in parts.triplets(1)[0]))


def ratings(model: Any, parts: ModuleType) -> Any:
    user, item, rating = parts.ratings_dataset().tensors
    return parts.MSELoss()(model(user, item), rating)


def binary(model: Any, parts: ModuleType) -> Any:
    x, y = parts.binary_dataset().tensors
    return parts.BCEWithLogitsLoss()(model(x), y)


MODELS: dict[str, Loss] = {
    "LinearRegression": squares(4),
    "LogisticRegression": binary,
    "MLP": lambda model, parts: model.loss(*parts.regression_dataset().tensors),
    "DeepMLP": squares(4),
    "Classifier": lambda model, parts: model.training_step(rows(parts)),
    "ConvNet": supervised(images),
    "Encoder": squares(8),
    "Decoder": squares(3),
    "AutoEncoder": squares(8),
    "VAE": vae,
    "Generator": squares(3),
    "BatchNormGenerator": squares(3),
    "Discriminator": squares(4),
    "RNN": time_steps,
    "WordLM": next_words,
    "TransformerLM": lambda model, parts: model(*tokens(parts))[1],
    "QNetwork": lambda model, parts: parts.row_max(model(states(parts))).mean(),
    "PolicyNetwork": lambda model, parts: parts.nll_loss(
        model(states(parts)), parts.transitions(1)[0][1]
    ),
    "ValueNetwork": squares(4),
    "ActorCritic": actor_critic,
    "Backbone": squares(6),
    "TransferNet": supervised(rows),
    "SiameseNet": ranked,
    "BagOfWords": supervised(lambda parts: parts.text_dataset().tensors),
    "MatrixFactorization": ratings,
    "MultiTaskNet": two_tasks,
    "UncertaintyLoss": lambda model, parts: model(0.3, 2.0),
}


def theirs(name: str) -> tuple[Any, float, Arrays]:
    """The torch model after one call in training mode, its loss and its gradients."""
    model = getattr(THEIRS, name)()
    loss = MODELS[name](model, THEIRS)
    loss.backward()
    return model, loss.item(), {k: p.grad.numpy() for k, p in model.named_parameters()}


def ours(name: str) -> tuple[Any, float, Arrays]:
    model = getattr(OURS, name)()
    loss, grads = nnx.jit(nnx.value_and_grad(lambda m: MODELS[name](m, OURS)))(model)
    return model, float(loss), OURS.arrays(grads)


def same(a: Arrays, b: Arrays) -> None:
    assert list(a) == sorted(b)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-7, atol=1e-9, strict=True)


def test_the_halves_have_the_same_names() -> None:
    def names(parts: ModuleType) -> set[str]:
        return {
            name
            for name, value in vars(parts).items()
            if not inspect.ismodule(value) and not name.startswith("_")
        }

    assert names(THEIRS) == names(OURS)


def test_every_model_is_compared() -> None:
    models = {
        name
        for name, value in vars(OURS).items()
        if inspect.isclass(value) and issubclass(value, nnx.Module) and not name.startswith("_")
    }
    layers = {"Linear", "Conv2d", "Embedding", "LayerNorm", "GRUCell", "Attention", "Block"}
    losses = {name for name in models if name.endswith("Loss")} - {"UncertaintyLoss"}
    assert models - losses - layers - {"BatchNorm1d", "BatchNorm2d"} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_starts_alike(name: str) -> None:
    same(OURS.arrays(getattr(OURS, name)()), THEIRS.arrays(getattr(THEIRS, name)()))


@pytest.mark.parametrize("name", MODELS)
def test_loss_gradients_and_statistics_agree(name: str) -> None:
    their_model, their_loss, their_grads = theirs(name)
    our_model, our_loss, our_grads = ours(name)
    assert our_loss == pytest.approx(their_loss, rel=1e-8)
    same(our_grads, their_grads)
    same(OURS.arrays(our_model), THEIRS.arrays(their_model))
    # In evaluation mode statistics are used and left alone.
    their_model.eval()
    our_model.eval()
    with torch.no_grad():
        expected = MODELS[name](their_model, THEIRS).item()
    loss = nnx.jit(lambda m: MODELS[name](m, OURS))(our_model)
    assert float(loss) == pytest.approx(expected, rel=1e-8)
    same(OURS.arrays(our_model), THEIRS.arrays(their_model))


def in_both(compute: Callable[[ModuleType], Any]) -> None:
    """`compute` gives the same numbers, kinds of number and shapes in both halves."""
    np.testing.assert_allclose(
        np.asarray(OURS.to_numpy(compute(OURS))),
        np.asarray(THEIRS.to_numpy(compute(THEIRS))),
        rtol=1e-7,
        atol=1e-12,
        strict=True,
    )


X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.random.default_rng(1).normal(size=(8, 3))
LABELS = np.arange(8) % 3


@pytest.mark.parametrize(
    "compute",
    [
        lambda p: p.mse_loss(p.tensor(X), p.tensor(Y)),
        lambda p: p.MSELoss(reduction="sum")(p.tensor(X), p.tensor(Y)),
        lambda p: p.MSELoss(reduction="none")(p.tensor(X), p.tensor(Y)),
        lambda p: p.l1_loss(p.tensor(X), p.tensor(Y)),
        lambda p: p.L1Loss()(p.tensor(X), p.tensor(Y)),
        lambda p: p.smooth_l1_loss(p.tensor(X), p.tensor(Y)),
        lambda p: p.cross_entropy(p.tensor(X), p.tensor(LABELS)),
        lambda p: p.cross_entropy(p.tensor(X), p.softmax(p.tensor(Y))),
        lambda p: p.CrossEntropyLoss(reduction="none")(p.tensor(X), p.tensor(LABELS)),
        lambda p: p.nll_loss(p.log_softmax(p.tensor(X)), p.tensor(LABELS)),
        lambda p: p.binary_cross_entropy_with_logits(p.tensor(X), p.tensor((Y > 0) * 1.0)),
        lambda p: p.kl_div(p.log_softmax(p.tensor(X)), p.softmax(p.tensor(Y))),
        lambda p: p.kl_normal(p.tensor(X), p.tensor(Y)),
        lambda p: p.triplet_loss(p.tensor(X), p.tensor(Y), p.tensor(Y[::-1].copy())),
        lambda p: p.clamp(p.tensor(X), -0.1, 0.2),
        lambda p: p.gather(p.tensor(X), p.tensor(LABELS)),
        lambda p: p.row_max(p.tensor(X)),
        lambda p: p.full_like(p.tensor(X), 0.9),
        lambda p: p.cat([p.tensor(X), p.tensor(Y)], 1),
        lambda p: p.stack([p.zeros(2), p.ones(2)]),
        lambda p: p.where(p.tensor(X) > 0, p.zeros_like(p.tensor(X)), p.ones_like(p.tensor(X))),
        lambda p: p.minimum(p.exp(p.tensor(X)), p.square(p.tensor(Y))),
        lambda p: p.relu(p.sigmoid(p.tensor(X)) - p.tanh(p.tensor(Y))),
        lambda p: p.log(p.detach(p.tensor(X)) ** 2),
        lambda p: p.tensor(p.accuracy(p.tensor(X), p.tensor(LABELS))),
    ],
)  # fmt: skip
def test_functions_agree(compute: Callable[[ModuleType], Any]) -> None:
    in_both(compute)


@pytest.mark.parametrize(
    "data",
    [
        lambda p: p.DataLoader(p.regression_dataset(20), batch_size=8, shuffle=True),
        lambda p: p.DataLoader(p.classification_dataset(20), batch_size=8, drop_last=True),
        lambda p: p.DataLoader(p.binary_dataset(), batch_size=32),
        lambda p: p.DataLoader(p.image_dataset(), batch_size=32),
        lambda p: p.DataLoader(p.text_dataset(), batch_size=32),
        lambda p: p.DataLoader(p.ratings_dataset(), batch_size=32),
        lambda p: [tuple(batch.values()) for batch in p.multi_task_batches(2)],
        lambda p: p.regression_batches(2),
        lambda p: p.classification_batches(2),
        lambda p: [(x,) for x in p.vectors(2)],
        lambda p: p.series(2),
        lambda p: p.token_batches(2),
        lambda p: p.triplets(2),
        lambda p: p.transitions(2),
    ],
)  # fmt: skip
def test_data_agree(data: Callable[[ModuleType], Any]) -> None:
    for _ in range(2):
        loaders = data(OURS), data(THEIRS)
        assert len(loaders[0]) == len(loaders[1])
        for our_batch, their_batch in zip(*loaders, strict=True):
            assert len(our_batch) == len(their_batch)
            for one, other in zip(our_batch, their_batch, strict=True):
                in_both({OURS: one, THEIRS: other}.__getitem__)


def test_a_shuffled_loader_has_another_order_in_each_epoch() -> None:
    for parts in (OURS, THEIRS):
        loader = parts.DataLoader(parts.regression_dataset(), shuffle=True)
        first, second = (parts.to_numpy(next(iter(loader))[0]) for _ in range(2))
        assert not np.allclose(first, second)


def test_weights_of_one_model_go_to_another() -> None:
    for parts in (OURS, THEIRS):
        one, other = parts.Classifier(name="one"), parts.Classifier(name="other")
        one(parts.classification_dataset().tensors[0])
        copy = parts.clone(one)
        parts.copy_weights(other, one)
        same(parts.arrays(other), parts.arrays(one))
        same(parts.arrays(copy), parts.arrays(one))
        parts.update_ema(copy, parts.Classifier(name="three"), 0.9)
        assert not np.allclose(parts.arrays(copy)["fc1.weight"], parts.arrays(one)["fc1.weight"])
        with parts.evaluating(other), parts.no_grad(), parts.set_grad_enabled(False):
            other(parts.ones(4, 6))
        same(parts.arrays(other), parts.arrays(one))


def test_moving_averages_agree() -> None:
    kept = []
    for parts in (OURS, THEIRS):
        average = parts.MLP()
        parts.update_ema(average, parts.MLP(name="new"), 0.9)
        kept.append(parts.arrays(average))
    same(*kept)
