"""Counting in strides round a ring of tokens, with a GPT that reads and writes by one matrix.

AdamW with warm-up, cosine decay, gradient clipping, and no weight decay on vectors.
"""
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR


@dataclass
class Config:
    vocab_size: int = 27
    context: int = 16
    depth: int = 2
    heads: int = 2
    width: int = 32
    dropout: float = 0.0
    bias: bool = False


class Attention(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.heads = cfg.heads
        self.dropout = cfg.dropout
        self.qkv = nn.Linear(cfg.width, 3 * cfg.width, bias=cfg.bias)
        self.out = nn.Linear(cfg.width, cfg.width, bias=cfg.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, c = x.size()
        q, k, v = (
            part.reshape(b, t, self.heads, -1).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        y = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, dropout_p=self.dropout if self.training else 0.0
        )
        return self.out(y.transpose(1, 2).contiguous().view(b, t, c))


class Block(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.attention = Attention(cfg)
        self.fc = nn.Linear(cfg.width, 4 * cfg.width, bias=cfg.bias)
        self.act = nn.GELU(approximate="tanh")
        self.proj = nn.Linear(4 * cfg.width, cfg.width, bias=cfg.bias)
        self.ln1 = nn.LayerNorm(cfg.width)
        self.ln2 = nn.LayerNorm(cfg.width)

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.proj(self.act(self.fc(self.ln2(x))))


class TiedGPT(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg
        self.tokens = nn.Embedding(cfg.vocab_size, cfg.width)
        self.body = nn.ModuleDict({
            "positions": nn.Embedding(cfg.context, cfg.width),
            "blocks": nn.ModuleList([Block(cfg) for _ in range(cfg.depth)]),
            "norm": nn.LayerNorm(cfg.width),
        })
        self.head = nn.Linear(cfg.width, cfg.vocab_size, bias=False)
        # one matrix for reading and for writing tokens
        self.head.weight = self.tokens.weight
        self.apply(self._init_weights)

    @staticmethod
    def _init_weights(m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, std=0.05)

    def forward(self, tokens, targets=None):
        t = tokens.size(1)
        if t > self.cfg.context:
            raise ValueError(f"{t} tokens, but the context is {self.cfg.context}")
        positions = torch.arange(0, t, dtype=torch.long, device=tokens.device)
        x = self.tokens(tokens) + self.body.positions(positions)
        for block in self.body.blocks:
            x = block(x)
        logits = self.head(self.body.norm(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


STEPS, WARMUP = 60, 10


def lr_share(step: int) -> float:
    """The learning rate at `step`, as a share of its highest value."""
    if step < WARMUP:
        return (step + 1) / WARMUP
    done = (step - WARMUP) / (STEPS - WARMUP)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * done))


torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
cfg = Config()
rng = np.random.default_rng(0)
first = rng.integers(0, cfg.vocab_size, size=(STEPS, 8, 1))
stride = rng.integers(1, 4, size=(STEPS, 8, 1))
sequences = (first + stride * np.arange(cfg.context + 1)) % cfg.vocab_size


def build() -> nn.Module:
    model = TiedGPT(cfg).to(device)
    n_params = sum(p.numel() for p in model.parameters())
    print(f"{n_params / 1e3:.1f}k parameters")
    return model


def train(model: nn.Module) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1, betas=(0.9, 0.95))
    scheduler = LambdaLR(optimizer, lr_lambda=lr_share)
    losses = []
    model.train()
    for step in range(STEPS):
        batch = torch.from_numpy(sequences[step]).to(device)
        _, loss = model(batch[:, :-1], batch[:, 1:].contiguous())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step % 20 == 0:
            print(f"{step:3d}  loss {loss.item():.4f}  |grad| {norm.item():.3f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
