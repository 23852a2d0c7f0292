"""A variational autoencoder on 8x8 pictures of crosses."""
from __future__ import print_function

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F

SIZE = 8
LATENT = 4
BATCH = 16
EPOCHS = 8

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def crosses(n):
    """A bright row and a bright column in a dark square."""
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(1, SIZE - 1, size=(2, n))
    x = rng.uniform(0.0, 0.1, size=(n, 1, SIZE, SIZE))
    for i in range(n):
        x[i, 0, rows[i]] = rng.uniform(0.8, 1.0)
        x[i, 0, :, cols[i]] = rng.uniform(0.8, 1.0)
    return torch.from_numpy(x.astype(np.float32))


pictures = crosses(144)
train_pictures, test_pictures = pictures[:128], pictures[128:]
# drawn beforehand, so that a run can be repeated
draws = np.random.default_rng(1).standard_normal((EPOCHS, 128, LATENT))
draws = torch.from_numpy(draws.astype(np.float32))


class Encoder(nn.Module):
    """The mean and the log variance of the code."""

    def __init__(self, n_in, hidden, latent):
        super(Encoder, self).__init__()
        self.hidden = nn.Linear(n_in, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_var = nn.Linear(hidden, latent)

    def forward(self, x):
        h = torch.tanh(self.hidden(x.view(x.size(0), -1)))
        return self.mean(h), self.log_var(h)


class VAE(nn.Module):
    def __init__(self, n_in=SIZE * SIZE, hidden=48, latent=LATENT):
        super(VAE, self).__init__()
        self.latent = latent
        self.encoder = Encoder(n_in, hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.Tanh(),
            nn.Linear(hidden, n_in),
            nn.Sigmoid(),
        )

    def reparameterize(self, mean, log_var, noise=None):
        if not self.training:
            return mean
        std = (log_var / 2).exp()
        if noise is None:
            noise = torch.randn_like(std)
        return mean + noise * std

    def forward(self, x, noise=None):
        mean, log_var = self.encoder(x)
        z = self.reparameterize(mean, log_var, noise)
        return self.decoder(z).view_as(x), mean, log_var

    def sample(self, n):
        z = torch.randn(n, self.latent).to(device)
        return self.decoder(z).view(n, 1, SIZE, SIZE)


def elbo_loss(x_hat, x, mean, log_var):
    """Reconstruction error and divergence from a standard normal, each a sum over the batch."""
    reconstruction = F.binary_cross_entropy(x_hat, x, reduction='sum')
    divergence = 0.5 * torch.sum(mean.pow(2) + log_var.exp() - log_var - 1)
    return reconstruction + divergence


def build():
    return VAE().to(device)


def train(model):
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for epoch in range(EPOCHS):
        model.train()
        total = 0
        for start in range(0, len(train_pictures), BATCH):
            x = train_pictures[start:start + BATCH].to(device)
            noise = draws[epoch, start:start + BATCH].to(device)
            optimizer.zero_grad()
            x_hat, mean, log_var = model(x, noise)
            loss = elbo_loss(x_hat, x, mean, log_var)
            loss.backward()
            total += loss.item()
            optimizer.step()
            losses.append(loss.item() / len(x))
        print('Epoch: {} \tmean loss {:.4f}\ttest loss {:.4f}'.format(
            epoch + 1, total / len(train_pictures), evaluate(model)))
    return losses


def evaluate(model):
    model.eval()
    total = 0
    with torch.no_grad():
        for x in test_pictures.split(BATCH):
            x = x.to(device)
            x_hat, mean, log_var = model(x)
            total += elbo_loss(x_hat, x, mean, log_var).item()
    return total / len(test_pictures)


if __name__ == "__main__":
    model = build()
    losses = train(model)
    with torch.no_grad():
        print('brightness of samples: %.3f' % model.sample(4).cpu().mean().item())
