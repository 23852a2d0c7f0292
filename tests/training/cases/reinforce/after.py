"""REINFORCE: discounted returns, then one update per episode."""
import flax.nnx
import optax

from parts import PolicyNetwork, gather, stack, transitions


class Agent:
    def __init__(self, gamma=0.9, lr=1e-2):
        self.policy = PolicyNetwork()
        self.gamma = gamma
        self.optimizer = flax.nnx.Optimizer(
            self.policy,
            optax.adam(learning_rate=lr),
            wrt=flax.nnx.Param,
        )
        self.saved_log_probs = []
        self.rewards = []

    def learn(self, episode):
        returns, R = [], 0
        for r in reversed(episode["rewards"]):
            R = r + self.gamma * R
            returns.insert(0, R)

        def loss_fn(policy):
            log_probs = gather(policy(episode["states"]), episode["actions"])
            return -(log_probs * stack(returns)).sum()

        policy_loss, grads = flax.nnx.value_and_grad(loss_fn)(self.policy)
        self.optimizer.update(self.policy, grads)
        return policy_loss.item()


agent = Agent()
losses = []
for states, actions, rewards, _, _ in transitions(50):
    losses.append(agent.learn({"states": states, "actions": actions, "rewards": list(rewards)}))
MODELS = [agent.policy]
