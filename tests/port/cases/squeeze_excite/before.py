"""A little mobile network: inverted residuals with squeeze-and-excitation."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def round_channels(wanted, divisor=4):
    """The multiple of `divisor` nearest to `wanted`."""
    return max(divisor, int(wanted + divisor / 2) // divisor * divisor)


class SqueezeExcite(nn.Module):
    """Scales every channel by what the means of all channels say."""

    def __init__(self, channels, reduction=4):
        super().__init__()
        squeezed = round_channels(channels / reduction)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x):
        b, c, _, _ = x.size()
        s = self.pool(x).view(b, c)
        s = F.hardsigmoid(self.fc2(F.relu(self.fc1(s))))
        return x * s.view(b, c, 1, 1).expand_as(x)


class ConvNormAct(nn.Sequential):
    def __init__(self, c_in, c_out, kernel_size=3, stride=1, groups=1, act=nn.ReLU6):
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel_size, stride, padding=kernel_size // 2, groups=groups,
                      bias=False),
            nn.BatchNorm2d(c_out),
            act(inplace=True),
        )


class InvertedResidual(nn.Module):
    """Widen, convolve each channel for itself, weigh the channels, narrow."""

    def __init__(self, c_in, c_out, stride, expand, se, act):
        super().__init__()
        self.residual = stride == 1 and c_in == c_out
        wide = c_in * expand
        layers = []
        if expand != 1:
            layers.append(ConvNormAct(c_in, wide, kernel_size=1, act=act))
        layers.append(ConvNormAct(wide, wide, stride=stride, groups=wide, act=act))
        if se:
            layers.append(SqueezeExcite(wide))
        layers.extend([nn.Conv2d(wide, c_out, 1, bias=False), nn.BatchNorm2d(c_out)])
        self.block = nn.Sequential(*layers)

    def forward(self, x):
        out = self.block(x)
        if self.residual:
            out = out + x
        return out


class MobileNet(nn.Module):
    settings = [
        # expand, channels, repeats, stride, se, activation
        (1, 8, 1, 1, True, nn.ReLU6),
        (3, 12, 2, 2, False, nn.ReLU6),
        (3, 16, 2, 2, True, nn.Hardswish),
    ]

    def __init__(self, n_classes, width=1.0, dropout=0.0):
        super().__init__()
        channels = round_channels(8 * width)
        layers = [ConvNormAct(3, channels)]
        for expand, c, repeats, stride, se, act in self.settings:
            c_out = round_channels(c * width)
            for i in range(repeats):
                layers.append(InvertedResidual(
                    channels, c_out, stride if i == 0 else 1, expand, se, act))
                channels = c_out
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(channels, 32), nn.Hardswish(), nn.Dropout(p=dropout),
            nn.Linear(32, n_classes))
        self.apply(self.init_weights)

    @staticmethod
    def init_weights(m):
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode='fan_out')
        elif isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, 0, 0.1)
            nn.init.zeros_(m.bias)

    def forward(self, x):
        x = self.features(x)
        x = F.adaptive_avg_pool2d(x, 1).reshape(x.shape[0], -1)
        return self.classifier(x)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# confetti of four colours, one of which lies there more often
rng = np.random.default_rng(0)
palette = rng.uniform(-1, 1, size=(4, 3))
labels = rng.integers(0, 4, size=192)
confetti = np.where(rng.random((192, 8, 8)) < 0.3, labels[:, None, None],
                    rng.integers(0, 4, size=(192, 8, 8)))
images = palette[confetti].transpose(0, 3, 1, 2) + rng.normal(0, 0.2, size=(192, 3, 8, 8))
images = torch.tensor(images, dtype=torch.float)
labels = torch.tensor(labels, dtype=torch.long)
train_images, train_labels = images[:160], labels[:160]
test_images, test_labels = images[160:], labels[160:]


def build():
    torch.manual_seed(0)
    net = MobileNet(n_classes=4)
    return net.to(device)


def train(net, epochs=5, batch_size=16):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=4e-5)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs, eta_min=1e-4)
    losses = []
    for epoch in range(epochs):
        net.train()
        correct = 0
        for i in range(0, len(train_images), batch_size):
            inputs = train_images[i:i + batch_size].to(device)
            targets = train_labels[i:i + batch_size].to(device)
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            _, predicted = outputs.max(1)
            correct += predicted.eq(targets).sum().item()
        scheduler.step()
        print('epoch %d | loss %.3f | train %.1f%% | test %.1f%%' % (
            epoch, losses[-1], 100. * correct / len(train_images), test(net)))
    return losses


def test(net):
    net.eval()
    with torch.no_grad():
        predicted = net(test_images.to(device)).argmax(dim=1)
    return 100. * (predicted == test_labels.to(device)).sum().item() / len(test_labels)


if __name__ == '__main__':
    model = build()
    losses = train(model)
