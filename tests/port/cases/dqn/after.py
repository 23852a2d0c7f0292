"""Q-learning from a memory of random walks on a grid, with a target network."""
from collections import namedtuple
import functools
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


class Linear(nnx.Linear):
    """`torch.nn.Linear`: an `nnx.Linear` that starts from torch's values.

    Kernel, (in, out), and bias are uniform within ±1/sqrt(in).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        bound = 1 / math.sqrt(in_features)
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        super().__init__(
            in_features,
            out_features,
            use_bias=bias,
            kernel_init=uniform,
            bias_init=uniform,
            rngs=rngs,
        )


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


def huber_loss(
    input: jax.Array,
    target: jax.Array,
    reduction: Literal["mean", "sum", "none"] = "mean",
    delta: float = 1.0,
) -> jax.Array:
    """Half the squared difference up to `delta`, beyond it linear with slope `delta`."""
    size = jnp.abs(input - target)
    losses = jnp.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))
    return _reduce(losses, reduction)


def l1_loss(
    input: jax.Array, target: jax.Array, reduction: Literal["mean", "sum", "none"] = "mean"
) -> jax.Array:
    """The absolute difference of `input` and `target`, with slope 0 where they are equal."""
    difference = input - target
    # The slope of `jnp.abs` at 0 is 1.
    return _reduce(difference * jnp.sign(difference), reduction)


def smooth_l1_loss(
    input: jax.Array,
    target: jax.Array,
    reduction: Literal["mean", "sum", "none"] = "mean",
    beta: float = 1.0,
) -> jax.Array:
    """The Huber loss divided by `beta`, so that its slope is 1 at the far ends; L1 for 0."""
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / beta


class SmoothL1Loss(nnx.Module):
    """`torch.nn.SmoothL1Loss`: the Huber loss divided by `beta`."""

    def __init__(
        self, *, reduction: Literal["mean", "sum", "none"] = "mean", beta: float = 1.0
    ) -> None:
        self.reduction = reduction
        self.beta = beta

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return smooth_l1_loss(input, target, self.reduction, self.beta)


def gather(x: jax.Array, dim: int, index: jax.Array) -> jax.Array:
    """`torch.gather`: `jnp.take_along_axis`, with an index that is not broadcast.

    Where `index` is smaller than `x` in another dimension, the rest of `x` is not used.
    """
    dim %= x.ndim
    used = [slice(None if axis == dim else size) for axis, size in enumerate(index.shape)]
    return jnp.take_along_axis(x[tuple(used)], index, axis=dim)


class ValuesAndIndices(NamedTuple):
    """What torch gives for `max(dim)`, `sort`, `topk`, …: values, and where they were."""

    values: jax.Array
    indices: jax.Array


def _at(x: jax.Array, indices: jax.Array, dim: int, keepdim: bool = True) -> ValuesAndIndices:
    """The values of `x` at `indices`, which has the dimensions of `x`."""
    values = jnp.take_along_axis(x, indices, axis=dim)
    if keepdim:
        return ValuesAndIndices(values, indices)
    return ValuesAndIndices(jnp.squeeze(values, dim), jnp.squeeze(indices, dim))


def max_with_indices(x: jax.Array, dim: int, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.max` along a dimension: the maxima, and where the first of each is."""
    return _at(x, jnp.argmax(x, axis=dim, keepdims=True), dim, keepdim)

SIZE = 4
GAMMA = 0.95
BATCH_SIZE = 32
N_UPDATES = 200
SYNC_EVERY = 10
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))

Step = namedtuple("Step", ["state", "action", "reward", "next_state", "done"])


class Grid:
    """From a random cell to the last one; every move costs a little."""

    def __init__(self, rng):
        self.rng = rng
        self.cell = None

    def reset(self):
        self.cell = tuple(self.rng.integers(0, SIZE - 1, size=2))
        return self.observe()

    def observe(self):
        return np.array(self.cell, dtype=np.float32) / (SIZE - 1)

    def step(self, action):
        self.cell = tuple(min(max(p + d, 0), SIZE - 1) for p, d in zip(self.cell, MOVES[action]))
        done = self.cell == (SIZE - 1, SIZE - 1)
        return self.observe(), 5.0 if done else -0.1, done


