"""A word-level language model: two LSTM layers, truncated back-propagation, SGD."""
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

EMBED, HIDDEN, LAYERS = 24, 32, 2
BATCH_SIZE, EVAL_BATCH_SIZE = 8, 4
BPTT = 10
EPOCHS = 8


class Vocabulary(object):
    def __init__(self):
        self.ids = {}
        self.words = []

    def __call__(self, word):
        if word not in self.ids:
            self.ids[word] = len(self.words)
            self.words.append(word)
        return self.ids[word]

    def __len__(self):
        return len(self.words)


def sentences(n, seed):
    """Words of a tiny grammar."""
    rng = np.random.default_rng(seed)
    words = []
    for _ in range(n):
        who = rng.choice(["the cat", "a dog", "one bird", "our old neighbour"])
        does = rng.choice(["sees", "likes", "follows"])
        what = rng.choice(["the moon", "a tree", "that river"])
        words += f"{who} {does} {what} .".split()
    return words


class LanguageModel(nn.Module):
    def __init__(self, n_words, embed, hidden, layers, dropout=0.0):
        super(LanguageModel, self).__init__()
        self.n_words = n_words
        self.hidden = hidden
        self.layers = layers
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Embedding(n_words, embed)
        self.lstm = nn.LSTM(embed, hidden, layers, dropout=dropout)
        self.output = nn.Linear(hidden, n_words)
        self.reset_parameters()

    def reset_parameters(self, scale=0.5):
        nn.init.uniform_(self.embedding.weight, -scale, scale)
        nn.init.uniform_(self.output.weight, -scale, scale)
        nn.init.zeros_(self.output.bias)

    def forward(self, words, state):
        x = self.dropout(self.embedding(words))
        x, state = self.lstm(x, state)
        scores = self.output(self.dropout(x)).view(-1, self.n_words)
        return F.log_softmax(scores, dim=1), state

    def zero_state(self, batch_size):
        like = next(self.parameters())
        shape = (self.layers, batch_size, self.hidden)
        return like.new_zeros(shape), like.new_zeros(shape)


def detached(state):
    """The same values, cut off from the steps that led to them."""
    if isinstance(state, torch.Tensor):
        return state.detach()
    return tuple(detached(s) for s in state)


def in_columns(ids, n_columns):
    """A long text as columns that lie side by side; what does not fill them is left out."""
    length = ids.size(0) // n_columns
    ids = ids.narrow(0, 0, length * n_columns)
    return ids.view(n_columns, -1).t().contiguous().to(device)


def windows(source):
    for start in range(0, source.size(0) - 1, BPTT):
        stop = min(start + BPTT, source.size(0) - 1)
        yield source[start:stop], source[start + 1:stop + 1].view(-1)


vocabulary = Vocabulary()
train_ids = torch.tensor([vocabulary(w) for w in sentences(160, seed=0)], dtype=torch.int64)
valid_ids = torch.tensor([vocabulary(w) for w in sentences(30, seed=1)], dtype=torch.int64)
train_data = in_columns(train_ids, BATCH_SIZE)
valid_data = in_columns(valid_ids, EVAL_BATCH_SIZE)
criterion = nn.NLLLoss()


def build():
    return LanguageModel(len(vocabulary), EMBED, HIDDEN, LAYERS).to(device)


def perplexity(model, source):
    model.eval()
    total, count = 0., 0
    state = model.zero_state(EVAL_BATCH_SIZE)
    with torch.no_grad():
        for words, targets in windows(source):
            scores, state = model(words, state)
            total += criterion(scores, targets).item() * len(targets)
            count += len(targets)
    return math.exp(total / count)


def train(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=4.0)
    losses = []
    for epoch in range(1, EPOCHS + 1):
        model.train()
        state = model.zero_state(BATCH_SIZE)
        for i, (words, targets) in enumerate(windows(train_data)):
            state = detached(state)
            model.zero_grad()
            scores, state = model(words, state)
            loss = criterion(scores, targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            losses.append(loss.item())
            if i % 5 == 4:
                recent = sum(losses[-5:]) / 5
                print('epoch {:2d} | {:3d} batches | loss {:5.2f}'.format(epoch, i + 1, recent))
        print('epoch {:2d} | valid ppl {:8.2f}'.format(epoch, perplexity(model, valid_data)))
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
