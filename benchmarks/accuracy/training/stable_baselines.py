"""stable-baselines3 and its contrib package: each algorithm for some steps, saved, loaded,
continued.
"""

# judged: stable_baselines3, sb3_contrib

import tempfile

import gymnasium as gym
import numpy as np
from sb3_contrib import ARS, QRDQN, TQC, TRPO, CrossQ, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3


class Walk(gym.Env):
    """A walk on a line, with either kind of action."""

    observation_space = gym.spaces.Box(-9.0, 9.0, (3,), np.float32)

    def __init__(self, discrete):
        self.discrete = discrete
        one = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space = gym.spaces.Discrete(2) if discrete else one

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.state, self.time = self.np_random.normal(size=3).astype("float32"), 0
        return self.state, {}

    def step(self, action):
        self.time += 1
        move = 2 * action - 1 if self.discrete else action[0]
        self.state = np.clip(self.state + 0.1 * np.float32(move), -9.0, 9.0)
        return self.state, -float(abs(self.state).sum()), False, self.time == 10, {}

    def action_masks(self):
        return np.array([True, True])


onpolicy = {"n_steps": 16, "batch_size": 16}
offpolicy = {"learning_starts": 8, "buffer_size": 100, "batch_size": 8}
runs = [
    (PPO, True, {**onpolicy, "n_epochs": 2, "target_kl": 0.1}, "MlpPolicy"),
    (PPO, False, {**onpolicy, "n_epochs": 2, "use_sde": True}, "MlpPolicy"),
    (A2C, True, {}, "MlpPolicy"),
    (A2C, False, {"use_rms_prop": False}, "MlpPolicy"),
    (DQN, True, {**offpolicy, "target_update_interval": 8}, "MlpPolicy"),
    (SAC, False, {**offpolicy, "ent_coef": "auto"}, "MlpPolicy"),
    (SAC, False, {**offpolicy, "ent_coef": 0.1, "use_sde": True}, "MlpPolicy"),
    (TD3, False, offpolicy, "MlpPolicy"),
    (DDPG, False, offpolicy, "MlpPolicy"),
    (TQC, False, offpolicy, "MlpPolicy"),
    (CrossQ, False, offpolicy, "MlpPolicy"),
    (QRDQN, True, offpolicy, "MlpPolicy"),
    (TRPO, True, onpolicy, "MlpPolicy"),
    (ARS, True, {"n_delta": 2}, "LinearPolicy"),
    (MaskablePPO, True, {**onpolicy, "n_epochs": 2}, "MlpPolicy"),
    (RecurrentPPO, True, {**onpolicy, "n_epochs": 2}, "MlpLstmPolicy"),
]

with tempfile.TemporaryDirectory() as folder:
    for algorithm, discrete, options, policy in runs:
        model = algorithm(policy, Walk(discrete), seed=0, **options)
        model.learn(40)
        model.save(folder + "/model.zip")
        again = algorithm.load(folder + "/model.zip", env=Walk(discrete))
        again.set_parameters(model.get_parameters())
        again.learn(20, reset_num_timesteps=False)
        if algorithm is not ARS:
            again.policy.save(folder + "/policy.zip")
            type(again.policy).load(folder + "/policy.zip")
