"""MLP-Mixer on pictures whose class is the quarter with the strongest texture."""
import numpy as np
import torch
from einops.layers.torch import Rearrange, Reduce
from torch import nn

SIZE, PATCH, CHANNELS = 12, 3, 3
N_CLASSES = 4
BATCH_SIZE = 32
EPOCHS = 12

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class MlpBlock(nn.Module):
    """Linear - GELU - Linear over the last axis."""

    def __init__(self, width, hidden, dropout=0.):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        return self.net(x)


class MixerLayer(nn.Module):
    """Mixes what lies in different patches, then what lies in different channels."""

    def __init__(self, n_patches, dim, token_hidden, channel_hidden, dropout=0.):
        super().__init__()
        self.token_mix = nn.Sequential(
            nn.LayerNorm(dim),
            Rearrange('b n d -> b d n'),
            MlpBlock(n_patches, token_hidden, dropout),
            Rearrange('b d n -> b n d'),
        )
        self.channel_mix = nn.Sequential(
            nn.LayerNorm(dim),
            MlpBlock(dim, channel_hidden, dropout),
        )

    def forward(self, x):
        x = x + self.token_mix(x)
        x = x + self.channel_mix(x)
        return x


class MLPMixer(nn.Module):
    def __init__(self, dim=32, depth=2, token_hidden=32, channel_hidden=64):
        super().__init__()
        n_patches = (SIZE // PATCH) ** 2
        self.stem = nn.Sequential(
            Rearrange('b c (h p) (w q) -> b (h w) (p q c)', p=PATCH, q=PATCH),
            nn.Linear(PATCH * PATCH * CHANNELS, dim),
        )
        self.mixers = nn.ModuleList()
        for _ in range(depth):
            self.mixers.append(MixerLayer(n_patches, dim, token_hidden, channel_hidden))
        self.head = nn.Sequential(
            nn.LayerNorm(dim),
            Reduce('b n d -> b d', 'mean'),
            nn.Linear(dim, N_CLASSES),
        )

    def forward(self, x):
        x = self.stem(x)
        for mixer in self.mixers:
            x = mixer(x)
        return self.head(x)


def textures(n):
    rng = np.random.default_rng(0)
    half = SIZE // 2
    images = rng.normal(0.0, 0.5, size=(n, CHANNELS, SIZE, SIZE))
    labels = rng.integers(0, N_CLASSES, size=n)
    for image, label in zip(images, labels):
        top, left = half * (label // 2), half * (label % 2)
        image[:, top:top + half, left:left + half] *= 3.0
    return torch.from_numpy(images.astype(np.float32)), torch.from_numpy(labels)


images, labels = textures(256)
x_train, x_val = images.split([224, 32])
y_train, y_val = labels.split([224, 32])


def build():
    torch.manual_seed(0)
    return MLPMixer().to(device)


def run_epoch(model, criterion, optimizer, order):
    model.train()
    history = []
    for idx in order.split(BATCH_SIZE):
        x, y = x_train[idx].to(device), y_train[idx].to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        history.append(loss.item())
    return history


@torch.no_grad()
def validate(model):
    model.eval()
    logits = model(x_val.to(device))
    return (logits.argmax(-1) == y_val.to(device)).float().mean().item()


def train(model):
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    rng = np.random.default_rng(1)
    losses = []
    for epoch in range(EPOCHS):
        order = torch.from_numpy(rng.permutation(len(x_train)))
        losses.extend(run_epoch(model, criterion, optimizer, order))
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1:2d}  loss {losses[-1]:.4f}  val acc {validate(model):.3f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
