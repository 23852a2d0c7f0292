"""torchbearer's Trial: checkpoints, schedulers, clipping, weight decay, loading its state,
evaluating.
"""

# judged: torchbearer

import tempfile

import torch
import torchbearer
from torch import nn
from torchbearer import Trial, callbacks

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randint(0, 2, (64,))


def trial(*extra):
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made = Trial(model, optimizer, nn.CrossEntropyLoss(), metrics=["acc", "loss"],
                 callbacks=list(extra), verbose=0)
    return made.with_train_data(x, y, batch_size=8).with_val_data(x, y, batch_size=8)


with tempfile.TemporaryDirectory() as folder:
    first = trial(
        callbacks.ModelCheckpoint(folder + "/{epoch}.pt"), callbacks.GradientNormClipping(1.0),
        callbacks.GradientClipping(1.0), callbacks.L2WeightDecay(1e-4), callbacks.TerminateOnNaN(),
        callbacks.StepLR(1), callbacks.EarlyStopping(), callbacks.Best(folder + "/best.pt"),
    )
    first.run(2)
    second = trial()
    second.load_state_dict(first.state_dict())
    second.run(3)
    second.evaluate(data_key=torchbearer.VALIDATION_DATA)
    second.predict(data_key=torchbearer.VALIDATION_DATA)
    trial(callbacks.ExponentialLR(0.9)).run(2)
