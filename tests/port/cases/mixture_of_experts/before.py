"""Regression by a mixture of experts, the best two of which answer for every sample."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class Expert(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


class MoELayer(nn.Module):
    """The sum of the outputs of k experts, weighted by a softmax over their k scores.

    Every expert computes every sample; the weights of those not chosen are zero.
    """

    def __init__(self, width: int, hidden: int, n_experts: int = 4, k: int = 2):
        super().__init__()
        self.n_experts = n_experts
        self.k = k
        self.gate = nn.Linear(width, n_experts, bias=False)
        self.experts = nn.ModuleList([Expert(width, hidden) for _ in range(n_experts)])

    def forward(self, x):
        scores = self.gate(x)
        best, chosen = torch.topk(scores, self.k, dim=-1)
        kept = torch.full_like(scores, float('-inf')).scatter(-1, chosen, best)
        weights = F.softmax(kept, dim=-1)
        outputs = torch.stack([expert(x) for expert in self.experts], dim=1)
        y = torch.einsum('be,bed->bd', weights, outputs)
        return y, self.balance(scores, chosen) + 0.1 * self.spread(weights)

    def balance(self, scores, chosen):
        """One if the experts are asked alike, more if some are preferred."""
        asked = F.one_hot(chosen, self.n_experts).sum(dim=1).float().mean(dim=0) / self.k
        return self.n_experts * torch.sum(asked * scores.softmax(dim=-1).mean(dim=0))

    def spread(self, weights):
        """Variance of the experts' total weights over the square of their mean."""
        total = weights.sum(0)
        return total.var() / (total.mean() ** 2 + 1e-10)


class Regressor(nn.Module):
    def __init__(self, n_in: int = 2, width: int = 16, depth: int = 2):
        super().__init__()
        self.embed = nn.Linear(n_in, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(depth)])
        self.layers = nn.ModuleList([MoELayer(width, 32) for _ in range(depth)])
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        x = self.embed(x)
        auxiliary = 0.
        for norm, layer in zip(self.norms, self.layers):
            out, aux = layer(norm(x))
            x = x + out
            auxiliary = auxiliary + aux
        return self.head(x).squeeze(-1), auxiliary


def piecewise(n: int = 512):
    """A function with another rule in every quadrant."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(n, 2)).astype(np.float32)
    a, b = x[:, 0], x[:, 1]
    y = np.select([(a > 0) & (b > 0), (a <= 0) & (b > 0), (a <= 0) & (b <= 0)],
                  [np.sin(4 * a), a * b * 3, 1 - b ** 2], default=a - b)
    return torch.from_numpy(x), torch.from_numpy(y)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
x_all, y_all = piecewise()
x_train, x_test = x_all[:448].to(device), x_all[448:].to(device)
y_train, y_test = y_all[:448].to(device), y_all[448:].to(device)


def build():
    torch.manual_seed(1)
    return Regressor().to(device)


def train(model, epochs=12, batch_size=64, aux_weight=1e-2):
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for epoch in range(epochs):
        model.train()
        for i in range(0, x_train.size(0), batch_size):
            x, y = x_train[i:i + batch_size], y_train[i:i + batch_size]
            optimizer.zero_grad()
            y_hat, aux = model(x)
            mse = criterion(y_hat, y)
            loss = mse + aux_weight * aux
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            y_hat, _ = model(x_test)
            test_mse = criterion(y_hat, y_test)
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1}: mse {mse.item():.4f}, balance {aux.item():.4f}, "
                  f"test mse {test_mse.item():.4f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
