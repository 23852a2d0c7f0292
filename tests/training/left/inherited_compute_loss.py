# left: compute_loss|method|helper|function|another file|reach|where the loss|traced? back
# because: the loss comes from a method that subclasses define and that reads `self.model`; the
# gradients with respect to an argument `model` are 0.
import torch
from torch import nn


class BaseTrainer:
    def __init__(self, model, lr=1e-3):
        self.model = model
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)

    def compute_loss(self, batch):
        raise NotImplementedError

    def train_step(self, batch):
        self.model.train()
        loss = self.compute_loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach().item()


class AutoencoderTrainer(BaseTrainer):
    def compute_loss(self, batch):
        return nn.functional.mse_loss(self.model(batch), batch)


trainer = AutoencoderTrainer(nn.Sequential(nn.Linear(8, 3), nn.Linear(3, 8)))
for _ in range(20):
    print(trainer.train_step(torch.randn(16, 8)))
