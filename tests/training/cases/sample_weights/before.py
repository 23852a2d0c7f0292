"""A loss per sample, weighted, then averaged."""
import torch
from parts import Classifier, CrossEntropyLoss, classification_batches, tensor

class_weights = tensor([0.2, 0.3, 0.5])
model = Classifier()
criterion = CrossEntropyLoss(reduction="none")
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)

losses = []
hardest = 0.0
for epoch in range(5):
    for x, y in classification_batches():
        per_sample = criterion(model(x), y)
        weighted = per_sample * class_weights[y]
        optimizer.zero_grad()
        weighted.mean().backward()
        optimizer.step()
        hardest = max(hardest, per_sample.max().item())
        losses.append(weighted.mean().item())

print(f"hardest sample: {hardest:.3f}")
MODELS = [model]
