"""The weights of the two losses are parameters of the criterion, and are trained too."""
import flax.nnx
import optax

from parts import MultiTaskNet, UncertaintyLoss, cross_entropy, l1_loss, multi_task_batches

net = MultiTaskNet()
criterion = UncertaintyLoss()
optimizer = flax.nnx.Optimizer((net, criterion), optax.adam(learning_rate=0.01), wrt=flax.nnx.Param)

losses = []
for epoch in range(5):
    for sample in multi_task_batches():
        def loss_fn(net, criterion):
            pred = net(sample["inputs"])
            ce = cross_entropy(pred["class"], sample["labels"])
            l1 = l1_loss(pred["value"], sample["values"])
            return criterion(ce, l1)

        loss, grads = flax.nnx.value_and_grad(loss_fn, argnums=(0, 1))(net, criterion)

        optimizer.update((net, criterion), grads)

        losses.append(loss.item())

MODELS = [net, criterion]
