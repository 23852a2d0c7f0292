"""Import the files of a package, the originals and then, under the same names, their ports."""

# mypy: allow-subclassing-any

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import torch

# What a ported file has no business to import.
TORCH = ("torch", "torchvision", "torchaudio", "einops.layers.torch")

# What originals import beside torch, and there is no build of for every build of torch.
MISSING = (
    "torchvision",
    "torchvision.transforms",
    "torchvision.ops",
    "torchvision.ops.misc",
    "torchaudio",
    "torchaudio.transforms",
)


class _Missing(torch.nn.Module):
    """In place of a class of a package that cannot be imported: can be made, but not called."""

    def __init__(self, *_arguments: Any, **_keywords: Any) -> None:
        super().__init__()

    def forward(self, *_inputs: Any, **_keywords: Any) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} is not there")


class _MissingModule(ModuleType):
    def __getattr__(self, name: str) -> type[_Missing]:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Missing,), {})


def provide_missing() -> None:
    """Let originals import the packages of MISSING, so that the rest of the file can be judged."""
    for name in MISSING:
        module = _MissingModule(name)
        module.__path__ = []
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)


@contextmanager
def importing(name: str, root: Path, *, torch_allowed: bool) -> Iterator[None]:
    """Within, the modules of package `name` are those below `root`.

    The packages' own `__init__` files, which would import every other file, are left out.
    Without `torch_allowed`, importing torch raises ImportError. Afterwards nothing of the package
    is left in `sys.modules`, so that the same names can stand for other files.
    """
    top = name.partition(".")[0]
    hidden = {} if torch_allowed else {other: sys.modules.get(other) for other in TORCH}
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        bare = ModuleType(".".join(parts[:depth]))
        bare.__path__ = [str(root.joinpath(*parts[:depth]))]
        sys.modules[bare.__name__] = bare
    # None is the import system's own mark for "cannot be imported".
    sys.modules.update(dict.fromkeys(hidden, None))  # type: ignore[arg-type]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for other in [*sys.modules]:
            if other.partition(".")[0] == top:
                del sys.modules[other]
        for other, module in hidden.items():
            if module is None:
                del sys.modules[other]
            else:
                sys.modules[other] = module
