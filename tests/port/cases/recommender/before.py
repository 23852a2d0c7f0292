"""Ratings of films as the dot product of a user's and a film's embedding."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

NUM_USERS = 40
NUM_ITEMS = 30
MIN_RATING, MAX_RATING = 0.5, 5.5


class RatingsDataset(Dataset):
    """(user, item, rating) triples, without the pandas."""

    def __init__(self, users: np.ndarray, items: np.ndarray, ratings: np.ndarray):
        self.users = torch.tensor(users, dtype=torch.long)
        self.items = torch.tensor(items, dtype=torch.long)
        self.ratings = torch.tensor(ratings, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.ratings)

    def __getitem__(self, idx):
        return self.users[idx], self.items[idx], self.ratings[idx]


class DotProductBias(nn.Module):
    """Matrix factorisation with biases; a sigmoid keeps the rating in its range."""

    def __init__(self, num_users: int, num_items: int, n_factors: int = 8,
                 y_range: tuple = (MIN_RATING, MAX_RATING)):
        super().__init__()
        self.user_factors = nn.Embedding(num_users, n_factors)
        self.user_bias = nn.Embedding(num_users, 1)
        self.item_factors = nn.Embedding(num_items, n_factors)
        self.item_bias = nn.Embedding(num_items, 1)
        self.global_bias = nn.Parameter(torch.tensor(0.0))
        self.y_range = y_range

        self.user_factors.weight.data.uniform_(-0.1, 0.1)
        self.item_factors.weight.data.uniform_(-0.1, 0.1)
        self.user_bias.weight.data.zero_()
        self.item_bias.weight.data.zero_()

    def forward(self, users, items):
        dot = (self.user_factors(users) * self.item_factors(items)).sum(dim=1, keepdim=True)
        res = dot + self.user_bias(users) + self.item_bias(items) + self.global_bias
        low, high = self.y_range
        return torch.sigmoid(res.squeeze(1)) * (high - low) + low


def make_ratings(n: int = 600):
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(NUM_USERS, 2))
    style = rng.normal(size=(NUM_ITEMS, 2))
    users = rng.integers(0, NUM_USERS, size=n)
    items = rng.integers(0, NUM_ITEMS, size=n)
    score = 3.0 + (taste[users] * style[items]).sum(1) + rng.normal(0, 0.1, size=n)
    return users, items, np.clip(np.round(2 * score) / 2, 1.0, 5.0)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
users, items, ratings = make_ratings()
split = int(0.8 * len(ratings))
train_ds = RatingsDataset(users[:split], items[:split], ratings[:split])
valid_ds = RatingsDataset(users[split:], items[split:], ratings[split:])
train_dl = DataLoader(train_ds, batch_size=32, shuffle=False, drop_last=True)
valid_dl = DataLoader(valid_ds, batch_size=64)


def build() -> nn.Module:
    torch.manual_seed(0)
    return DotProductBias(NUM_USERS, NUM_ITEMS).to(device)


def rmse(model: nn.Module) -> float:
    model.eval()
    sum_loss, total = 0.0, 0
    with torch.no_grad():
        for user, item, rating in valid_dl:
            user, item, rating = user.to(device), item.to(device), rating.to(device)
            y_hat = model(user, item).clamp(1.0, 5.0)
            sum_loss += nn.functional.mse_loss(y_hat, rating, reduction="sum").item()
            total += rating.shape[0]
    return (sum_loss / total) ** 0.5


def train(model: nn.Module, epochs: int = 12) -> list[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03, weight_decay=1e-5)
    loss_fn = nn.MSELoss()
    losses = []
    for i in range(epochs):
        model.train()
        for user, item, rating in train_dl:
            user = user.to(device)
            item = item.to(device)
            rating = rating.to(device)
            y_hat = model(user, item)
            loss = loss_fn(y_hat, rating)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if i % 4 == 3:
            print("train loss %.3f valid rmse %.3f" % (losses[-1], rmse(model)))
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
