"""A convolutional GAN that draws blobs; each network has an optimizer of its own."""
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(0)

LATENT = 8
WIDTH = 16
BATCH = 16
EPOCHS = 5

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def blobs(n):
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:8, :8]
    cy, cx = rng.uniform(2, 5, size=(2, n, 1, 1))
    img = np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 4.0)
    return (2 * img - 1)[:, None].astype(np.float32)


def gaussian(seed, *size):
    draws = np.random.default_rng(seed).normal(size=size)
    return torch.from_numpy(draws.astype(np.float32))


real_images = torch.from_numpy(blobs(160))
latents = gaussian(1, EPOCHS, len(real_images), LATENT)
fixed_latents = gaussian(2, 16, LATENT).to(device)


def init_normal(module):
    """Small weights for whatever convolves, weights around one for what normalises."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight.data, 0.0, 0.05)
    elif isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight.data, 0.0, 0.05)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight.data, 1.0, 0.05)
        nn.init.constant_(module.bias.data, 0)


class Generator(nn.Module):
    """(batch, LATENT) -> (batch, 1, 8, 8) between -1 and 1"""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(LATENT, WIDTH, 4, bias=False),                    # 4 x 4
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(True),
            nn.ConvTranspose2d(WIDTH, 1, 4, stride=2, padding=1, bias=False),    # 8 x 8
            nn.Tanh(),
        )

    def forward(self, z):
        return self.net(z.view(z.size(0), LATENT, 1, 1))


class Discriminator(nn.Module):
    """(batch, 1, 8, 8) -> (batch,) probability of being real"""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, WIDTH, 4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH, 2 * WIDTH, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * WIDTH),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * WIDTH, 1, 2, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, img):
        return self.net(img).view(-1)


def build():
    generator = Generator().to(device)
    generator.apply(init_normal)
    discriminator = Discriminator().to(device)
    discriminator.apply(init_normal)
    return generator, discriminator


def train(generator, discriminator):
    bce = nn.BCELoss()
    opt_d = optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.5, 0.999))
    opt_g = optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))

    losses = []
    for epoch in range(EPOCHS):
        for i in range(0, len(real_images), BATCH):
            real = real_images[i:i + BATCH].to(device)
            z = latents[epoch, i:i + BATCH].to(device)
            target = torch.full((real.size(0),), 1.0, dtype=torch.float, device=device)

            # the discriminator: real pictures and made ones
            opt_d.zero_grad()
            p_real = discriminator(real)
            p_fake = discriminator(generator(z).detach())
            loss_d = bce(p_real, target) + bce(p_fake, torch.zeros_like(target))
            loss_d.backward()
            opt_d.step()

            # the generator: its pictures should now pass for real
            opt_g.zero_grad()
            loss_g = bce(discriminator(generator(z)), target)
            loss_g.backward()
            opt_g.step()

            losses.append(loss_d.item())
            losses.append(loss_g.item())

        print("[%d/%d] D %.4f  G %.4f  p(real) %.3f  p(fake) %.3f" % (
            epoch + 1, EPOCHS, loss_d.item(), loss_g.item(),
            p_real.mean().item(), p_fake.mean().item()))
    return losses


def contrast(generator):
    """How far the pixels of the pictures differ; blobs differ, grey does not."""
    generator.eval()
    with torch.no_grad():
        pictures = generator(fixed_latents).detach().cpu()
    return pictures.std(dim=(1, 2, 3)).mean().item()


if __name__ == "__main__":
    generator, discriminator = build()
    losses = train(generator, discriminator)
    models = [generator, discriminator]
    print("contrast of samples: %.4f" % contrast(generator))
