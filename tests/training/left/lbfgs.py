# left: LBFGS|closure
# because: one step evaluates the loss many times; one `value_and_grad` is one evaluation.
import torch
from torch import nn


class Calibrator(nn.Module):
    """Temperature scaling of a trained classifier's logits."""

    def __init__(self):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(1) * 1.5)

    def forward(self, logits):
        return logits / self.temperature


def calibrate(logits, labels, max_iter=50):
    model = Calibrator()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.01, max_iter=max_iter)

    def evaluate():
        optimizer.zero_grad()
        loss = criterion(model(logits), labels)
        loss.backward()
        return loss

    optimizer.step(evaluate)
    return model.temperature.item()


print(calibrate(torch.randn(100, 5) * 3, torch.randint(0, 5, (100,))))
