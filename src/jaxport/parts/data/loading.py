"""Data sets, and batches of them as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


class Dataset:
    """`torch.utils.data.Dataset`: something with `__getitem__` and `__len__`."""


class TensorDataset(Dataset):
    """`torch.utils.data.TensorDataset`: items are tuples of one row of each array."""

    def __init__(self, *tensors: jax.Array) -> None:
        if any(len(tensor) != len(tensors[0]) for tensor in tensors):
            raise ValueError("all arrays of a TensorDataset must have the same length")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[jax.Array, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


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
