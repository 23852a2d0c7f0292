# left: only at run time
# because: which optimizer it is comes in as an argument; its default is one of many.
"""The model knows its loss, the fit function knows the rest."""
import torch

from parts import Classifier, DataLoader, classification_dataset


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        outputs = [model.training_step(batch).item() for batch in loader]
    return sum(outputs) / len(outputs)


def fit(epochs, lr, model, train_loader, val_loader, opt_func=torch.optim.SGD):
    history = []
    optimizer = opt_func(model.parameters(), lr)
    for epoch in range(epochs):
        # Training Phase
        model.train()
        train_losses = []
        for batch in train_loader:
            loss = model.training_step(batch)
            train_losses.append(loss.item())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        # Validation phase
        history += train_losses
        history.append(evaluate(model, val_loader))
    return history


model = Classifier()
losses = fit(
    5, 0.1, model,
    DataLoader(classification_dataset(), 8),
    DataLoader(classification_dataset(name="val"), 40),
)
MODELS = [model]
