"""Two small models of each file of timm.models: a training step, features, a checkpoint."""

import contextlib
import tempfile
from pathlib import Path

import timm
import torch
from timm.models import load_checkpoint
from timm.utils import ModelEmaV3

from benchmarks.accuracy import families

# Words in the names of models, the smaller ones first.
SIZES = (
    "test_", "atto", "femto", "pico", "nano", "zepto", "micro", "mini", "_xxs", "xxt", "tiny",
    "_xs", "small", "_s0", "_t", "18", "_s", "_b0", "_0", "26", "lite", "base", "50",
)  # fmt: skip


def by_size(name):
    return next((place for place, word in enumerate(SIZES) if word in name), len(SIZES)), name


def models(family):
    """The two models that look smallest, of different classes where there are some."""
    names = sorted(timm.list_models(module=family), key=by_size)
    heads = {}
    for name in names:
        heads.setdefault(name.split("_")[0].rstrip("0123456789"), name)
    return [*dict.fromkeys([*names[:1], *list(heads.values())[1:3]])]


def train(model):
    """One training step on the smallest image that the model takes, whichever that is."""
    size = model.default_cfg["input_size"]
    for side in (64, 128, size[-1]):
        try:
            output = model(torch.randn(2, size[0], side, side))
            break
        except (RuntimeError, AssertionError, ValueError, IndexError):
            if side == size[-1]:
                raise
    outputs = output if isinstance(output, (list, tuple)) else [output]
    sum(item.float().mean() for item in outputs if isinstance(item, torch.Tensor)).backward()


def run(family):
    for number, name in enumerate(models(family)):
        model = timm.create_model(name, num_classes=10)
        model.train()
        train(model)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pt"
            torch.save(model.state_dict(), path)
            ema = ModelEmaV3(model)
            ema.update(model)
            if number == 0:
                load_checkpoint(model, str(path))
                timm.create_model(name, num_classes=10, checkpoint_path=str(path))
        model.reset_classifier(5)
        with contextlib.suppress(RuntimeError, AttributeError, AssertionError):
            timm.create_model(name, features_only=True)  # Not every model can.


families.run(timm.list_modules, run)
