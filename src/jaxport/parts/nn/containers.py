"""Layers that hold other layers, or none."""

# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Any

from flax import nnx


class Identity(nnx.Module):
    """`torch.nn.Identity`: returns its input, whatever it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, x: Any) -> Any:
        return x


class Sequential(nnx.List):
    """`torch.nn.Sequential`: a list of layers, called one after the other.

    Unlike `nnx.Sequential` it hands on exactly one value (a tuple stays a tuple), can be indexed
    and sliced, and takes one dict of layers, which are then also attributes by their names.
    """

    def __init__(self, *layers: Any) -> None:
        named = len(layers) == 1 and isinstance(layers[0], dict)
        self._names: tuple[str, ...] = tuple(layers[0]) if named else ()
        if any(name.isdigit() for name in self._names):
            raise ValueError(f"layers of a Sequential cannot be named by numbers: {self._names}")
        super().__init__(layers[0].values() if named else layers)

    def __call__(self, x: Any) -> Any:
        for layer in self:
            x = layer(x)
        return x

    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, slice):
            return super().__getitem__(index)
        layers = super().__getitem__(index)
        if len(self._names) < len(self):
            return Sequential(*layers)
        return Sequential(dict(zip(self._names[index], layers, strict=True)))

    def __delitem__(self, index: int | slice) -> None:
        layers = list(self)
        del layers[index]
        while len(self):
            super().__delitem__(-1)
        self._names = ()
        self.extend(layers)

    def __getattr__(self, name: str) -> Any:
        names = vars(self).get("_names", ())
        if name not in names:
            raise AttributeError(f"Sequential has no attribute {name!r}")
        return self[names.index(name)]

    def __setattr__(self, name: str, value: Any) -> None:
        names = vars(self).get("_names", ())
        super().__setattr__(str(names.index(name)) if name in names else name, value)
