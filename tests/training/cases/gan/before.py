import torch
from parts import (
    Discriminator,
    Generator,
    binary_cross_entropy_with_logits,
    detach,
    ones,
    randn,
    vectors,
    zeros,
)

batch_size = 8
netG = Generator()
netD = Discriminator()

optimizerD = torch.optim.Adam(netD.parameters(), lr=0.002, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=0.002, betas=(0.5, 0.999))

real_label = ones(batch_size, 1)
fake_label = zeros(batch_size, 1)

losses = []
step = 0
for epoch in range(5):
    for real in vectors(features=4):
        # (1) Update D: maximize log(D(x)) + log(1 - D(G(z)))
        noise = randn(batch_size, 3, name=f"z{step}")
        fake = netG(noise)
        optimizerD.zero_grad()
        errD_real = binary_cross_entropy_with_logits(netD(real), real_label)
        errD_fake = binary_cross_entropy_with_logits(netD(detach(fake)), fake_label)
        errD = errD_real + errD_fake
        errD.backward()
        optimizerD.step()

        # (2) Update G: maximize log(D(G(z)))
        optimizerG.zero_grad()
        output = netD(netG(noise))
        errG = binary_cross_entropy_with_logits(output, real_label)
        errG.backward()
        optimizerG.step()

        losses.append(errD.item())
        losses.append(errG.item())
        step += 1
    print(f"[{epoch}] Loss_D: {errD.item():.4f} Loss_G: {errG.item():.4f}")

MODELS = [netG, netD]