class Memory:
    def __init__(self, rng):
        self.rng = rng
        self.steps = []

    def __len__(self):
        return len(self.steps)

    def add(self, *values):
        self.steps.append(Step(*values))

    def sample(self, n):
        """n different steps, as one Step of tensors."""
        chosen = [self.steps[i] for i in self.rng.choice(len(self), size=n, replace=False)]
        batch = Step(*zip(*chosen))
        return Step(
            jnp.asarray(np.stack(batch.state)),
            jnp.expand_dims(jnp.array(batch.action), 1),
            jnp.array(batch.reward, dtype=jnp.float32).reshape(-1, 1),
            jnp.asarray(np.stack(batch.next_state)),
            jnp.array(batch.done, dtype=jnp.float32).reshape(-1, 1),
        )


def walk_at_random(n_steps=600):
    rng = np.random.default_rng(0)
    grid, memory = Grid(rng), Memory(rng)
    state = grid.reset()
    for _ in range(n_steps):
        action = int(rng.integers(0, len(MOVES)))
        next_state, reward, done = grid.step(action)
        memory.add(state, action, reward, next_state, done)
        state = grid.reset() if done else next_state
    return memory


class QNetwork(nnx.Module):
    """The value of every move in a state."""

    def __init__(self, n_inputs=2, n_actions=len(MOVES), hidden=32, *, rngs: nnx.Rngs):
        self.fc1 = Linear(n_inputs, hidden, rngs=rngs)
        self.fc2 = Linear(hidden, hidden, rngs=rngs)
        self.value = Linear(hidden, 1, rngs=rngs)
        self.advantage = Linear(hidden, n_actions, rngs=rngs)

    def __call__(self, state):
        x = jax.nn.relu(self.fc2(jax.nn.relu(self.fc1(state))))
        advantage = self.advantage(x)
        return self.value(x) + advantage - advantage.mean(axis=1, keepdims=True)


def build():
    rngs = nnx.Rngs(0)
    return QNetwork(rngs=rngs), QNetwork(rngs=rngs)


def train(policy, target):
    memory = walk_at_random()
    nnx.update(target, nnx.to_pure_dict(nnx.state(policy)))
    target.eval()
    optimizer = optax.chain(
        optax.clip(1.0),
        optax.rmsprop(learning_rate=5e-3, decay=0.95, eps=1e-2, eps_in_sqrt=False),
    )
    opt_state = optimizer.init(nnx.state(policy, nnx.Param))
    criterion = SmoothL1Loss()

    losses = []
    for update in range(1, N_UPDATES + 1):
        batch = memory.sample(BATCH_SIZE)

        best_next = max_with_indices(target(batch.next_state), 1, keepdim=True)[0]
        wanted = batch.reward + GAMMA * (1 - batch.done) * best_next
        wanted = jax.lax.stop_gradient(wanted)
        def loss_fn(policy):
            q = gather(policy(batch.state), 1, batch.action)
            return criterion(q, wanted)

        loss, grads = nnx.value_and_grad(loss_fn)(policy)

        params = nnx.state(policy, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(policy, params)
        losses.append(loss.item())

        if update % SYNC_EVERY == 0:
            nnx.update(target, nnx.to_pure_dict(nnx.state(policy)))
        if update % 50 == 0:
            print(f"update {update:3d}  loss {loss.item():.5f}  steps to goal {play(policy)}")
    return losses


def play(policy, limit=20):
    grid = Grid(np.random.default_rng(1))
    state = grid.reset()
    for t in range(1, limit + 1):
        q = policy(jnp.expand_dims(jnp.asarray(state), 0))
        state, _, done = grid.step(q.argmax(axis=1).item())
        if done:
            return t
    return limit


if __name__ == "__main__":
    policy, target = build()
    losses = train(policy, target)
    models = [policy, target]
