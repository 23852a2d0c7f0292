"""Two encoders, one for signals and one for their descriptions, trained to agree.

Every pair of a batch is a positive, every other combination a negative.
"""
import math
from typing import Dict

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim


class Projection(nn.Module):
    """Into the space that both encoders share."""

    def __init__(self, n_in: int, n_out: int = 16, dropout: float = 0.0):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.refine = nn.Sequential(nn.GELU(), nn.Linear(n_out, n_out), nn.Dropout(dropout))
        self.norm = nn.LayerNorm(n_out)

    def forward(self, x):
        x = self.linear(x)
        return self.norm(x + self.refine(x))


class SignalEncoder(nn.Module):
    """A few strided convolutions over time, then the mean."""

    def __init__(self, channels: int = 1, width: int = 16):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(channels, width, kernel_size=5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv1d(width, width, kernel_size=5, stride=2, padding=2),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.conv(x).mean(dim=-1)


class TextEncoder(nn.Module):
    """Mean of the word embeddings, padding left out."""

    def __init__(self, vocab_size: int, width: int = 16):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width, padding_idx=0)

    def forward(self, tokens):
        mask = (tokens != 0).unsqueeze(-1).float()
        summed = (self.embedding(tokens) * mask).sum(1)
        return summed / mask.sum(1).clamp(min=1e-9)


class PairModel(nn.Module):
    def __init__(self, vocab_size: int, shared: int = 16):
        super().__init__()
        self.signal_encoder = SignalEncoder()
        self.signal_projection = Projection(16, shared)
        self.text_encoder = TextEncoder(vocab_size)
        self.text_projection = Projection(16, shared)
        self.logit_scale = nn.Parameter(torch.ones([]) * np.log(1 / 0.2))

    def forward(self, signal: torch.Tensor, text: torch.Tensor):
        """(batch, batch) scaled cosines of every signal with every text"""
        a = self.signal_projection(self.signal_encoder(signal))
        b = self.text_projection(self.text_encoder(text))
        a = F.normalize(a, dim=-1)
        b = b / b.norm(dim=-1, keepdim=True)
        return self.logit_scale.exp() * a @ b.t()


def pair_loss(logits):
    """Each signal should find its text, and each text its signal."""
    labels = torch.arange(logits.shape[0], device=logits.device)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels)) / 2


def make_pairs(n_batches: int, batch_size: int = 12) -> Dict[str, torch.Tensor]:
    """Waves, and words for how fast and how loud they are."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 32)
    kinds = np.stack([rng.permutation(12)[:batch_size] for _ in range(n_batches)])
    pitch, loudness = kinds % 4, kinds // 4
    phase = rng.uniform(0, 2 * np.pi, size=kinds.shape + (1,))
    waves = (1 + loudness[..., None]) * np.sin(2 * np.pi * (2 + 3 * pitch[..., None]) * t + phase)
    waves = waves[:, :, None, :] + rng.normal(0, 0.1, size=kinds.shape + (1, 32))
    filler = rng.integers(8, 12, size=kinds.shape)
    filler[rng.random(kinds.shape) < 0.5] = 0
    words = np.stack([1 + pitch, 5 + loudness, filler], axis=-1)
    return {"signal": torch.tensor(waves, dtype=torch.float32), "text": torch.tensor(words)}


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
NUM_STEPS = 120
data = make_pairs(NUM_STEPS + 5)


def build():
    torch.manual_seed(42)
    return PairModel(vocab_size=12).to(device)


def train(model):
    optimizer = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-3)
    losses = []
    model.train()
    for step in range(NUM_STEPS):
        signal, text = data["signal"][step].to(device), data["text"][step].to(device)
        optimizer.zero_grad()
        loss = pair_loss(model(signal, text))
        loss.backward()
        optimizer.step()

        # the logits are not scaled by more than 100
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))

        losses.append(loss.item())
        if (step + 1) % 30 == 0:
            print(f"step {step + 1}: loss {loss.item():.4f}, "
                  f"scale {model.logit_scale.exp().item():.2f}, top-1 {retrieval(model):.2f}")
            model.train()
    return losses


@torch.no_grad()
def retrieval(model):
    model.eval()
    hits = []
    for i in range(NUM_STEPS, NUM_STEPS + 5):
        logits = model(data["signal"][i].to(device), data["text"][i].to(device))
        hits.append((logits.argmax(dim=1).cpu() == torch.arange(len(logits))).float())
    return torch.cat(hits).mean().item()


if __name__ == "__main__":
    model = build()
    losses = train(model)
