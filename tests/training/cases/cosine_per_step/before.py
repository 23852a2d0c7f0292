import torch
from parts import Classifier, CrossEntropyLoss, classification_batches

epochs = 5
batches = classification_batches()
net = Classifier()
criterion = CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
    optimizer, T_max=epochs * len(batches), eta_min=1e-4
)

losses = []
for epoch in range(epochs):
    for images, target in batches:
        output = net(images)
        loss = criterion(output, target)

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()

        losses.append(loss.item())

MODELS = [net]
