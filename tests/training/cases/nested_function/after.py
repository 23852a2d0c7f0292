import torch

from parts import MLP, mse_loss, regression_batches


def make_train_step(model, loss_fn, optimizer):
    # Builds function that performs a step in the train loop
    def train_step(x, y):
        # Sets model to TRAIN mode
        model.train()
        # Makes predictions
        yhat = model(x)
        # Computes loss
        loss = loss_fn(yhat, y)
        # Computes gradients
        loss.backward()
        # Updates parameters and zeroes gradients
        # jaxport: JXP202 not ported: it leaves the place where it is made, so its steps can't be seen
        optimizer.step()
        optimizer.zero_grad()
        # Returns the loss
        return loss.item()

    # Returns the function that will be called inside the train loop
    return train_step


model = MLP()
train_step = make_train_step(model, mse_loss, torch.optim.Adam(model.parameters(), lr=1e-2))
losses = []

for epoch in range(5):
    for x_batch, y_batch in regression_batches():
        losses.append(train_step(x_batch, y_batch))

MODELS = [model]
