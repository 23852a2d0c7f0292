"""Poutyne's Model and Experiment: fitting, checkpoints, schedulers, clipping, resuming, testing."""

# judged: poutyne

import tempfile

import numpy as np
import poutyne
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
data = TensorDataset(torch.randn(64, 4), torch.randint(0, 2, (64,)))
loader = DataLoader(data, batch_size=8)


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


with tempfile.TemporaryDirectory() as folder:
    net = network()
    for optimizer in ("sgd", "adam", torch.optim.RMSprop(net.parameters(), lr=0.01)):
        model = poutyne.Model(net, optimizer, "cross_entropy", batch_metrics=["acc"])
        saving = [
            poutyne.ModelCheckpoint(folder + "/w.pt", monitor="val_loss", save_best_only=True,
                                    restore_best=True, verbose=False),
            poutyne.OptimizerCheckpoint(folder + "/o.pt"),
            poutyne.LRSchedulerCheckpoint(poutyne.ExponentialLR(gamma=0.9), folder + "/s.pt"),
            poutyne.ClipNorm(net.parameters(), 1.0), poutyne.TerminateOnNaN(),
            poutyne.EarlyStopping(monitor="val_loss"),
        ]
        model.fit_generator(loader, loader, epochs=2, callbacks=saving, verbose=False,
                            batches_per_step=2)
        model.load_weights(folder + "/w.pt")
        model.load_optimizer_state(folder + "/o.pt")
        model.set_weights(model.get_weight_copies())
        model.evaluate_generator(loader, verbose=False)
    model.fit(np.zeros((8, 4), "float32"), np.zeros(8, "int64"), epochs=1, verbose=False)
    model.train_on_batch(*next(iter(loader)))
    for epochs in (2, 3):
        experiment = poutyne.Experiment(
            folder + "/run", network(), optimizer="adam", loss_function="cross_entropy",
            batch_metrics=["acc"], logging=True)
        experiment.train(loader, loader, epochs=epochs, verbose=False,
                         lr_schedulers=[poutyne.StepLR(step_size=1)])
    experiment.test(loader, verbose=False)
