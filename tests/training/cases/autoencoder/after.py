import flax.nnx
import optax
from parts import AutoEncoder, vectors

autoencoder = AutoEncoder()
optimizer = optax.chain(optax.add_decayed_weights(1e-4), optax.adam(learning_rate=1e-2))
opt_state = optimizer.init(flax.nnx.state(autoencoder, flax.nnx.Param))

losses = []
for epoch in range(5):
    for x in vectors():
        # reconstruct
        def loss_fn(autoencoder):
            code = autoencoder.encoder(x)
            recon = autoencoder.decoder(code)
            # squared error and a small price for large codes
            error = ((recon - x) ** 2).mean()
            penalty = 1e-3 * (code ** 2).sum(1).mean()
            return error + penalty, error

        grads, error = flax.nnx.grad(loss_fn, has_aux=True)(autoencoder)
        # update
        params = flax.nnx.state(autoencoder, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(autoencoder, params)
        losses.append(error.item())

MODELS = [autoencoder]
