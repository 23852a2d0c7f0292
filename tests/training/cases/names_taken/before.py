"""Names that a port would like to use are in use here."""
import torch
from parts import MLP, MSELoss, regression_batches

loss_fn = MSELoss()
model_ = MLP()
optimizer = torch.optim.Adam(model_.parameters(), lr=0.01)

params = {"epochs": 5, "lr": 0.01}
grads = []
updates = 0
opt_state = "new"
value_and_grad = "a string"

losses = []
for epoch in range(params["epochs"]):
    for x, y in regression_batches():
        optimizer.zero_grad()
        model = model_(x)
        loss = loss_fn(model, y)
        loss.backward()
        optimizer.step()
        updates += 1
        opt_state = f"after {updates} updates"
        grads.append(loss.item())
        losses.append(loss.item())

print(opt_state, value_and_grad, max(grads))
MODELS = [model_]
