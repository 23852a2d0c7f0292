# left: zero_grad
# because: the second `zero_grad` throws the first loss's gradients away; the step uses the second
# loss only, which looks like a mistake that a person must look at.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(20):
    x = torch.randn(8, 4)
    optimizer.zero_grad()
    clean_loss = nn.functional.mse_loss(model(x), x)
    clean_loss.backward()
    noisy = x + 0.1 * torch.randn_like(x)
    optimizer.zero_grad()
    noisy_loss = nn.functional.mse_loss(model(noisy), x)
    noisy_loss.backward()
    optimizer.step()
    print(clean_loss.item(), noisy_loss.item())
