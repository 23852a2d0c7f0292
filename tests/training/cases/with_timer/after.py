import contextlib
import time

import flax.nnx
import optax

from parts import Classifier, DataLoader, classification_dataset, cross_entropy

timings = {}


@contextlib.contextmanager
def timer(name):
    start = time.time()
    yield
    timings[name] = timings.get(name, 0.0) + time.time() - start


net = Classifier(hidden=8)
optimizer = optax.sgd(learning_rate=0.1)
opt_state = optimizer.init(flax.nnx.state(net, flax.nnx.Param))
losses = []
for epoch in range(5):
    for x, y in DataLoader(classification_dataset(), 8):
        with timer("step"):
            def loss_fn(net):
                return cross_entropy(net(x), y)

            loss, grads = flax.nnx.value_and_grad(loss_fn)(net)
            params = flax.nnx.state(net, flax.nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(net, params)
        losses.append(loss.item())

MODELS = [net]
