"""An encoder and a decoder that learn to write a sequence of numbers backwards."""
import math
from typing import List

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

PAD, BOS, EOS, FIRST = 0, 1, 2, 3
N_TOKENS = 10
LONGEST = 5
DEVICE = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
torch.manual_seed(0)


class Positions(nn.Module):
    """Adds waves of falling frequency, so that the order of the tokens is seen."""

    def __init__(self, width: int, dropout: float, max_len: int = 32):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        place = torch.arange(max_len).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        waves = torch.zeros(max_len, width)
        waves[:, 0::2] = torch.sin(place * rate)
        waves[:, 1::2] = torch.cos(place * rate)
        self.register_buffer('waves', waves.unsqueeze(0))

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x + self.waves[:, :x.size(1)])


class Translator(nn.Module):
    def __init__(self, n_tokens: int, width: int = 32, heads: int = 4, depth: int = 1,
                 hidden: int = 64, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(n_tokens, width)
        self.positions = Positions(width, dropout)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(width, heads, hidden, dropout, batch_first=True),
            num_layers=depth, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(d_model=width, nhead=heads, dim_feedforward=hidden,
                                       dropout=dropout, batch_first=True),
            num_layers=depth)
        self.generator = nn.Linear(width, n_tokens)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.positions(self.embedding(tokens) * math.sqrt(self.width))

    def encode(self, source: Tensor) -> Tensor:
        return self.encoder(self.embed(source), src_key_padding_mask=source == PAD)

    def decode(self, memory: Tensor, source: Tensor, target: Tensor) -> Tensor:
        length = target.size(1)
        future = torch.triu(
            torch.ones((length, length), dtype=torch.bool, device=target.device), diagonal=1)
        x = self.decoder(self.embed(target), memory, tgt_mask=future,
                         memory_key_padding_mask=source == PAD)
        return self.generator(x)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.decode(self.encode(source), source, target)


def reversals(n: int, batch_size: int = 24):
    """Batches of (numbers, the same numbers backwards between BOS and EOS), padded."""
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(n):
        source = np.full((batch_size, LONGEST), PAD)
        target = np.full((batch_size, LONGEST + 2), PAD)
        for row in range(batch_size):
            length = rng.integers(2, LONGEST + 1)
            numbers = rng.integers(FIRST, N_TOKENS, size=length)
            source[row, :length] = numbers
            target[row, :length + 2] = [BOS, *numbers[::-1], EOS]
        batches.append((torch.from_numpy(source), torch.from_numpy(target)))
    return batches


batches = reversals(61)
train_batches = batches[:-1]
test_source, test_target = batches[-1]


def greedy(model: nn.Module, source: Tensor) -> Tensor:
    model.eval()
    with torch.no_grad():
        memory = model.encode(source)
        written = torch.ones(source.size(0), 1).fill_(BOS).type(torch.long).to(source.device)
        while written.size(1) < LONGEST + 2:
            scores = model.decode(memory, source, written)[:, -1]
            _, best = torch.max(scores, dim=1)
            written = torch.cat([written, best.unsqueeze(1)], dim=1)
    return written


def build() -> nn.Module:
    return Translator(N_TOKENS).to(DEVICE)


def train(model: nn.Module) -> List[float]:
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, betas=(0.9, 0.98), eps=1e-9)
    losses = []
    for step, (source, target) in enumerate(train_batches):
        model.train()
        source, target = source.to(DEVICE), target.to(DEVICE)
        scores = model(source, target[:, :-1])
        optimizer.zero_grad()
        loss = criterion(scores.reshape(-1, scores.shape[-1]), target[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 30 == 29:
            written = greedy(model, test_source.to(DEVICE)).cpu()
            used = test_target != PAD
            right = (written == test_target)[used].float().mean()
            print(f"step {step + 1}: loss {loss.item():.3f}, right tokens {right.item():.2f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
