"""A GAN in a class: two discriminator updates for each one of the generator."""
import flax.nnx
import optax
from parts import Discriminator, Generator, no_grad, randn, relu, vectors


class GAN:
    def __init__(self):
        self.generator = Generator()
        self.discriminator = Discriminator()
        self.g_optimizer = flax.nnx.Optimizer(
            self.generator,
            optax.rmsprop(learning_rate=5e-4, decay=0.99, eps_in_sqrt=False),
            wrt=flax.nnx.Param,
        )
        self.d_optimizer = flax.nnx.Optimizer(
            self.discriminator,
            optax.rmsprop(learning_rate=1e-3, decay=0.99, eps_in_sqrt=False),
            wrt=flax.nnx.Param,
        )

    def discriminator_step(self, real, noise):
        with no_grad():
            fake = self.generator(noise)
        # hinge loss
        def loss_fn(discriminator):
            return relu(1 - discriminator(real)).mean() + relu(1 + discriminator(fake)).mean()

        d_loss, grads = flax.nnx.value_and_grad(loss_fn)(self.discriminator)
        self.d_optimizer.update(self.discriminator, grads)
        return d_loss.item()

    def generator_step(self, noise):
        def loss_fn(generator, discriminator):
            return -discriminator(generator(noise)).mean()

        g_loss, grads = flax.nnx.value_and_grad(loss_fn)(self.generator, self.discriminator)
        self.g_optimizer.update(self.generator, grads)
        return g_loss.item()


gan = GAN()
losses = []
for i, real in enumerate(vectors(count=50, features=4)):
    noise = randn(len(real), 3, name=f"noise {i}")
    losses.append(gan.discriminator_step(real, noise))
    if i % 2 == 1:
        losses.append(gan.generator_step(noise))

MODELS = [gan.generator, gan.discriminator]
