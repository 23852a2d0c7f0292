import flax.nnx
import optax
from parts import BCEWithLogitsLoss, LogisticRegression, binary_dataset

torch_dataset = binary_dataset(count=120)
inputs, targets = torch_dataset.tensors

net = LogisticRegression()
loss_function = BCEWithLogitsLoss()
opt = optax.sgd(learning_rate=0.5, momentum=0.9)
opt_state = opt.init(flax.nnx.state(net, flax.nnx.Param))

losses = []

# Full batch gradient descent
for iteration in range(60):
    def loss_fn(net):
        logits = net(inputs)
        return loss_function(logits, targets), logits

    (loss, logits), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(net)

    params = flax.nnx.state(net, flax.nnx.Param)
    updates, opt_state = opt.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    flax.nnx.update(net, params)

    losses.append(loss.item())
    if iteration % 20 == 0:
        correct = ((logits > 0) == (targets > 0.5)).sum().item()
        print(f"iteration {iteration}: loss {loss.item():.4f}, {correct} right")

MODELS = [net]
