import flax.nnx
import optax

from parts import MLP, DataLoader, mse_loss, regression_dataset


class Config:
    epochs = 10
    lr = 0.01
    batch_size = 16


def train_one_epoch(model, optimizer, loader):
    """Returns the average loss of the epoch, and all of them."""
    losses = []
    for x, y in loader:
        def loss_fn(model):
            return mse_loss(model(x), y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        optimizer.update(model, grads)
        losses.append(loss.item())
    return sum(losses) / len(losses), losses


def main(cfg):
    loader = DataLoader(regression_dataset(), cfg.batch_size)
    model = MLP()
    schedule = optax.cosine_decay_schedule(cfg.lr, decay_steps=cfg.epochs)
    optimizer = flax.nnx.Optimizer(
        model,
        optax.adam(learning_rate=lambda count: schedule(count // len(loader))),
        wrt=flax.nnx.Param,
    )
    everything = []
    for epoch in range(cfg.epochs):
        average, each = train_one_epoch(model, optimizer, loader)
        everything += each
        print(f"epoch {epoch:02d} loss {average:.5f}")
    return everything, [model]


if __name__ == "__main__":
    losses, MODELS = main(Config())
