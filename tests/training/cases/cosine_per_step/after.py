import flax.nnx
import optax
from parts import Classifier, CrossEntropyLoss, classification_batches

epochs = 5
batches = classification_batches()
net = Classifier()
criterion = CrossEntropyLoss()
schedule = optax.cosine_decay_schedule(0.1, decay_steps=(epochs * len(batches)), alpha=0.0001 / 0.1)
optimizer = optax.chain(
    optax.add_decayed_weights(1e-4),
    optax.sgd(learning_rate=schedule, momentum=0.9),
)
opt_state = optimizer.init(flax.nnx.state(net, flax.nnx.Param))

losses = []
for epoch in range(epochs):
    for images, target in batches:
        def loss_fn(net):
            output = net(images)
            return criterion(output, target)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(net)

        params = flax.nnx.state(net, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(net, params)

        losses.append(loss.item())

MODELS = [net]
