# left: all parameters of modules
# because: the backbone is frozen; which parameters are left shows only at run time.
"""Fine-tuning: the backbone is frozen, the rest goes to the optimizer."""
import torch
from parts import CrossEntropyLoss, DataLoader, TransferNet, classification_dataset


def main():
    model = TransferNet()
    for p in model.backbone.parameters():
        p.requires_grad = False

    criterion = CrossEntropyLoss()
    optimizer = torch.optim.SGD(
        filter(lambda p: p.requires_grad, model.parameters()), lr=0.05, momentum=0.9
    )
    history = []
    for epoch in range(5):
        model.train()
        for inputs, targets in DataLoader(classification_dataset(), batch_size=8):
            outputs = model(inputs)
            loss = criterion(outputs, targets)

            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(loss.item())
    return history, [model]


if __name__ == "__main__":
    losses, MODELS = main()
