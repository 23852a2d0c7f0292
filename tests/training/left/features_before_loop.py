# left: retain_graph|before the loop|outside|graph|more than once
# because: the features belong to the model as it was before the loop, and each `backward` runs
# through them again; as the constant that a loss function sees, the encoder is not trained.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.randn(64, 8)
y = x[:, :1]

features = model[0](x)
for _ in range(10):
    index = torch.randperm(64)[:16]
    loss = nn.functional.mse_loss(model[1](features[index]), y[index])
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
    print(loss.item())
