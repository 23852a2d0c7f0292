"""Ratings of films as the dot product of a user's and a film's embedding."""
from collections.abc import Callable, Iterator
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


def default_collate(items: list[Any]) -> Any:
    """Items as one batch: arrays and numbers stacked, tuples, lists and dicts of them kept."""
    first = items[0]
    if isinstance(first, dict):
        return {key: default_collate([item[key] for item in items]) for key in first}
    if isinstance(first, tuple | list):
        return [default_collate(list(column)) for column in zip(*items, strict=True)]
    if isinstance(first, str | bytes):
        return items
    return jnp.stack([jnp.asarray(item) for item in items])


class DataLoader:
    """`torch.utils.data.DataLoader` without worker processes: batches of stacked items.

    Shuffling draws a new order from `rngs` for each pass over the data.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        persistent_workers: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.collate_fn = collate_fn or default_collate
        self.drop_last = drop_last
        self.rngs = rngs.fork()

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        order = np.arange(count)
        if self.shuffle:
            order = np.asarray(jax.random.permutation(self.rngs(), count))
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.collate_fn([self.dataset[int(row)] for row in rows])

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full if self.drop_last or not rest else full + 1


class Dataset:
    """`torch.utils.data.Dataset`: something with `__getitem__` and `__len__`."""


class Embedding(nnx.Embed):
    """`torch.nn.Embedding`: an `nnx.Embed` with standard normal vectors.

    The vector at `padding_idx` starts as zeros, and looking it up gives it no gradient.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, embedding_init=nnx.initializers.normal(1.0), rngs=rngs
        )
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"padding_idx {padding_idx} is not one of {num_embeddings}")
            padding_idx %= num_embeddings
            self.embedding[...] = self.embedding[...].at[padding_idx].set(0.0)
        self.padding_idx = padding_idx

    @property
    def weight(self) -> jax.Array:
        """The embedding, (num_embeddings, embedding_dim)."""
        return self.embedding[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.embedding[...] = value

    def __call__(self, inputs: jax.Array) -> jax.Array:
        vectors = super().__call__(inputs)
        if self.padding_idx is None:
            return vectors
        padding = (inputs == self.padding_idx)[..., None]
        return jnp.where(padding, jax.lax.stop_gradient(vectors), vectors)


def _reduce(losses: jax.Array, reduction: str) -> jax.Array:
    """The mean or the sum of `losses`, or `losses` itself for "none"."""
    match reduction:
        case "mean":
            return losses.mean()
        case "sum":
            return losses.sum()
        case "none":
            return losses
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def mse_loss(
    input: jax.Array, target: jax.Array, reduction: Literal["mean", "sum", "none"] = "mean"
) -> jax.Array:
    """The squared difference of `input` and `target`."""
    return _reduce(jnp.square(input - target), reduction)


class MSELoss(nnx.Module):
    """`torch.nn.MSELoss`: the squared difference."""

    def __init__(self, *, reduction: Literal["mean", "sum", "none"] = "mean") -> None:
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return mse_loss(input, target, self.reduction)


def clamp(
    x: jax.Array, min: jax.Array | float | None = None, max: jax.Array | float | None = None
) -> jax.Array:
    """`torch.clamp`: its gradient at a bound is one, that of `jnp.clip` a half."""
    if min is not None:
        x = jnp.where((x < min) | (min != min), min, x)
    return x if max is None else jnp.where((x > max) | (max != max), max, x)

NUM_USERS = 40
NUM_ITEMS = 30
MIN_RATING, MAX_RATING = 0.5, 5.5


class RatingsDataset(Dataset):
    """(user, item, rating) triples, without the pandas."""

    def __init__(self, users: np.ndarray, items: np.ndarray, ratings: np.ndarray):
        self.users = jnp.array(users, dtype=int)
        self.items = jnp.array(items, dtype=int)
        self.ratings = jnp.array(ratings, dtype=jnp.float32)

    def __len__(self) -> int:
        return len(self.ratings)

    def __getitem__(self, idx):
        return self.users[idx], self.items[idx], self.ratings[idx]


class DotProductBias(nnx.Module):
    """Matrix factorisation with biases; a sigmoid keeps the rating in its range."""

    def __init__(self, num_users: int, num_items: int, n_factors: int = 8,
                 y_range: tuple = (MIN_RATING, MAX_RATING), *, rngs: nnx.Rngs):
        self.user_factors = Embedding(num_users, n_factors, rngs=rngs)
        self.user_bias = Embedding(num_users, 1, rngs=rngs)
        self.item_factors = Embedding(num_items, n_factors, rngs=rngs)
        self.item_bias = Embedding(num_items, 1, rngs=rngs)
        self.global_bias = nnx.Param(jnp.array(0.0))
        self.y_range = y_range

        self.user_factors.weight = jax.random.uniform(rngs.params(), self.user_factors.weight.shape, self.user_factors.weight.dtype, minval=-0.1, maxval=0.1)
        self.item_factors.weight = jax.random.uniform(rngs.params(), self.item_factors.weight.shape, self.item_factors.weight.dtype, minval=-0.1, maxval=0.1)
        self.user_bias.weight = jnp.zeros_like(self.user_bias.weight)
        self.item_bias.weight = jnp.zeros_like(self.item_bias.weight)

    def __call__(self, users, items):
        dot = (self.user_factors(users) * self.item_factors(items)).sum(axis=1, keepdims=True)
        res = dot + self.user_bias(users) + self.item_bias(items) + self.global_bias[...]
        low, high = self.y_range
        return jax.nn.sigmoid(res.squeeze(1)) * (high - low) + low


def make_ratings(n: int = 600):
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(NUM_USERS, 2))
    style = rng.normal(size=(NUM_ITEMS, 2))
    users = rng.integers(0, NUM_USERS, size=n)
    items = rng.integers(0, NUM_ITEMS, size=n)
    score = 3.0 + (taste[users] * style[items]).sum(1) + rng.normal(0, 0.1, size=n)
    return users, items, np.clip(np.round(2 * score) / 2, 1.0, 5.0)


