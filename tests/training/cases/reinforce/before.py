"""REINFORCE: discounted returns, then one update per episode."""
import torch

from parts import PolicyNetwork, gather, stack, transitions


class Agent:
    def __init__(self, gamma=0.9, lr=1e-2):
        self.policy = PolicyNetwork()
        self.gamma = gamma
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=lr)
        self.saved_log_probs = []
        self.rewards = []

    def learn(self, episode):
        returns, R = [], 0
        for r in reversed(episode["rewards"]):
            R = r + self.gamma * R
            returns.insert(0, R)
        log_probs = gather(self.policy(episode["states"]), episode["actions"])
        policy_loss = -(log_probs * stack(returns)).sum()
        self.optimizer.zero_grad()
        policy_loss.backward()
        self.optimizer.step()
        return policy_loss.item()


agent = Agent()
losses = []
for states, actions, rewards, _, _ in transitions(50):
    losses.append(agent.learn({"states": states, "actions": actions, "rewards": list(rewards)}))
MODELS = [agent.policy]
