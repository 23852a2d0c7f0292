import flax.nnx
import torch
from parts import QNetwork, gather, no_grad, row_max, smooth_l1_loss, transitions

GAMMA = 0.99
TARGET_UPDATE = 10

policy_net = QNetwork()
target_net = QNetwork()
flax.nnx.update(target_net, flax.nnx.to_pure_dict(flax.nnx.state(policy_net)))
target_net.eval()

optimizer = torch.optim.RMSprop(policy_net.parameters(), lr=0.002)

losses = []
for i_step, (state, action, reward, next_state, done) in enumerate(transitions(60)):
    # Q(s_t, a): the columns of the actions that were taken
    q_values = gather(policy_net(state), action)

    # V(s_{t+1}) from the older network
    with no_grad():
        next_q = row_max(target_net(next_state))
        expected = reward + GAMMA * next_q * (1 - done)

    loss = smooth_l1_loss(q_values, expected)
    optimizer.zero_grad()
    loss.backward()
    # jaxport: JXP202 not ported: line 20 computes without gradients between the model and the loss; move it in front of them
    optimizer.step()
    losses.append(loss.item())

    if i_step % TARGET_UPDATE == 0:
        flax.nnx.update(target_net, flax.nnx.to_pure_dict(flax.nnx.state(policy_net)))

MODELS = [policy_net, target_net]
