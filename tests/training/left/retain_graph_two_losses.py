# left: not seen here|retain_graph
# because: the encoder gets the gradients of both losses but each head only its own optimizer's; one
# `value_and_grad` for each optimizer gives the encoder one of the two.
import torch
import torch.nn.functional as F
from torch import nn


def update(encoder, actor, critic, actor_opt, critic_opt, state, action, reward):
    features = encoder(state)
    value = critic(features).squeeze(-1)
    advantage = (reward - value).detach()
    log_prob = F.log_softmax(actor(features), dim=-1).gather(1, action[:, None]).squeeze(1)
    actor_loss = -(log_prob * advantage).mean()
    critic_loss = F.mse_loss(value, reward)

    actor_opt.zero_grad()
    critic_opt.zero_grad()
    actor_loss.backward(retain_graph=True)
    critic_loss.backward()
    actor_opt.step()
    critic_opt.step()
    return actor_loss.item(), critic_loss.item()


encoder, actor, critic = nn.Linear(4, 16), nn.Linear(16, 2), nn.Linear(16, 1)
actor_net = nn.Sequential(encoder, actor)
actor_opt = torch.optim.Adam(actor_net.parameters(), lr=1e-3)
critic_opt = torch.optim.Adam(critic.parameters(), lr=1e-3)
for _ in range(10):
    batch = torch.randn(8, 4), torch.randint(0, 2, (8,)), torch.randn(8)
    print(update(encoder, actor, critic, actor_opt, critic_opt, *batch))
