"""One forward pass of the generator serves both updates; it has batch norm."""
import torch

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
opt_g = torch.optim.Adam(G.parameters(), lr=0.003, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=0.003, betas=(0.5, 0.999))

losses = []
for epoch in range(3):
    for i, imgs in enumerate(vectors(features=4)):
        # Train the generator
        opt_g.zero_grad()
        gen_imgs = G(randn(len(imgs), 3, name=f"{epoch}.{i}"))
        validity = D(gen_imgs)
        g_loss = adversarial_loss(validity, ones_like(validity))
        g_loss.backward()
        opt_g.step()

        # Train the discriminator
        opt_d.zero_grad()
        real_pred = D(imgs)
        fake_pred = D(detach(gen_imgs))
        real_loss = adversarial_loss(real_pred, ones_like(real_pred))
        fake_loss = adversarial_loss(fake_pred, zeros_like(fake_pred))
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        opt_d.step()

        losses += [g_loss.item(), d_loss.item()]

MODELS = [G, D]
