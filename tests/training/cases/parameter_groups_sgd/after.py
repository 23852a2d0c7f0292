import flax.nnx
import optax

from parts import TransferNet, classification_batches, cross_entropy


def make_optimizer(net):
    return flax.nnx.Optimizer(
        (net.backbone, net.head),
        optax.multi_transform(
            {
                "backbone": optax.chain(
                    optax.add_decayed_weights(0.001),
                    optax.sgd(learning_rate=0.01, momentum=0.9),
                ),
                "head": optax.sgd(learning_rate=0.1, momentum=0.9),
            },
            flax.nnx.State({0: "backbone", 1: "head"}),
        ),
        wrt=flax.nnx.Param,
    )


def train(net, epochs=5):
    optimizer = make_optimizer(net)
    history = []
    for epoch in range(epochs):
        for x, y in classification_batches():
            def loss_fn(net):
                out = net(x)
                return cross_entropy(out, y)

            loss, grads = flax.nnx.value_and_grad(loss_fn)(net)
            optimizer.update((net.backbone, net.head), (grads["backbone"], grads["head"]))
            history.append(loss.item())
    return history


net = TransferNet()
losses = train(net)
MODELS = [net]
