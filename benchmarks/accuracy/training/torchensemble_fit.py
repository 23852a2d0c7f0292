"""torchensemble: each ensemble's own fit, its schedulers, its saved and reloaded members."""

# judged: torchensemble

import tempfile

import torch
import torchensemble
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchensemble.utils import io

torch.manual_seed(0)
torch.serialization.add_safe_globals([nn.CrossEntropyLoss])
data = DataLoader(TensorDataset(torch.rand(48, 4), torch.randint(0, 2, (48,))), batch_size=16)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Linear(width, 2))

    def forward(self, x):
        return self.net(x)


for kind in (
    torchensemble.VotingClassifier, torchensemble.BaggingClassifier, torchensemble.FusionClassifier,
    torchensemble.GradientBoostingClassifier, torchensemble.AdversarialTrainingClassifier,
    torchensemble.SnapshotEnsembleClassifier, torchensemble.FastGeometricClassifier,
    torchensemble.SoftGradientBoostingClassifier,
):
    with tempfile.TemporaryDirectory() as folder:
        model = kind(estimator=Net, n_estimators=2, cuda=False)
        model.set_criterion(nn.CrossEntropyLoss())
        model.set_optimizer("Adam", lr=1e-2, weight_decay=1e-4)
        if kind not in (torchensemble.SnapshotEnsembleClassifier,
                        torchensemble.GradientBoostingClassifier):
            model.set_scheduler("CosineAnnealingLR", T_max=2)
        model.fit(data, epochs=4, test_loader=data, save_model=True, save_dir=folder)
        again = kind(estimator=Net, n_estimators=2, cuda=False)
        io.load(again, folder)
        again.evaluate(data)
