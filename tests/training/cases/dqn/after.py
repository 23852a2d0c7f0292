import flax.nnx
import optax
from parts import QNetwork, gather, no_grad, row_max, smooth_l1_loss, transitions

GAMMA = 0.99
TARGET_UPDATE = 10

policy_net = QNetwork()
target_net = QNetwork()
flax.nnx.update(target_net, flax.nnx.to_pure_dict(flax.nnx.state(policy_net)))
target_net.eval()

optimizer = optax.rmsprop(learning_rate=0.002, decay=0.99, eps_in_sqrt=False)
opt_state = optimizer.init(flax.nnx.state(policy_net, flax.nnx.Param))

losses = []
for i_step, (state, action, reward, next_state, done) in enumerate(transitions(60)):
    # Q(s_t, a): the columns of the actions that were taken

    # V(s_{t+1}) from the older network
    with no_grad():
        next_q = row_max(target_net(next_state))
        expected = reward + GAMMA * next_q * (1 - done)
    def loss_fn(policy_net):
        q_values = gather(policy_net(state), action)

        return smooth_l1_loss(q_values, expected)

    loss, grads = flax.nnx.value_and_grad(loss_fn)(policy_net)
    params = flax.nnx.state(policy_net, flax.nnx.Param)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    flax.nnx.update(policy_net, params)
    losses.append(loss.item())

    if i_step % TARGET_UPDATE == 0:
        flax.nnx.update(target_net, flax.nnx.to_pure_dict(flax.nnx.state(policy_net)))

MODELS = [policy_net, target_net]
