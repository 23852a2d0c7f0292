"""Labelled and unlabelled batches side by side: supervised loss and a consistency loss."""
import flax.nnx
import optax

from parts import Classifier, DataLoader, classification_dataset, cross_entropy, mse_loss, softmax, tanh

model = Classifier()
optimizer = optax.sgd(learning_rate=0.05, momentum=0.9)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
labelled = DataLoader(classification_dataset(count=80), batch_size=8)
unlabelled = DataLoader(classification_dataset(count=96, name="unlabelled"), batch_size=8)

losses = []
for epoch in range(5):
    for (x_l, y_l), (x_u, _) in zip(labelled, unlabelled):
        def loss_fn(model):
            loss_sup = cross_entropy(model(x_l), y_l)
            loss_con = mse_loss(softmax(model(x_u)), softmax(model(x_u + 0.5 * tanh(x_u))))
            return (loss_sup + 0.5 * loss_con), (loss_sup, loss_con)

        grads, (loss_sup, loss_con) = flax.nnx.grad(loss_fn, has_aux=True)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss_sup.item())
        losses.append(loss_con.item())

MODELS = [model]
