import flax.nnx
import optax
from parts import Decoder, Encoder, MSELoss, vectors

enc, dec = Encoder(), Decoder()
mse = MSELoss()
optimizer = flax.nnx.Optimizer((enc, dec), optax.adam(learning_rate=5e-3), wrt=flax.nnx.Param)

losses = []
for epoch in range(5):
    enc.train()
    dec.train()
    for x in vectors():
        def loss_fn(enc, dec):
            z = enc(x)
            x_hat = dec(z)
            return mse(x_hat, x)

        loss, grads = flax.nnx.value_and_grad(loss_fn, argnums=(0, 1))(enc, dec)
        optimizer.update((enc, dec), grads)
        losses.append(loss.item())

MODELS = [enc, dec]
