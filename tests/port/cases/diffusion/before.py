"""Denoising diffusion of 8x8 pictures of a bright column: the network predicts the noise."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Adam

LEVELS = 50
BATCH = 16
STEPS = 50
device = "cuda" if torch.cuda.is_available() else "cpu"


class TimeEmbedding(nn.Module):
    """Sines and cosines of the noise level, in falling frequencies, through a small net."""

    def __init__(self, dim, out):
        super().__init__()
        rate = math.log(10000) / (dim // 2 - 1)
        self.register_buffer('freqs', torch.exp(-rate * torch.arange(dim // 2)))
        self.net = nn.Sequential(nn.Linear(dim, out), nn.SiLU(), nn.Linear(out, out))

    def forward(self, t):
        angles = t[:, None].float() * self.freqs[None, :]
        return self.net(torch.cat((angles.sin(), angles.cos()), dim=-1))


class TimedBlock(nn.Module):
    """Two convolutions with a residual; the time scales and shifts the channels in between."""

    def __init__(self, c_in, c_out, time_dim, groups=4):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm1 = nn.GroupNorm(groups, c_out)
        self.modulate = nn.Linear(time_dim, 2 * c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, c_out)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x, t):
        scale, shift = self.modulate(F.silu(t))[..., None, None].chunk(2, dim=1)
        h = self.norm1(self.conv1(x))
        h = F.silu(h * (1 + scale) + shift)
        h = F.silu(self.norm2(self.conv2(h)))
        return h + self.skip(x)


class Denoiser(nn.Module):
    def __init__(self, dim=12, channels=1):
        super().__init__()
        time_dim = 4 * dim
        self.time = TimeEmbedding(dim, time_dim)
        self.first = nn.Conv2d(channels, dim, 3, padding=1)
        self.block1 = TimedBlock(dim, dim, time_dim)
        self.down = nn.Conv2d(dim, 2 * dim, 4, stride=2, padding=1)
        self.block2 = TimedBlock(2 * dim, 2 * dim, time_dim)
        self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"),
                                nn.Conv2d(2 * dim, dim, 3, padding=1))
        self.block3 = TimedBlock(2 * dim, dim, time_dim)
        self.last = nn.Conv2d(dim, channels, 1)

    def forward(self, x, t):
        t = self.time(t)
        fine = self.block1(self.first(x), t)
        coarse = self.block2(self.down(fine), t)
        x = torch.cat((self.up(coarse), fine), dim=1)
        return self.last(self.block3(x, t))


def pick(values, t, like):
    """values[t], shaped so that it multiplies the pictures `like`."""
    return values.gather(-1, t).reshape(t.shape[0], *((1,) * (like.dim() - 1)))


class Diffusion(nn.Module):
    def __init__(self, net, levels=LEVELS):
        super().__init__()
        self.net = net
        self.levels = levels
        beta = torch.linspace(1e-3, 0.12, levels)
        alpha = 1. - beta
        alpha_bar = torch.cumprod(alpha, dim=0)
        before = F.pad(alpha_bar[:-1], (1, 0), value=1.)
        self.register_buffer('beta', beta)
        self.register_buffer('signal', alpha_bar.sqrt())
        self.register_buffer('noise', torch.sqrt(1. - alpha_bar))
        self.register_buffer('rescale', torch.rsqrt(alpha))
        self.register_buffer('variance', beta * (1. - before) / (1. - alpha_bar))

    def forward(self, x, t, eps=None):
        """The error of the predicted noise; `eps` is drawn where it isn't given."""
        if eps is None:
            eps = torch.randn_like(x)
        noisy = pick(self.signal, t, x) * x + pick(self.noise, t, x) * eps
        return F.smooth_l1_loss(self.net(noisy, t), eps)

    @torch.no_grad()
    def sample(self, shape):
        x = torch.randn(shape, device=self.beta.device)
        for level in reversed(range(self.levels)):
            t = torch.full((shape[0],), level, device=x.device, dtype=torch.long)
            share = pick(self.beta, t, x) / pick(self.noise, t, x)
            x = pick(self.rescale, t, x) * (x - share * self.net(x, t))
            if level > 0:
                x = x + pick(self.variance, t, x).sqrt() * torch.randn_like(x)
        return x.clamp(-1, 1)


rng = np.random.default_rng(0)
column = rng.integers(1, 7, size=(STEPS, BATCH, 1, 1, 1))
pictures = np.where(np.abs(np.arange(8) - column) < 2, 1.0, -1.0) * np.ones((8, 1))
levels = rng.integers(0, LEVELS, size=(STEPS, BATCH))
noises = rng.standard_normal(pictures.shape)


def build():
    torch.manual_seed(0)
    return Diffusion(Denoiser()).to(device)


def train(model):
    optimizer = Adam(model.parameters(), lr=3e-3)
    losses = []
    model.train()
    for step in range(STEPS):
        x = torch.tensor(pictures[step], dtype=torch.float32, device=device)
        eps = torch.tensor(noises[step], dtype=torch.float32, device=device)
        t = torch.from_numpy(levels[step]).long().to(device)
        optimizer.zero_grad()
        loss = model(x, t, eps)
        if step % 20 == 0:
            print("step", step, "loss", loss.item())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
    model.eval()
    print("brightness of samples:", model.sample((2, 1, 8, 8)).mean().item())
