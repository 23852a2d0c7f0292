import flax.nnx
import optax
from parts import Classifier, CrossEntropyLoss, DataLoader, classification_dataset


class Trainer:
    def __init__(self, model, train_loader, lr=1e-2):
        self.model = model
        self.train_loader = train_loader
        self.criterion = CrossEntropyLoss()
        self.optimizer = flax.nnx.Optimizer(
            self.model,
            optax.sgd(learning_rate=lr, momentum=0.9),
            wrt=flax.nnx.Param,
        )
        self.losses = []

    def train(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            for inputs, labels in self.train_loader:
                def loss_fn(model):
                    outputs = model(inputs)
                    return self.criterion(outputs, labels)

                loss, grads = flax.nnx.value_and_grad(loss_fn)(self.model)
                self.optimizer.update(self.model, grads)
                self.losses.append(loss.item())
            print(f"epoch {epoch}: {self.losses[-1]:.4f}")


trainer = Trainer(Classifier(), DataLoader(classification_dataset(), batch_size=8))
trainer.train(epochs=5)

losses = trainer.losses
MODELS = [trainer.model]