users, items, ratings = make_ratings()
split = int(0.8 * len(ratings))
train_ds = RatingsDataset(users[:split], items[:split], ratings[:split])
valid_ds = RatingsDataset(users[split:], items[split:], ratings[split:])
rngs = nnx.Rngs(0)
train_dl = DataLoader(train_ds, batch_size=32, shuffle=False, drop_last=True, rngs=rngs)
valid_dl = DataLoader(valid_ds, batch_size=64, rngs=rngs)


def build() -> nnx.Module:
    rngs = nnx.Rngs(0)
    return DotProductBias(NUM_USERS, NUM_ITEMS, rngs=rngs)


def rmse(model: nnx.Module) -> float:
    model.eval()
    sum_loss, total = 0.0, 0
    for user, item, rating in valid_dl:
        user, item, rating = user, item, rating
        y_hat = clamp(model(user, item), min=1.0, max=5.0)
        sum_loss += jnp.sum(jnp.square(y_hat - rating)).item()
        total += rating.shape[0]
    return (sum_loss / total) ** 0.5


def train(model: nnx.Module, epochs: int = 12) -> list[float]:
    optimizer = optax.chain(optax.add_decayed_weights(1e-5), optax.adam(learning_rate=0.03))
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    loss_fn = MSELoss()
    losses = []
    for i in range(epochs):
        model.train()
        for user, item, rating in train_dl:
            user = user
            item = item
            rating = rating

            def compute_loss(model):
                y_hat = model(user, item)
                return loss_fn(y_hat, rating)

            loss, grads = nnx.value_and_grad(compute_loss)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        if i % 4 == 3:
            print("train loss %.3f valid rmse %.3f" % (losses[-1], rmse(model)))
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
