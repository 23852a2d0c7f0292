"""Q-learning from a memory of random walks on a grid, with a target network."""
from collections import namedtuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

SIZE = 4
GAMMA = 0.95
BATCH_SIZE = 32
N_UPDATES = 200
SYNC_EVERY = 10
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Step = namedtuple("Step", ["state", "action", "reward", "next_state", "done"])


class Grid:
    """From a random cell to the last one; every move costs a little."""

    def __init__(self, rng):
        self.rng = rng
        self.cell = None

    def reset(self):
        self.cell = tuple(self.rng.integers(0, SIZE - 1, size=2))
        return self.observe()

    def observe(self):
        return np.array(self.cell, dtype=np.float32) / (SIZE - 1)

    def step(self, action):
        self.cell = tuple(min(max(p + d, 0), SIZE - 1) for p, d in zip(self.cell, MOVES[action]))
        done = self.cell == (SIZE - 1, SIZE - 1)
        return self.observe(), 5.0 if done else -0.1, done


class Memory:
    def __init__(self, rng):
        self.rng = rng
        self.steps = []

    def __len__(self):
        return len(self.steps)

    def add(self, *values):
        self.steps.append(Step(*values))

    def sample(self, n):
        """n different steps, as one Step of tensors."""
        chosen = [self.steps[i] for i in self.rng.choice(len(self), size=n, replace=False)]
        batch = Step(*zip(*chosen))
        return Step(
            torch.from_numpy(np.stack(batch.state)).to(device),
            torch.tensor(batch.action, device=device).unsqueeze(1),
            torch.tensor(batch.reward, dtype=torch.float32, device=device).view(-1, 1),
            torch.from_numpy(np.stack(batch.next_state)).to(device),
            torch.tensor(batch.done, dtype=torch.float32, device=device).view(-1, 1),
        )


def walk_at_random(n_steps=600):
    rng = np.random.default_rng(0)
    grid, memory = Grid(rng), Memory(rng)
    state = grid.reset()
    for _ in range(n_steps):
        action = int(rng.integers(0, len(MOVES)))
        next_state, reward, done = grid.step(action)
        memory.add(state, action, reward, next_state, done)
        state = grid.reset() if done else next_state
    return memory


class QNetwork(nn.Module):
    """The value of every move in a state."""

    def __init__(self, n_inputs=2, n_actions=len(MOVES), hidden=32):
        super().__init__()
        self.fc1 = nn.Linear(n_inputs, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, 1)
        self.advantage = nn.Linear(hidden, n_actions)

    def forward(self, state):
        x = F.relu(self.fc2(F.relu(self.fc1(state))))
        advantage = self.advantage(x)
        return self.value(x) + advantage - advantage.mean(dim=1, keepdim=True)


def build():
    torch.manual_seed(0)
    return QNetwork().to(device), QNetwork().to(device)


def train(policy, target):
    memory = walk_at_random()
    target.load_state_dict(policy.state_dict())
    target.eval()
    optimizer = optim.RMSprop(policy.parameters(), lr=5e-3, alpha=0.95, eps=1e-2)
    criterion = nn.SmoothL1Loss()

    losses = []
    for update in range(1, N_UPDATES + 1):
        batch = memory.sample(BATCH_SIZE)
        q = policy(batch.state).gather(1, batch.action)
        with torch.no_grad():
            best_next = target(batch.next_state).max(1, keepdim=True)[0]
            wanted = batch.reward + GAMMA * (1 - batch.done) * best_next
        loss = criterion(q, wanted)

        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(policy.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())

        if update % SYNC_EVERY == 0:
            target.load_state_dict(policy.state_dict())
        if update % 50 == 0:
            print(f"update {update:3d}  loss {loss.item():.5f}  steps to goal {play(policy)}")
    return losses


def play(policy, limit=20):
    grid = Grid(np.random.default_rng(1))
    state = grid.reset()
    for t in range(1, limit + 1):
        with torch.no_grad():
            q = policy(torch.as_tensor(state, device=device).unsqueeze(0))
        state, _, done = grid.step(q.argmax(dim=1).item())
        if done:
            return t
    return limit


if __name__ == "__main__":
    policy, target = build()
    losses = train(policy, target)
    models = [policy, target]
