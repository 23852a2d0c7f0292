# left: autograd\.backward
# because: two tensors are differentiated in one call; there is no `loss.backward()` to start from.
import torch
from torch import nn

trunk = nn.Linear(6, 16)
price = nn.Linear(16, 1)
demand = nn.Linear(16, 1)
model = nn.ModuleDict({"trunk": trunk, "price": price, "demand": demand})
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
mse = nn.MSELoss()

for step in range(25):
    x, y_price, y_demand = torch.randn(32, 6), torch.randn(32, 1), torch.randn(32, 1)
    features = torch.relu(model["trunk"](x))
    price_loss = mse(model["price"](features), y_price)
    demand_loss = mse(model["demand"](features), y_demand)
    optimizer.zero_grad()
    torch.autograd.backward([price_loss, demand_loss])
    optimizer.step()
    print(step, price_loss.item(), demand_loss.item())
