# left: in.place|clamp|by hand|changed|written
# because: the weights are clamped in place between the steps; a copy of the parameters that the
# updates are applied to would never be clamped.
import torch
from torch import nn

torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-4)
clip_value = 0.01

for step in range(50):
    real, fake = torch.randn(64, 2) + 2, torch.randn(64, 2)
    optimizer.zero_grad()
    loss = critic(fake).mean() - critic(real).mean()
    loss.backward()
    optimizer.step()
    for p in critic.parameters():
        p.data.clamp_(-clip_value, clip_value)
    if step % 10 == 0:
        print(f"[{step}] distance {-loss.item():.6f}")
