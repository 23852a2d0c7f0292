"""Characters in, characters out: an LSTM cell that is stepped by hand."""
from typing import List, Optional, Tuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

twister = "peter piper picked a peck of pickled peppers. " * 8
symbols = sorted(set(twister))
index = {c: i for i, c in enumerate(symbols)}

ROWS, LENGTH = 8, 12
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
rows = np.array([index[c] for c in twister])
rows = rows[:len(rows) // ROWS * ROWS].reshape(ROWS, -1)

State = Tuple[torch.Tensor, torch.Tensor]


class CharLSTM(nn.Module):
    """One-hot characters -> LSTMCell -> dropout -> scores of the next character."""

    def __init__(self, n_symbols: int, hidden: int = 48, dropout: float = 0.0):
        super().__init__()
        self.n_symbols = n_symbols
        self.hidden = hidden
        self.cell = nn.LSTMCell(n_symbols, hidden)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(hidden, n_symbols)
        self.init_weights()

    def init_weights(self):
        nn.init.xavier_uniform_(self.readout.weight)
        self.readout.bias.data.fill_(0)
        nn.init.orthogonal_(self.cell.weight_hh)

    def initial_state(self, batch_size: int) -> State:
        h = torch.zeros(batch_size, self.hidden, device=device)
        return h, h.clone()

    def forward(self, x: torch.Tensor, state: Optional[State] = None):
        if state is None:
            state = self.initial_state(x.size(0))
        h, c = state
        x = F.one_hot(x, num_classes=self.n_symbols).float()
        scores: List[torch.Tensor] = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            scores.append(self.readout(self.dropout(h)))
        return torch.stack(scores, dim=1), (h, c)


def windows():
    """Inputs and the characters after them; a row goes on where it stopped."""
    for start in range(0, rows.shape[1] - LENGTH, LENGTH):
        x = rows[:, start:start + LENGTH]
        y = rows[:, start + 1:start + LENGTH + 1]
        yield torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)


batches = list(windows())


def build() -> nn.Module:
    torch.manual_seed(0)
    return CharLSTM(len(symbols)).to(device)


def train(model: nn.Module, epochs: int = 24, lr: float = 0.01) -> List[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.95)
    criterion = nn.CrossEntropyLoss()
    losses: List[float] = []
    for epoch in range(epochs):
        model.train()
        h, c = model.initial_state(ROWS)
        for x, y in batches:
            # gradients stay in one window
            h, c = h.detach(), c.detach()
            optimizer.zero_grad()
            scores, (h, c) = model(x, (h, c))
            loss = criterion(scores.reshape(-1, model.n_symbols), y.reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5)
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        if epoch % 6 == 5:
            print("epoch {}/{}".format(epoch + 1, epochs), "loss {:.4f}".format(losses[-1]))
    return losses


def continue_text(model: nn.Module, text: str, n: int) -> str:
    model.eval()
    with torch.no_grad():
        x = torch.tensor([[index[c] for c in text]]).to(device)
        scores, state = model(x)
        for _ in range(n):
            probabilities = F.softmax(scores[0, -1], dim=0)
            best = probabilities.argmax().item()
            text += symbols[best]
            scores, state = model(torch.tensor([[best]]).to(device), state)
    return text


if __name__ == "__main__":
    model = build()
    losses = train(model)
    print(continue_text(model, "pe", 30))
