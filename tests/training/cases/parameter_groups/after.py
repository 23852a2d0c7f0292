import flax.nnx
import optax
from parts import CrossEntropyLoss, DataLoader, TransferNet, classification_dataset

model = TransferNet()
criterion = CrossEntropyLoss()

# The backbone learns slowly, the head learns fast.
optimizer = flax.nnx.Optimizer(
    (model.backbone, model.head),
    optax.multi_transform(
        {"backbone": optax.adam(learning_rate=0.001), "head": optax.adam(learning_rate=1e-2)},
        flax.nnx.State({0: "backbone", 1: "head"}),
    ),
    wrt=flax.nnx.Param,
)

losses = []
for epoch in range(5):
    model.train()
    for images, labels in DataLoader(classification_dataset(), batch_size=8):
        def loss_fn(model):
            return criterion(model(images), labels)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        optimizer.update((model.backbone, model.head), (grads["backbone"], grads["head"]))
        losses.append(loss.item())

MODELS = [model]
