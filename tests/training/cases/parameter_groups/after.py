import torch
from parts import CrossEntropyLoss, DataLoader, TransferNet, classification_dataset

model = TransferNet()
criterion = CrossEntropyLoss()

# The backbone learns slowly, the head learns fast.
optimizer = torch.optim.Adam(
    [
        {"params": model.backbone.parameters(), "lr": 1e-3},
        {"params": model.head.parameters()},
    ],
    lr=1e-2,
)

losses = []
for epoch in range(5):
    model.train()
    for images, labels in DataLoader(classification_dataset(), batch_size=8):
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        # jaxport: JXP202 not ported: it does not train all parameters of one module (`model.parameters()`)
        optimizer.step()
        losses.append(loss.item())

MODELS = [model]
