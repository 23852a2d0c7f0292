"""The smallest models of each file of torchvision.models: a training step and a saved state."""

import copy

import torch
from torchvision import models

from benchmarks.accuracy import families

SIZES = ("18", "11", "0_5", "_s", "_t", "tiny", "small", "16", "mobile", "1_1", "121", "50")


def by_family():
    found = {}
    for name in models.list_models():
        builder = models.get_model_builder(name)
        found.setdefault(builder.__module__.removeprefix("torchvision.models."), []).append(name)
    return found


def small(name):
    return next((place for place, word in enumerate(SIZES) if word in name), len(SIZES)), name


def made(name):
    keywords = {"weights": None}
    if "detection" in models.get_model_builder(name).__module__ or "segmentation" in (
        models.get_model_builder(name).__module__
    ):
        keywords["weights_backbone"] = None
    return models.get_model(name, **keywords)


def image_of(name):
    side = 299 if "inception" in name else 224 if "maxvit" in name or "vision" in name else 64
    return torch.randn(2, 3, side, side)


def train(family, model):
    if family.startswith("detection"):
        image = torch.rand(3, 64, 64)
        target = {
            "boxes": torch.tensor([[4.0, 4.0, 40.0, 40.0]]), "labels": torch.tensor([1]),
            "masks": torch.ones(1, 64, 64, dtype=torch.uint8),
            "keypoints": torch.tensor([[[5.0, 5.0, 1.0]] * 17]),
        }  # fmt: skip
        model.transform.min_size, model.transform.max_size = (64,), 64
        sum(model([image, image], [target, copy.deepcopy(target)]).values()).backward()
        return
    if family.startswith("video"):
        inputs = [torch.randn(2, 3, 16, 112, 112)]
        if "mvit" in family:
            inputs = [torch.randn(1, 3, 16, 224, 224)]
    elif family.startswith("optical"):
        inputs = [torch.randn(1, 3, 128, 128)] * 2
    else:
        inputs = [image_of(family)]
    output = model(*inputs)
    values = output.values() if isinstance(output, dict) else output
    values = [values] if isinstance(values, torch.Tensor) else values
    sum(value.float().sum() for value in values).backward()


def run(family):
    for name in sorted(by_family()[family], key=small)[:2]:
        if family.startswith("quantization"):
            model = models.get_model(name, weights=None, quantize=False)
            model(image_of(name))
            model.fuse_model(is_qat=True)
            continue
        model = made(name).train()
        train(family, model)
        made(name).load_state_dict(model.state_dict())


families.run(lambda: sorted(by_family()), run)
