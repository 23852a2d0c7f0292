"""Three calls of one model for one loss."""
import flax.nnx
import optax
from parts import SiameseNet, TripletLoss, triplets

model = SiameseNet()
criterion = TripletLoss(margin=1.8)
optimizer = optax.adam(learning_rate=3e-3)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for epoch in range(5):
    for anchor, positive, negative in triplets():
        def loss_fn(model):
            anchor_out = model(anchor)
            positive_out = model(positive)
            negative_out = model(negative)
            return criterion(anchor_out, positive_out, negative_out)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())
    print(f"Epoch {epoch}: Loss {loss.item():.4f}")

MODELS = [model]
