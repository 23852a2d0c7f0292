# left: `?\.grad`?|gradients? .*(changed|by hand)
# because: the noise and the per-element clipping are written into `p.grad`; left out, the run is
# another one, and differentially private no more.
import torch
from torch import nn


class PrivateTrainer:
    def __init__(self, model, lr=0.05, bound=1.0, sigma=0.5):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        self.loss_fn = nn.BCEWithLogitsLoss()
        self.bound = bound
        self.sigma = sigma

    def train_step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.model(x).squeeze(-1), y)
        loss.backward()
        for p in self.model.parameters():
            p.grad.clamp_(-self.bound, self.bound)
            p.grad += self.sigma * torch.randn_like(p.grad) / len(x)
        self.optimizer.step()
        return loss.item()


trainer = PrivateTrainer(nn.Linear(7, 1))
for _ in range(15):
    print(trainer.train_step(torch.randn(32, 7), torch.randint(0, 2, (32,)).float()))
