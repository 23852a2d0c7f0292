"""A variational autoencoder whose KL term is faded in."""
import flax.nnx
import optax
import torch

from parts import VAE, kl_normal, mse_loss, randn, vectors


def loss_function(recon_x, x, mu, logvar, beta):
    recon = mse_loss(recon_x, x, reduction="sum") / len(x)
    kld = kl_normal(mu, logvar)
    return recon + beta * kld, recon, kld


def train(model, optimizer, epoch, data):
    model.train()
    beta = min(1.0, epoch / 4)
    total, results = 0, []
    for i, x in enumerate(data):
        noise = randn(len(x), 2, name=f"noise {epoch} {i}")

        def loss_fn(model):
            recon_batch, mu, logvar = model(x, noise)
            loss, recon, kld = loss_function(recon_batch, x, mu, logvar, beta)
            return loss, (recon, kld)

        (loss, (recon, kld)), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(model)
        total += loss.item()
        optimizer.update(model, grads)
        results.append(loss.item())
    print(f"====> Epoch: {epoch} Average loss: {total / len(data):.4f} "
          f"(last: recon {recon.item():.3f}, kl {kld.item():.3f})")
    return results


if __name__ == "__main__":
    model = VAE()
    optimizer = flax.nnx.Optimizer(model, optax.adam(learning_rate=5e-3), wrt=flax.nnx.Param)
    losses = []
    for epoch in range(1, 6):
        losses += train(model, optimizer, epoch, vectors())
    MODELS = [model]
