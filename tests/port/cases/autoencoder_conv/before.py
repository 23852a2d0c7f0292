# Denoising autoencoder: strided convolutions down, transposed convolutions up.
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')

image_size = 14
latent_size = 8
num_epochs = 12
batch_size = 20
learning_rate = 7e-3
noise_level = 0.2


class Encoder(nn.Module):
    def __init__(self, width, latent_size):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2, padding=1),            # 14 -> 7
            nn.ReLU(True),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=0),    # 7 -> 3
            nn.ReLU(True),
            nn.Flatten(start_dim=1),
        )
        self.code = nn.Linear(2 * width * 3 * 3, latent_size)

    def forward(self, x):
        return self.code(self.convs(x))


class Decoder(nn.Module):
    def __init__(self, width, latent_size):
        super().__init__()
        self.linear = nn.Linear(latent_size, 2 * width * 3 * 3)
        self.convs = nn.Sequential(
            nn.Unflatten(dim=1, unflattened_size=(2 * width, 3, 3)),
            nn.ReLU(True),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2),                        # 3 -> 7
            nn.ReLU(True),
            nn.ConvTranspose2d(width, 1, 3, stride=2, padding=1, output_padding=1),   # 7 -> 14
        )

    def forward(self, code):
        return torch.sigmoid(self.convs(self.linear(code)))


class AutoEncoder(nn.Module):
    def __init__(self, width=12, latent_size=latent_size):
        super().__init__()
        self.encoder = Encoder(width, latent_size)
        self.decoder = Decoder(width, latent_size)

    def forward(self, x):
        code = self.encoder(x)
        return code, self.decoder(code)


def strokes(n):
    """A slanted stroke per picture."""
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:image_size, :image_size] - (image_size - 1) / 2
    angle = rng.uniform(0, np.pi, size=(n, 1, 1))
    offset = rng.uniform(-3, 3, size=(n, 1, 1))
    distance = np.abs(np.cos(angle) * xx + np.sin(angle) * yy - offset)
    clean = np.clip(1.5 - distance, 0, 1)
    noise = rng.normal(0, 1, size=(num_epochs, n, image_size, image_size))
    return clean[:, None].astype('float32'), noise[:, :, None].astype('float32')


clean, noise = strokes(180)
train_images, test_images = torch.from_numpy(clean[:160]), torch.from_numpy(clean[160:])
noise = torch.from_numpy(noise)


def add_noise(images, noise):
    return torch.clamp(images + noise_level * noise, 0., 1.)


def build():
    model = AutoEncoder()
    return model.to(device)


def train(model):
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-5)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    losses = []
    for epoch in range(num_epochs):
        model.train()
        for start in range(0, len(train_images), batch_size):
            batch = slice(start, start + batch_size)
            images = train_images[batch].to(device)
            noisy = add_noise(images, noise[epoch, batch].to(device))
            _, restored = model(noisy)
            loss = criterion(restored, images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        print('epoch [{}/{}], loss {:.4f}'.format(epoch + 1, num_epochs, loss.item()))
    return losses


def evaluate(model):
    model.eval()
    with torch.no_grad():
        images = test_images.to(device)
        noisy = add_noise(images, noise[0, 160:].to(device))
        code, restored = model(noisy)
        before = ((noisy - images) ** 2).mean()
        after = ((restored - images) ** 2).mean()
    print(f'error {before.item():.4f} -> {after.item():.4f}, code {tuple(code.shape)}')


if __name__ == '__main__':
    model = build()
    losses = train(model)
    evaluate(model)
