import torch
from parts import Classifier, CrossEntropyLoss, DataLoader, classification_dataset


class Trainer:
    def __init__(self, model, train_loader, lr=1e-2):
        self.model = model
        self.train_loader = train_loader
        self.criterion = CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=lr, momentum=0.9)
        self.losses = []

    def train(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            for inputs, labels in self.train_loader:
                self.optimizer.zero_grad()
                outputs = self.model(inputs)
                loss = self.criterion(outputs, labels)
                loss.backward()
                self.optimizer.step()
                self.losses.append(loss.item())
            print(f"epoch {epoch}: {self.losses[-1]:.4f}")


trainer = Trainer(Classifier(), DataLoader(classification_dataset(), batch_size=8))
trainer.train(epochs=5)

losses = trainer.losses
MODELS = [trainer.model]
