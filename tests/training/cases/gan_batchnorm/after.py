"""One forward pass of the generator serves both updates; it has batch norm."""
import flax.nnx
import optax

from parts import (
    BatchNormGenerator,
    BCEWithLogitsLoss,
    Discriminator,
    detach,
    ones_like,
    randn,
    vectors,
    zeros_like,
)

G, D = BatchNormGenerator(), Discriminator()
adversarial_loss = BCEWithLogitsLoss()
opt_g = flax.nnx.Optimizer(G, optax.adam(learning_rate=0.003, b1=0.5, b2=0.999), wrt=flax.nnx.Param)
opt_d = flax.nnx.Optimizer(D, optax.adam(learning_rate=0.003, b1=0.5, b2=0.999), wrt=flax.nnx.Param)

losses = []
for epoch in range(3):
    for i, imgs in enumerate(vectors(features=4)):
        # Train the generator
        def g_loss_fn(G, D):
            gen_imgs = G(randn(len(imgs), 3, name=f"{epoch}.{i}"))
            validity = D(gen_imgs)
            return adversarial_loss(validity, ones_like(validity)), gen_imgs

        (g_loss, gen_imgs), g_loss_grads = flax.nnx.value_and_grad(g_loss_fn, has_aux=True)(G, D)
        opt_g.update(G, g_loss_grads)

        # Train the discriminator
        def d_loss_fn(D):
            real_pred = D(imgs)
            fake_pred = D(detach(gen_imgs))
            real_loss = adversarial_loss(real_pred, ones_like(real_pred))
            fake_loss = adversarial_loss(fake_pred, zeros_like(fake_pred))
            return (real_loss + fake_loss) / 2

        d_loss, d_loss_grads = flax.nnx.value_and_grad(d_loss_fn)(D)
        opt_d.update(D, d_loss_grads)

        losses += [g_loss.item(), d_loss.item()]

MODELS = [G, D]
