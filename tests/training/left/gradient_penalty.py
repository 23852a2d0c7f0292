# left: autograd\.grad|create_graph|gradient penalty|second (order|derivative)
# because: `torch.autograd.grad` differentiates through the graph of the scores; in a traced loss
# function there is no such graph to ask.
import torch
from torch import nn

critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
generator = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
critic_optimizer = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))

for step in range(20):
    real = torch.randn(16, 2) + 2
    with torch.no_grad():
        fake = generator(torch.randn(16, 4))
    mix = torch.rand(16, 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    scores = critic(between)
    (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()

    loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
    critic_optimizer.zero_grad()
    loss.backward()
    critic_optimizer.step()
    print(step, loss.item(), penalty.item())
