"""A decoder with RMSNorm, rotary positions, shared key heads and SwiGLU, on repeated sequences."""
import math
from dataclasses import dataclass
from typing import Optional

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Args:
    vocab_size: int = 12
    dim: int = 32
    hidden_dim: int = 88
    n_layers: int = 2
    n_heads: int = 4
    n_kv_heads: Optional[int] = 2
    max_seq_len: int = 24
    norm_eps: float = 1e-5


class RMSNorm(nn.Module):
    """x over its root mean square, times a weight; computed in float32."""

    def __init__(self, dim: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps)
        return y.type_as(x) * self.weight


class Rotary(nn.Module):
    """Turns pairs of channels by an angle that grows with the position."""

    def __init__(self, dim: int, max_seq_len: int, theta: float = 10000.0):
        super().__init__()
        inv_freq = 1.0 / (theta ** (torch.arange(0, dim, 2).float() / dim))
        angles = torch.outer(torch.arange(max_seq_len, dtype=torch.float32), inv_freq)
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    @staticmethod
    def rotate_half(x):
        first, second = x.chunk(2, dim=-1)
        return torch.cat((-second, first), dim=-1)

    def forward(self, x):
        """x: (batch, heads, length, channels)"""
        length = x.shape[-2]
        return x * self.cos[:length] + self.rotate_half(x) * self.sin[:length]


class Attention(nn.Module):
    def __init__(self, args: Args):
        super().__init__()
        self.n_heads = args.n_heads
        self.n_kv_heads = args.n_heads if args.n_kv_heads is None else args.n_kv_heads
        self.head_dim = args.dim // args.n_heads
        kv_dim = self.n_kv_heads * self.head_dim
        self.wq = nn.Linear(args.dim, args.dim, bias=False)
        self.wk = nn.Linear(args.dim, kv_dim, bias=False)
        self.wv = nn.Linear(args.dim, kv_dim, bias=False)
        self.wo = nn.Linear(args.dim, args.dim, bias=False)
        self.rotary = Rotary(self.head_dim, args.max_seq_len)

    def share(self, x):
        """The heads of keys or values, as many times as queries need them."""
        b, heads, length, channels = x.shape
        n = self.n_heads // heads
        return x[:, :, None].expand(b, heads, n, length, channels).reshape(b, -1, length, channels)

    def forward(self, x, mask: Optional[torch.Tensor]):
        b, length, _ = x.shape
        q = self.wq(x).view(b, length, self.n_heads, self.head_dim).transpose(1, 2)
        k = self.wk(x).view(b, length, self.n_kv_heads, self.head_dim).transpose(1, 2)
        v = self.wv(x).view(b, length, self.n_kv_heads, self.head_dim).transpose(1, 2)
        q, k = self.rotary(q), self.rotary(k)
        k, v = self.share(k), self.share(v)
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.head_dim)
        if mask is not None:
            scores = scores + mask
        weights = F.softmax(scores.float(), dim=-1).type_as(q)
        return self.wo(torch.matmul(weights, v).transpose(1, 2).contiguous().view(b, length, -1))


class SwiGLU(nn.Module):
    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.gate = nn.Linear(dim, hidden, bias=False)
        self.up = nn.Linear(dim, hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Decoder(nn.Module):
    def __init__(self, args: Args):
        super().__init__()
        self.embed = nn.Embedding(args.vocab_size, args.dim)
        self.layers = torch.nn.ModuleList()
        for _ in range(args.n_layers):
            self.layers.append(nn.ModuleDict({
                "attention_norm": RMSNorm(args.dim, args.norm_eps),
                "attention": Attention(args),
                "ffn_norm": RMSNorm(args.dim, args.norm_eps),
                "ffn": SwiGLU(args.dim, args.hidden_dim),
            }))
        self.norm = RMSNorm(args.dim, args.norm_eps)
        self.output = nn.Linear(args.dim, args.vocab_size, bias=False)

    def forward(self, tokens: torch.Tensor):
        length = tokens.shape[1]
        mask = None
        if length > 1:
            mask = torch.full((length, length), float("-inf"), device=tokens.device)
            mask = torch.triu(mask, diagonal=1)
        h = self.embed(tokens)
        for layer in self.layers:
            h = h + layer["attention"](layer["attention_norm"](h), mask)
            h = h + layer["ffn"](layer["ffn_norm"](h))
        return self.output(self.norm(h)).float()


torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
args = Args()
halves = np.random.default_rng(0).integers(0, args.vocab_size, size=(100, 16, 6))
sequences = torch.from_numpy(np.concatenate([halves, halves], axis=2))


def build() -> Decoder:
    return Decoder(args).to(device)


def train(model: Decoder) -> list[float]:
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-2, betas=(0.9, 0.95), eps=1e-5, weight_decay=0.1)
    losses = []
    model.train()
    for step, tokens in enumerate(sequences):
        tokens = tokens.to(device)
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, args.vocab_size), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 25 == 0:
            print(f"{step:3d} loss {loss.item():.4f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
