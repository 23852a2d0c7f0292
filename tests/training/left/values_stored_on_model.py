# left: calls no model
# because: the loss reads what an earlier call of the model left on it; a function of the model that
# never calls it has a gradient of zero.
import torch
from torch import nn

policy = nn.Linear(4, 2)
policy.saved = []
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)


def act(observation):
    chances = torch.softmax(policy(observation), dim=-1)
    policy.saved.append(chances.max().log())


for _ in range(20):
    for observation in torch.randn(5, 4):
        act(observation)
    loss = -torch.stack(policy.saved).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    policy.saved.clear()
    print(loss.item())
