"""skorch: a classifier and a regressor with checkpoints, freezing, schedulers,
clipping and pickles.
"""

# judged: skorch

import pickle
import tempfile

import numpy as np
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor, callbacks
from torch import nn


class Net(nn.Module):
    def __init__(self, outputs=2, width=8):
        super().__init__()
        self.first = nn.Linear(5, width)
        self.norm = nn.BatchNorm1d(width)
        self.last = nn.Linear(width, outputs)

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.first(x))))


torch.manual_seed(0)
x = np.random.randn(60, 5).astype("float32")
y = (x[:, 0] > 0).astype("int64")

with tempfile.TemporaryDirectory() as folder:
    saving = callbacks.Checkpoint(dirname=folder, monitor="valid_loss_best")
    net = NeuralNetClassifier(
        Net, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.AdamW, max_epochs=4, lr=0.01,
        optimizer__param_groups=[("first*", {"lr": 0.1})], batch_size=16, verbose=0,
        callbacks=[
            saving, callbacks.Freezer("last.bias"), callbacks.Unfreezer("last.bias", at=3),
            callbacks.GradientNormClipping(1.0), callbacks.EarlyStopping(patience=3),
            callbacks.LRScheduler("CosineAnnealingLR", T_max=4), callbacks.ParamMapper("norm*"),
            callbacks.EpochScoring("accuracy"), callbacks.TrainEndCheckpoint(dirname=folder + "/e"),
        ],
    )
    net.fit(x, y)
    net.partial_fit(x, y, epochs=1)
    net.set_params(module__width=16, optimizer__weight_decay=0.1, lr=0.1)
    net.fit(x, y)
    net.save_params(folder + "/m.pt", folder + "/o.pt", folder + "/c.pt", folder + "/h.json")
    net.load_params(folder + "/m.pt", folder + "/o.pt", folder + "/c.pt", folder + "/h.json")
    net.load_params(checkpoint=saving)
    pickle.loads(pickle.dumps(net)).predict_proba(x)
    loading = callbacks.LoadInitState(saving)
    regressor = NeuralNetRegressor(
        Net, module__outputs=1, optimizer=torch.optim.LBFGS, max_epochs=2, verbose=0,
        train_split=None, callbacks=[("swa", callbacks.LRScheduler("StepLR", step_size=1))])
    regressor.fit(x, x[:, :1])
    NeuralNetClassifier(
        Net, criterion=nn.CrossEntropyLoss, module__width=16, optimizer=torch.optim.AdamW,
        optimizer__param_groups=[("first*", {"lr": 0.1})], max_epochs=1, verbose=0,
        callbacks=[loading, callbacks.GradientNormClipping(1.0)]).fit(x, y)
