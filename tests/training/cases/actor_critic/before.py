import torch
import torch.optim as optim

from parts import ActorCritic, detach, exp, gather, smooth_l1_loss, transitions

model = ActorCritic()
optimizer = optim.Adam(model.parameters(), lr=3e-3)
eps = 1e-8
running_reward = 0.0


def finish_episode(states, actions, rewards):
    """Calculates actor and critic loss and performs backprop."""
    log_probs, values = model(states)

    advantage = rewards - detach(values)
    advantage = (advantage - advantage.mean()) / (advantage.var(correction=0) ** 0.5 + eps)

    policy_loss = -(gather(log_probs, actions) * advantage).mean()
    value_loss = smooth_l1_loss(values, rewards)
    entropy = -(exp(log_probs) * log_probs).sum(-1).mean()

    # reset gradients
    optimizer.zero_grad()

    # sum up all the values of policy_losses and value_losses
    loss = policy_loss + 0.5 * value_loss - 0.01 * entropy

    # perform backprop
    loss.backward()
    optimizer.step()
    return loss.item(), entropy.item()


losses = []
for i_episode, (state, action, reward, _, _) in enumerate(transitions(50, batch_size=12)):
    running_reward = 0.05 * reward.sum().item() + (1 - 0.05) * running_reward
    loss, entropy = finish_episode(state, action, reward)
    losses += [loss, entropy]
    if i_episode % 10 == 0:
        print('Episode {}\tAverage reward: {:.2f}'.format(i_episode, running_reward))

MODELS = [model]
