"""The models of vit-pytorch that `benchmarks.port` has constructions of, called in both modes."""

import importlib

import numpy as np
import torch

from benchmarks.accuracy import families
from benchmarks.port.construction import realise
from benchmarks.port.constructions import CONSTRUCTIONS


def build(construction):
    module = importlib.import_module(f"vit_pytorch.{construction.module}")
    made = getattr(module, construction.name)
    return made(**realised(construction.arguments)) if construction.builds(made) else made


def realised(value):
    return realise(value, np.random.default_rng(0), torch.from_numpy, build)


def run(family):
    for construction in CONSTRUCTIONS:
        if construction.module != family:
            continue
        made = build(construction)
        inputs, keywords = realised((construction.inputs, construction.keywords))
        for training in (True, False):
            if isinstance(made, torch.nn.Module):
                made.train(training)
            function = getattr(made, construction.method) if construction.method else made
            output = function(*inputs, **keywords)
        if isinstance(output, torch.Tensor) and output.requires_grad:
            output.sum().backward()


families.run(lambda: sorted({item.module for item in CONSTRUCTIONS}), run)
