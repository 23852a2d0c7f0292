"""Segment discs in noisy pictures with a U-Net of three levels."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim

device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
torch.manual_seed(0)


def double_conv(c_in, c_out):
    layers = []
    for c in (c_in, c_out):
        layers += [nn.Conv2d(c, c_out, kernel_size=3, padding=1, bias=False),
                   nn.BatchNorm2d(c_out),
                   nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UpBlock(nn.Module):
    """Doubles the size, meets the features of the way down, and convolves both."""

    def __init__(self, c_in, c_skip, c_out, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)
            c_up = c_in
        else:
            self.up = nn.ConvTranspose2d(c_in, c_in // 2, kernel_size=2, stride=2)
            c_up = c_in // 2
        self.conv = double_conv(c_up + c_skip, c_out)

    def forward(self, x, skip):
        x = self.up(x)
        # an odd size was rounded down when it was halved
        missing_h = skip.size(2) - x.size(2)
        missing_w = skip.size(3) - x.size(3)
        x = F.pad(x, (missing_w // 2, missing_w - missing_w // 2,
                      missing_h // 2, missing_h - missing_h // 2))
        return self.conv(torch.cat([skip, x], dim=1))


class UNet(nn.Module):
    def __init__(self, c_in=1, n_classes=1, widths=(6, 8, 12), bilinear=(True, False)):
        super().__init__()
        self.inp = double_conv(c_in, widths[0])
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(
            [double_conv(a, b) for a, b in zip(widths[:-1], widths[1:])])
        self.up = nn.ModuleList()
        for deep, shallow, kind in zip(widths[:0:-1], widths[-2::-1], bilinear):
            self.up.append(UpBlock(deep, shallow, shallow, kind))
        self.out = nn.Conv2d(widths[0], n_classes, kernel_size=1)

    def forward(self, x):
        x = self.inp(x)
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(self.pool(x))
        for block in self.up:
            x = block(x, skips.pop())
        return self.out(x)


class DiceLoss(nn.Module):
    """One minus the overlap of the prediction and the mask, over their mean size."""

    def __init__(self, smooth=1.0):
        super().__init__()
        self.smooth = smooth

    def forward(self, logits, target):
        p = torch.sigmoid(logits).flatten(1)
        t = target.flatten(1)
        overlap = (p * t).sum(dim=1)
        dice = (2 * overlap + self.smooth) / (p.sum(dim=1) + t.sum(dim=1) + self.smooth)
        return 1 - dice.mean()


def make_discs(n, size=18):
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:size, :size]
    cy, cx = rng.uniform(5, size - 5, size=(2, n, 1, 1))
    radius = rng.uniform(2.5, 5, size=(n, 1, 1))
    masks = ((yy - cy) ** 2 + (xx - cx) ** 2 < radius ** 2).astype(np.float32)
    images = masks + rng.normal(0, 0.6, size=masks.shape).astype(np.float32)
    return torch.as_tensor(images[:, None]), torch.as_tensor(masks[:, None])


images, masks = make_discs(96)


def build():
    return UNet().to(device=device)


def mean_iou(net, x, mask):
    net.eval()
    with torch.no_grad():
        found = net(x.to(device)) > 0
        mask = mask.to(device).bool()
        both = (found & mask).sum(dim=(1, 2, 3)).float()
        either = (found | mask).sum(dim=(1, 2, 3)).float()
    net.train()
    return (both / either).mean().item()


def train(net, epochs=5, batch_size=8, n_train=80):
    optimizer = optim.RMSprop(net.parameters(), lr=1e-3, eps=1e-3)
    bce, dice = nn.BCEWithLogitsLoss(), DiceLoss()
    losses = []
    net.train()
    for epoch in range(epochs):
        for start in range(0, n_train, batch_size):
            x = images[start:start + batch_size].to(device=device, dtype=torch.float32)
            mask = masks[start:start + batch_size].to(device=device, dtype=torch.float32)
            logits = net(x)
            loss = bce(logits.squeeze(1), mask.squeeze(1))
            loss += dice(logits, mask)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        iou = mean_iou(net, images[n_train:], masks[n_train:])
        print('epoch {}: loss {:.4f}, validation IoU {:.4f}'.format(epoch + 1, losses[-1], iou))
    return losses


if __name__ == '__main__':
    model = build()
    losses = train(model)
