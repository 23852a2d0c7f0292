import flax.nnx
import optax

from parts import Classifier, CrossEntropyLoss, DataLoader, classification_dataset, tqdm


def train_epoch(model, data_loader, criterion, optimizer, epoch, n_epochs):
    model.train()
    losses = []
    n_right, n_seen = 0, 0

    pbar = tqdm(data_loader, desc=f"Epoch {epoch + 1}/{n_epochs}", leave=False)
    for step, (images, labels) in enumerate(pbar):
        def loss_fn(model):
            logits = model(images)
            return criterion(logits, labels), logits

        (loss, logits), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(model)

        optimizer.update(model, grads)

        n_right += (logits.argmax(1) == labels).sum().item()
        n_seen += len(labels)
        losses.append(loss.item())
        pbar.set_postfix(loss=f"{loss.item():.4f}", acc=f"{n_right / n_seen:.3f}")
    return losses


model = Classifier()
optimizer = flax.nnx.Optimizer(
    model,
    optax.adamw(learning_rate=2e-3, weight_decay=1e-2),
    wrt=flax.nnx.Param,
)
loader = DataLoader(classification_dataset(), batch_size=8, shuffle=True)
losses = []
for epoch in range(5):
    losses += train_epoch(model, loader, CrossEntropyLoss(), optimizer, epoch, 5)

MODELS = [model]
