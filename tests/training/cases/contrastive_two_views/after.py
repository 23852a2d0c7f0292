import flax.nnx
import optax

from parts import SiameseNet, cat, cross_entropy, tensor, triplets


class ContrastiveLearner:
    def __init__(self, encoder, temperature=0.5):
        self.encoder = encoder
        self.temperature = temperature
        self.opt = flax.nnx.Optimizer(encoder, optax.adam(learning_rate=2e-3), wrt=flax.nnx.Param)

    def update(self, view_1, view_2):
        n = len(view_1)

        def loss_fn(encoder):
            z = encoder(cat([view_1, view_2]))
            similarity = z[:n] @ z[n:].T / self.temperature
            labels = tensor(range(n))
            return (cross_entropy(similarity, labels) + cross_entropy(similarity.T, labels)) / 2, (similarity, labels)

        (loss, (similarity, labels)), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(self.encoder)
        self.opt.update(self.encoder, grads)
        return {"loss": loss.item(), "agreement": (similarity.argmax(1) == labels).sum().item() / n}


learner = ContrastiveLearner(SiameseNet())
losses = []
for epoch in range(5):
    for view_1, view_2, _ in triplets():
        metrics = learner.update(view_1, view_2)
        losses.append(metrics["loss"])
    print(metrics)

MODELS = [learner.encoder]
