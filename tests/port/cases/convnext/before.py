"""A ConvNeXt of two stages that tells the radius of a ring."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class DropPath(nn.Module):
    """Leaves out the residual branch of some samples while training."""

    def __init__(self, p: float = 0.):
        super().__init__()
        self.p = p

    def forward(self, x):
        if self.p == 0. or not self.training:
            return x
        keep = 1 - self.p
        mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        return x * mask / keep


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of (batch, channels, height, width)."""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        var = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(var + self.eps)
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class Block(nn.Module):
    """Depthwise convolution, then an MLP on channels that lie last, scaled by gamma."""

    def __init__(self, dim, drop_path=0., layer_scale=1e-6):
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, kernel_size=5, padding=2, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.expand = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.reduce = nn.Linear(4 * dim, dim)
        if layer_scale > 0:
            self.gamma = nn.Parameter(layer_scale * torch.ones(dim), requires_grad=True)
        else:
            self.gamma = None
        self.drop_path = DropPath(drop_path) if drop_path > 0. else nn.Identity()

    def forward(self, x):
        residual = x
        x = self.depthwise(x).permute(0, 2, 3, 1)
        x = self.reduce(self.act(self.expand(self.norm(x))))
        if self.gamma is not None:
            x = self.gamma * x
        return residual + self.drop_path(x.permute(0, 3, 1, 2))


class ConvNeXt(nn.Module):
    def __init__(self, n_classes, channels=3, depths=(1, 2), dims=(12, 24), drop_path=0.,
                 layer_scale=1e-6):
        super().__init__()
        rates = [r.item() for r in torch.linspace(0, drop_path, sum(depths))]
        self.reducers = nn.ModuleList()
        self.stages = nn.ModuleList()
        previous = channels
        for i, (depth, dim) in enumerate(zip(depths, dims)):
            patches = nn.Conv2d(previous, dim, kernel_size=2, stride=2)
            # the first norm comes after the patches, the others before them
            self.reducers.append(nn.Sequential(patches, ChannelNorm(dim)) if i == 0 else
                                 nn.Sequential(ChannelNorm(previous), patches))
            self.stages.append(nn.Sequential(
                *[Block(dim, rates[sum(depths[:i]) + j], layer_scale) for j in range(depth)]))
            previous = dim
        self.norm = nn.LayerNorm(previous, eps=1e-6)
        self.head = nn.Linear(previous, n_classes)
        self.apply(self._init_weights)

    def _init_weights(self, m):
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.trunc_normal_(m.weight, std=.1)
            nn.init.constant_(m.bias, 0)

    def features(self, x):
        for reducer, stage in zip(self.reducers, self.stages):
            x = stage(reducer(x))
        return self.norm(x.mean([-2, -1]))

    def forward(self, x):
        return self.head(self.features(x))


torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

rng = np.random.default_rng(0)
radius = rng.integers(0, 4, size=192)
yy, xx = np.mgrid[-1:1:12j, -1:1:12j]
rings = np.exp(-20 * (np.hypot(yy, xx)[None] - 0.2 * (radius + 1)[:, None, None]) ** 2)
images = rings[:, None] + rng.normal(0, 0.6, size=(192, 3, 12, 12))
images = torch.tensor(images).float().to(device)
labels = torch.tensor(radius).to(device)


def build():
    model = ConvNeXt(n_classes=4, layer_scale=1e-2)
    return model.to(device)


def train(model, epochs=9, batch_size=24):
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
    n_batches = len(images) // batch_size
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * n_batches)
    losses = []
    for epoch in range(epochs):
        model.train()
        for b in range(n_batches):
            rows = slice(b * batch_size, (b + 1) * batch_size)
            loss = F.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            accuracy = (model(images).argmax(1) == labels).float().mean()
        print(f"epoch {epoch}: loss {losses[-1]:.4f}, accuracy {accuracy.item():.3f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
