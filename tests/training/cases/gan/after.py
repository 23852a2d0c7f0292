import flax.nnx
import optax
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

optimizerD = flax.nnx.Optimizer(
    netD,
    optax.adam(learning_rate=0.002, b1=0.5, b2=0.999),
    wrt=flax.nnx.Param,
)
optimizerG = flax.nnx.Optimizer(
    netG,
    optax.adam(learning_rate=0.002, b1=0.5, b2=0.999),
    wrt=flax.nnx.Param,
)

real_label = ones(batch_size, 1)
fake_label = zeros(batch_size, 1)

losses = []
step = 0
for epoch in range(5):
    for real in vectors(features=4):
        # (1) Update D: maximize log(D(x)) + log(1 - D(G(z)))
        noise = randn(batch_size, 3, name=f"z{step}")
        fake = netG(noise)

        def errD_fn(netD):
            errD_real = binary_cross_entropy_with_logits(netD(real), real_label)
            errD_fake = binary_cross_entropy_with_logits(netD(detach(fake)), fake_label)
            return errD_real + errD_fake

        errD, errD_grads = flax.nnx.value_and_grad(errD_fn)(netD)
        optimizerD.update(netD, errD_grads)

        # (2) Update G: maximize log(D(G(z)))
        def errG_fn(netG, netD):
            output = netD(netG(noise))
            return binary_cross_entropy_with_logits(output, real_label)

        errG, errG_grads = flax.nnx.value_and_grad(errG_fn)(netG, netD)
        optimizerG.update(netG, errG_grads)

        losses.append(errD.item())
        losses.append(errG.item())
        step += 1
    print(f"[{epoch}] Loss_D: {errD.item():.4f} Loss_G: {errG.item():.4f}")

MODELS = [netG, netD]
