"""Masked language modelling: guess the hidden numbers of sequences that count upwards."""
import math
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn

PAD, MASK, FIRST = 0, 1, 2
N_NUMBERS = 10
MAX_LEN = 10


class InputEmbedding(nn.Module):
    """Token, place and segment, added up and normalised."""

    def __init__(self, n_tokens: int, width: int, dropout: float):
        super().__init__()
        self.token = nn.Embedding(n_tokens, width, padding_idx=PAD)
        self.place = nn.Embedding(MAX_LEN, width)
        self.segment = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("places", torch.arange(MAX_LEN).expand((1, -1)))

    def forward(self, ids: Tensor, segments: Optional[Tensor] = None) -> Tensor:
        if segments is None:
            segments = torch.zeros_like(ids)
        x = self.token(ids) + self.segment(segments)
        x = x + self.place(self.places[:, :ids.size(1)])
        return self.dropout(self.norm(x))


class EncoderLayer(nn.Module):
    """Attention in both directions and a feed-forward net, each normalised after its sum."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.merge = nn.Linear(width, width)
        self.norm_attention = nn.LayerNorm(width, eps=1e-12)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.norm_output = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def split_heads(self, x: Tensor) -> Tensor:
        shape = x.size()[:-1] + (self.heads, x.size(-1) // self.heads)
        return x.view(shape).permute(0, 2, 1, 3)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q = self.split_heads(self.query(x))
        k = self.split_heads(self.key(x))
        v = self.split_heads(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(q.size(-1)) + bias
        weights = self.dropout(nn.functional.softmax(scores, dim=-1))
        context = torch.matmul(weights, v).permute(0, 2, 1, 3).contiguous()
        context = context.view(*context.size()[:-2], -1)
        x = self.norm_attention(x + self.dropout(self.merge(context)))
        hidden = self.narrow(nn.functional.gelu(self.widen(x)))
        return self.norm_output(x + self.dropout(hidden))


class MaskedLM(nn.Module):
    def __init__(self, n_tokens: int, width: int = 32, depth: int = 2, heads: int = 4,
                 dropout: float = 0.0):
        super().__init__()
        self.embedding = InputEmbedding(n_tokens, width, dropout)
        self.layers = nn.ModuleList([EncoderLayer(width, heads, dropout) for _ in range(depth)])
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.decoder = nn.Linear(width, n_tokens, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_tokens))
        self.apply(self._init_weights)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(mean=0.0, std=0.2)
        if isinstance(module, nn.Linear) and module.bias is not None:
            module.bias.data.zero_()
        elif isinstance(module, nn.LayerNorm):
            module.bias.data.zero_()
            module.weight.data.fill_(1.0)

    def forward(self, ids: Tensor, attention_mask: Optional[Tensor] = None,
                labels: Optional[Tensor] = None) -> Tuple[Optional[Tensor], Tensor]:
        if attention_mask is None:
            attention_mask = torch.ones_like(ids)
        # 0 where a token may be looked at, a large negative number where not
        bias = (1.0 - attention_mask[:, None, None, :].to(dtype=torch.float32)) * -10000.0
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, bias)
        scores = self.decoder(self.transform(x)) + self.bias
        loss = None
        if labels is not None:
            criterion = nn.CrossEntropyLoss(ignore_index=-100)
            loss = criterion(scores.view(-1, scores.size(-1)), labels.view(-1))
        return loss, scores


def counting(n_batches: int, batch_size: int = 16) -> List[Dict[str, Tensor]]:
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(n_batches):
        start = rng.integers(0, N_NUMBERS, size=(batch_size, 1))
        tokens = FIRST + (start + np.arange(MAX_LEN)) % N_NUMBERS
        used = np.arange(MAX_LEN) < rng.integers(6, MAX_LEN + 1, size=(batch_size, 1))
        hidden = used & (rng.random(tokens.shape) < 0.2)
        hidden[:, 2] = True
        ids = np.where(hidden, MASK, np.where(used, tokens, PAD))
        batches.append({
            "ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(used.astype(np.int64)),
            "labels": torch.from_numpy(np.where(hidden, tokens, -100)),
        })
    return batches


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
batches = counting(90)


def build() -> MaskedLM:
    torch.manual_seed(0)
    return MaskedLM(FIRST + N_NUMBERS).to(device)


def train(model: MaskedLM, warmup: int = 10) -> List[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, eps=1e-8)
    total = len(batches)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, (total - step) / (total - warmup)))
    losses = []
    model.train()
    for step, batch in enumerate(batches):
        batch = {name: value.to(device) for name, value in batch.items()}
        loss, _ = model(**batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % 30 == 29:
            print(f"step {step + 1:3d} | loss {loss.item():.4f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
