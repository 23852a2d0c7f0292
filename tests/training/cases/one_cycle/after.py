"""Super-convergence: OneCycleLR with every batch, momentum left alone."""
import torch
from torch.optim.lr_scheduler import OneCycleLR

from parts import Classifier, CrossEntropyLoss, DataLoader, classification_dataset

EPOCHS = 5
loader = DataLoader(classification_dataset(), batch_size=8, shuffle=True)
model = Classifier()
criterion = CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = OneCycleLR(
    optimizer,
    max_lr=0.02,
    total_steps=EPOCHS * len(loader),
    cycle_momentum=False,
)

losses = []
for epoch in range(EPOCHS):
    model.train()
    for data, label in loader:
        optimizer.zero_grad()
        loss = criterion(model(data), label)
        loss.backward()
        # jaxport: JXP202 not ported: a scheduler changes its learning rate
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())

MODELS = [model]
