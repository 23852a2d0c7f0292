"""An exponential moving average of the weights, used for evaluation."""
import torch
from parts import Classifier, classification_batches, clone, cross_entropy, no_grad, update_ema

model = Classifier()
ema_model = clone(model)
ema_model.eval()

optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
batches = classification_batches()

losses = []
for epoch in range(5):
    model.train()
    for inputs, targets in batches:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        update_ema(ema_model, model, decay=0.95)
        losses.append(loss.item())

    with no_grad():
        x, y = batches[0]
        losses.append(cross_entropy(ema_model(x), y).item())

MODELS = [model, ema_model]
