"""A character-level decoder-only transformer on a nursery rhyme."""
import math

import numpy as np
import torch
import torch.nn as nn
from torch.nn import functional as F

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

CONTEXT = 16
WIDTH = 32
HEADS = 4
DEPTH = 2
P_DROP = 0.0

rhyme = "one for sorrow, two for joy, three for a girl and four for a boy; " * 14
alphabet = sorted(set(rhyme))
to_id = {c: i for i, c in enumerate(alphabet)}
ids = torch.tensor([to_id[c] for c in rhyme], dtype=torch.long)
cut = len(ids) * 9 // 10
splits = {"train": ids[:cut], "valid": ids[cut:]}
rng = np.random.default_rng(0)


def draw(split, batch_size=8):
    """Windows of the text, and the same windows one character later."""
    source = splits[split]
    offsets = rng.integers(0, len(source) - CONTEXT, size=batch_size)
    x = torch.stack([source[o:o + CONTEXT] for o in offsets])
    y = torch.stack([source[o + 1:o + 1 + CONTEXT] for o in offsets])
    return x.to(device), y.to(device)


class MaskedAttention(nn.Module):
    """Every position sees itself and the positions before it."""

    def __init__(self, width, heads):
        super().__init__()
        assert width % heads == 0, "the heads share the width evenly"
        self.heads = heads
        self.head_width = width // heads
        self.to_qkv = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.drop = nn.Dropout(P_DROP)
        self.register_buffer("visible", torch.tril(torch.ones(CONTEXT, CONTEXT)))

    def forward(self, x):
        b, t, width = x.shape
        q, k, v = self.to_qkv(x).split(width, dim=2)
        q = q.view(b, t, self.heads, self.head_width).transpose(1, 2)
        k = k.view(b, t, self.heads, self.head_width).transpose(1, 2)
        v = v.view(b, t, self.heads, self.head_width).transpose(1, 2)
        weights = q @ k.transpose(-2, -1) / math.sqrt(self.head_width)
        weights = weights.masked_fill(self.visible[:t, :t] == 0, float("-inf"))
        weights = self.drop(F.softmax(weights, dim=-1))
        mixed = (weights @ v).transpose(1, 2).contiguous().view(b, t, width)
        return self.merge(mixed)


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = MaskedAttention(width, heads)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(P_DROP)
        )

    def forward(self, x):
        x = x + self.attention(self.norm_attention(x))
        x = x + self.mlp(self.norm_mlp(x))
        return x


class CharGPT(nn.Module):
    def __init__(self, n_chars):
        super().__init__()
        self.chars = nn.Embedding(n_chars, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.Sequential(*[Layer(WIDTH, HEADS) for _ in range(DEPTH)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, n_chars)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def forward(self, x, y=None):
        b, t = x.size()
        places = torch.arange(t, device=x.device)
        h = self.chars(x) + self.places(places)
        logits = self.head(self.norm(self.layers(h)))
        if y is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(b * t, -1), y.view(b * t))

    def write(self, x, n):
        """`x` and the `n` likeliest characters after it."""
        for _ in range(n):
            logits, _ = self(x[:, -CONTEXT:])
            best = torch.argmax(logits[:, -1, :], dim=-1, keepdim=True)
            x = torch.cat((x, best), dim=1)
        return x


@torch.no_grad()
def validate(model, n_batches=5):
    model.eval()
    found = torch.zeros(n_batches)
    for i in range(n_batches):
        x, y = draw("valid")
        _, loss = model(x, y)
        found[i] = loss.item()
    model.train()
    return found.mean().item()


def build():
    return CharGPT(len(alphabet)).to(device)


def train(model, steps=80):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    losses = []
    for step in range(steps):
        x, y = draw("train")
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 19:
            print(f"step {step + 1}: train {loss.item():.4f}, valid {validate(model):.4f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
    with torch.no_grad():
        start = torch.tensor([[to_id["o"]]], device=device)
        print("".join(alphabet[i] for i in model.write(start, 40)[0].tolist()))
