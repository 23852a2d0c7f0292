# left: scheduler counts epochs
# because: the scheduler steps once per epoch, and a method that is called for each batch trains.
"""A trainer in several methods, with a scheduler that steps once per epoch."""
import torch
from parts import Classifier, DataLoader, classification_dataset, cross_entropy, no_grad
from torch.optim.lr_scheduler import StepLR


class Trainer:
    """Trains a classifier and keeps a history."""

    def __init__(self, model, config):
        self.model = model
        self.config = config
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config["lr"],
            weight_decay=config["weight_decay"],
        )
        self.scheduler = StepLR(self.optimizer, step_size=2, gamma=0.5)
        self.global_step = 0
        self.history = {"train": [], "val": []}

    def training_step(self, batch):
        x, y = batch
        logits = self.model(x)
        loss = cross_entropy(logits, y)

        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.global_step += 1
        return loss.item()

    @no_grad()
    def validate(self, loader):
        self.model.eval()
        total = sum(cross_entropy(self.model(x), y).item() for x, y in loader)
        self.model.train()
        return total / len(loader)

    def fit(self, train_loader, val_loader):
        for _ in range(self.config["epochs"]):
            for batch in train_loader:
                self.history["train"].append(self.training_step(batch))
            self.scheduler.step()
            self.history["val"].append(self.validate(val_loader))


trainer = Trainer(Classifier(), {"lr": 3e-3, "weight_decay": 0.01, "epochs": 5})
trainer.fit(
    DataLoader(classification_dataset(), batch_size=8, shuffle=True),
    DataLoader(classification_dataset(name="validation"), batch_size=20),
)
print(trainer.global_step, "steps")
losses = trainer.history["train"] + trainer.history["val"]
MODELS = [trainer.model]
