import torch
from torch import nn

from parts import DataLoader, DeepMLP, MSELoss, regression_dataset

torch.manual_seed(0)

EPOCHS = 5
LEARNING_RATE = 1e-2

train_data = regression_dataset()
train_loader = DataLoader(train_data, batch_size=8, shuffle=True)

model: nn.Module = DeepMLP()
criterion = MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

losses = []
for epoch in range(EPOCHS):
    running_loss = 0.0
    for i, data in enumerate(train_loader, 0):
        # get the inputs; data is a list of [inputs, labels]
        inputs, labels = data

        # zero the parameter gradients
        optimizer.zero_grad()

        # forward + backward + optimize
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()

        # print statistics
        losses.append(loss.item())
        running_loss += loss.item()
        if i % 5 == 4:
            print(f"[{epoch + 1}, {i + 1:5d}] loss: {running_loss / 5:.3f}")
            running_loss = 0.0

print("Finished Training")
MODELS = [model]
