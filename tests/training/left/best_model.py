# left: leaves the place|made elsewhere
# because: model and optimizer come out of one function as a tuple.
"""Keeps the weights of the best epoch."""
import torch
from parts import (
    Classifier,
    DataLoader,
    accuracy,
    classification_dataset,
    clone,
    cross_entropy,
    evaluating,
    no_grad,
)


def build(lr):
    model = Classifier()
    return model, torch.optim.Adam(model.parameters(), lr=lr)


model, optimizer = build(lr=0.01)
train_loader = DataLoader(classification_dataset(), shuffle=True)
x_val, y_val = classification_dataset(count=40, name="val").tensors

losses = []
best_acc, best_model = 0.0, None
for epoch in range(5):
    for x, y in train_loader:
        logits = model(x)
        loss = cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    with evaluating(model), no_grad():
        acc = accuracy(model(x_val), y_val)
    if acc > best_acc:
        best_acc, best_model = acc, clone(model)
    print(f"Epoch {epoch}: val acc {acc:.3f} (best {best_acc:.3f})")

MODELS = [model, best_model]
