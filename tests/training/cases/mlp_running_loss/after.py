import flax.nnx
import optax
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
optimizer = optax.adam(learning_rate=LEARNING_RATE)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for epoch in range(EPOCHS):
    running_loss = 0.0
    for i, data in enumerate(train_loader, 0):
        # get the inputs; data is a list of [inputs, labels]
        inputs, labels = data

        # zero the parameter gradients

        # forward + backward + optimize
        def loss_fn(model):
            outputs = model(inputs)
            return criterion(outputs, labels)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)

        # print statistics
        losses.append(loss.item())
        running_loss += loss.item()
        if i % 5 == 4:
            print(f"[{epoch + 1}, {i + 1:5d}] loss: {running_loss / 5:.3f}")
            running_loss = 0.0

print("Finished Training")
MODELS = [model]
