"""Classification with batch norm: one function trains, one tests, main calls both."""
import torch
from parts import Classifier, CrossEntropyLoss, DataLoader, classification_dataset, no_grad


def train(model, loader, criterion, optimizer, epoch, history):
    model.train()
    correct = 0
    for batch_idx, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        output = model(data)
        loss = criterion(output, target)
        loss.backward()
        optimizer.step()

        history.append(loss.item())
        pred = output.argmax(1)
        correct += (pred == target).sum().item()
        if batch_idx % 4 == 0:
            print(f"Train Epoch: {epoch} [{batch_idx}/{len(loader)}]\tLoss: {loss.item():.6f}")
    print(f"train accuracy {100.0 * correct / len(loader.dataset):.1f}%")


def test(model, loader, criterion):
    model.eval()
    test_loss = 0
    correct = 0
    with no_grad():
        for data, target in loader:
            output = model(data)
            test_loss += criterion(output, target).item()
            correct += (output.argmax(1) == target).sum().item()
    return test_loss / len(loader), correct / len(loader.dataset)


def main():
    train_loader = DataLoader(classification_dataset(), batch_size=8, shuffle=True)
    test_loader = DataLoader(classification_dataset(name="held out"), batch_size=40)
    model = Classifier()
    criterion = CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

    history = []
    for epoch in range(1, 6):
        train(model, train_loader, criterion, optimizer, epoch, history)
        test_loss, accuracy = test(model, test_loader, criterion)
        history.append(test_loss)
        print(f"test loss {test_loss:.4f}, accuracy {accuracy:.2f}")
    return history, [model]


if __name__ == "__main__":
    losses, MODELS = main()
