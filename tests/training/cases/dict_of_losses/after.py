import flax.nnx
import optax
from parts import MultiTaskNet, cross_entropy, mse_loss, multi_task_batches

model = MultiTaskNet()
optimizer = optax.adamw(learning_rate=1e-2, weight_decay=0.01)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
weights = {"class": 1.0, "value": 0.5}
running = {name: 0.0 for name in weights}

losses = []
for epoch in range(5):
    model.train()
    for batch in multi_task_batches():
        def loss_fn(model):
            output = model(batch["inputs"])
            loss_dict = {
                "class": cross_entropy(output["class"], batch["labels"]),
                "value": mse_loss(output["value"], batch["values"]),
            }
            return sum(weights[name] * loss_dict[name] for name in weights), loss_dict

        (total_loss, loss_dict), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(model)

        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)

        for name, value in loss_dict.items():
            running[name] += value.item()
        losses.append(total_loss.item())
    print(", ".join(f"{name}: {value:.3f}" for name, value in running.items()))

MODELS = [model]
