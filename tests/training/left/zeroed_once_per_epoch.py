# left: zero_grad|accumulat
# because: inside of an epoch each step uses the sum of all gradients since its start.
import torch
from torch import nn


def fit(model: nn.Module, loader, epochs: int = 3):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        optimizer.zero_grad()
        running_loss = 0.0
        for inputs, labels in loader:
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * inputs.size(0)
        print(f"Epoch {epoch}: {running_loss:.4f}")


loader = [(torch.randn(10, 6), torch.randint(0, 3, (10,))) for _ in range(8)]
fit(nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3)), loader)
