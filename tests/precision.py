"""Both frameworks in float64: in float32 rounding noise grows over the steps of a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import torch


@contextmanager
def float64() -> Iterator[None]:
    """New tensors and arrays are float64, such as Adam needs beside batch norm.

    In float32 it makes steps of the rounding noise of a bias that batch norm takes away.
    """
    torch.set_default_dtype(torch.float64)
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        jax.config.update("jax_enable_x64", False)
