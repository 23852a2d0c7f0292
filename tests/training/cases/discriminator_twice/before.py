"""A GAN in a class: two discriminator updates for each one of the generator."""
import torch
from parts import Discriminator, Generator, no_grad, randn, relu, vectors


class GAN:
    def __init__(self):
        self.generator = Generator()
        self.discriminator = Discriminator()
        self.g_optimizer = torch.optim.RMSprop(self.generator.parameters(), lr=5e-4)
        self.d_optimizer = torch.optim.RMSprop(self.discriminator.parameters(), lr=1e-3)

    def discriminator_step(self, real, noise):
        with no_grad():
            fake = self.generator(noise)
        # hinge loss
        d_loss = relu(1 - self.discriminator(real)).mean() + relu(1 + self.discriminator(fake)).mean()
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()
        return d_loss.item()

    def generator_step(self, noise):
        self.g_optimizer.zero_grad()
        g_loss = -self.discriminator(self.generator(noise)).mean()
        g_loss.backward()
        self.g_optimizer.step()
        return g_loss.item()


gan = GAN()
losses = []
for i, real in enumerate(vectors(count=50, features=4)):
    noise = randn(len(real), 3, name=f"noise {i}")
    losses.append(gan.discriminator_step(real, noise))
    if i % 2 == 1:
        losses.append(gan.generator_step(noise))

MODELS = [gan.generator, gan.discriminator]
