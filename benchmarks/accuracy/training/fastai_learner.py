"""fastai's Learner: one cycle, freezing, accumulation, clipping, saving, loading,
many optimizers.
"""

# judged: fastai

import tempfile

import torch
from fastai.basics import accuracy
from fastai.callback import all as callbacks
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.optimizer import SGD, Adam, Lamb, Larc, OptimWrapper, QHAdam, RAdam, RMSProp, ranger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
data = TensorDataset(torch.randn(64, 4), torch.randint(0, 2, (64,)))
loaders = DataLoaders(DataLoader(data, 8, drop_last=True), DataLoader(data, 8))


def halves(model):
    return [list(part.parameters()) for part in (model[:2], model[2:])]


def wrapped(params, lr, **options):
    return OptimWrapper(params, torch.optim.AdamW, lr=lr)


def learner(folder, optimizer=Adam, **options):
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    return Learner(loaders, model, CrossEntropyLossFlat(), optimizer, splitter=halves, path=folder,
                   metrics=accuracy, **options)


with tempfile.TemporaryDirectory() as folder:
    for optimizer in (SGD, Adam, Lamb, Larc, QHAdam, RAdam, RMSProp, ranger, wrapped):
        learn = learner(folder, optimizer)
        with learn.no_bar(), learn.no_logging():
            learn.fit(1, 1e-2)
            learn.save("some")
            learn.load("some")
            learn.fit(1, 1e-2)
    learn = learner(folder, cbs=[callbacks.GradientClip(1.0), callbacks.GradientAccumulation(16)])
    with learn.no_bar(), learn.no_logging():
        learn.freeze()
        learn.fit_one_cycle(2, 1e-2, cbs=callbacks.SaveModelCallback(fname="best"))
        learn.unfreeze()
        learn.fit_flat_cos(1, slice(1e-4, 1e-2), cbs=callbacks.ReduceLROnPlateau(patience=1))
        learn.fit_sgdr(1, 1, cbs=callbacks.EarlyStoppingCallback(patience=1))
        learn.fine_tune(1)
        learn.fit(2, 1e-2, start_epoch=1, cbs=callbacks.TerminateOnNaNCallback())
        learn.fit(1, 1e-2, cbs=callbacks.MixUp())
        learn.lr_find(num_it=5, show_plot=False)
        learn.validate()
