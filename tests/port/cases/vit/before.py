"""A vision transformer on noisy pictures: in which quarter is the bright bar?"""
import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import einsum, nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads, dim_head, dropout=0.):
        super().__init__()
        inner = heads * dim_head
        self.heads = heads
        self.scale = dim_head ** -0.5
        self.norm = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.softmax = nn.Softmax(dim=-1)
        # one head of the full width needs no mixing
        self.to_out = nn.Identity() if heads == 1 and inner == dim else nn.Sequential(
            nn.Linear(inner, dim), nn.Dropout(dropout))

    def forward(self, x):
        x = self.norm(x)
        qkv = (self.to_q(x), *self.to_kv(x).chunk(2, dim=-1))
        q, k, v = map(lambda t: rearrange(t, 'b n (h d) -> b h n d', h=self.heads), qkv)
        similarity = einsum('b h i d, b h j d -> b h i j', q * self.scale, k)
        out = einsum('b h i j, b h j d -> b h i d', self.softmax(similarity), v)
        return self.to_out(rearrange(out, 'b h n d -> b n (h d)'))


def mlp(dim, hidden, dropout=0.):
    return nn.Sequential(
        nn.LayerNorm(dim),
        nn.Linear(dim, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, dim),
    )


class VisionTransformer(nn.Module):
    def __init__(self, *, image_size, patch, n_classes, dim, depth, heads, dim_head=8,
                 channels=3, pool='cls', dropout=0.):
        super().__init__()
        if image_size % patch:
            raise ValueError('the patches do not cover the image')
        assert pool in {'cls', 'mean'}
        n_patches = (image_size // patch) ** 2
        self.patch = patch
        self.pool = pool
        self.embed = nn.Linear(channels * patch ** 2, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.randn(1, n_patches + 1, dim) * 0.02)
        self.layers = nn.ModuleList([])
        for _ in range(depth):
            self.layers.append(nn.ModuleList([
                SelfAttention(dim, heads, dim_head, dropout),
                mlp(dim, 2 * dim, dropout),
            ]))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, n_classes))

    def forward(self, img):
        x = rearrange(img, 'b c (h p) (w q) -> b (h w) (p q c)', p=self.patch, q=self.patch)
        x = self.embed(x)
        cls = repeat(self.cls_token, '1 1 d -> b 1 d', b=x.shape[0])
        x = torch.cat((cls, x), dim=1)
        x += self.positions[:, :x.shape[1]]
        for attention, feed_forward in self.layers:
            x = attention(x) + x
            x = feed_forward(x) + x
        x = x.mean(dim=1) if self.pool == 'mean' else x[:, 0]
        return self.head(x)


def bars(n=256, size=16):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, size=n)
    x = rng.normal(0, 0.3, size=(n, 3, size, size)).astype(np.float32)
    half = size // 2
    for i, label in enumerate(y):
        row, col = divmod(int(label), 2)
        top = row * half + rng.integers(0, half - 1)
        x[i, :, top:top + 2, col * half:(col + 1) * half] += 1.5
    return torch.from_numpy(x), torch.from_numpy(y)


device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
images, labels = bars()
images, labels = images.to(device), labels.to(device)


def build():
    torch.manual_seed(0)
    model = VisionTransformer(image_size=16, patch=4, n_classes=4, dim=32, depth=2, heads=4)
    return model.to(device)


def train(model, epochs=9, batch_size=32):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for epoch in range(epochs):
        model.train()
        accuracy = 0
        chunks = list(zip(images.split(batch_size), labels.split(batch_size)))
        for x, y in chunks:
            scores = model(x)
            loss = F.cross_entropy(scores, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            accuracy += (scores.argmax(dim=1) == y).float().mean().item()
            losses.append(loss.item())
        print(f'epoch {epoch + 1}: loss {losses[-1]:.4f}, accuracy {accuracy / len(chunks):.4f}')
    return losses


if __name__ == '__main__':
    model = build()
    losses = train(model)
