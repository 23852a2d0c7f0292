"""Classify points on three interleaved spiral arms with a small multilayer perceptron."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(0)

N_CLASSES = 3
POINTS_PER_CLASS = 80
BATCH_SIZE = 24
EPOCHS = 20

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_spirals(seed=0):
    rng = np.random.default_rng(seed)
    points, labels = [], []
    for c in range(N_CLASSES):
        r = np.linspace(0.1, 1.0, POINTS_PER_CLASS)
        angle = 4.0 * r + c * 2 * np.pi / N_CLASSES + rng.normal(0, 0.15, POINTS_PER_CLASS)
        points.append(np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1))
        labels.append(np.full(POINTS_PER_CLASS, c))
    points, labels = np.concatenate(points), np.concatenate(labels)
    order = rng.permutation(len(points))
    return points[order].astype(np.float32), labels[order]


points, labels = make_spirals()
X = torch.from_numpy(points)
Y = torch.from_numpy(labels).long()
n_train = 192
x_train, y_train = X[:n_train], Y[:n_train]
x_test, y_test = X[n_train:], Y[n_train:]


class MLP(nn.Module):
    """Two hidden layers with ReLU, and dropout before the last layer."""

    def __init__(self, in_features, hidden, n_classes, p_drop=0.0):
        super().__init__()
        self.fc1 = nn.Linear(in_features, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(p_drop)
        self.fc3 = nn.Linear(hidden, n_classes)

    def forward(self, x):
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(self.dropout(x))


def build():
    return MLP(2, 48, N_CLASSES).to(device)


def train(model, epochs=EPOCHS):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=15, gamma=0.1)

    losses = []
    for epoch in range(epochs):
        model.train()
        running_loss = 0.0
        n_batches = 0
        for i in range(0, len(x_train), BATCH_SIZE):
            inputs = x_train[i:i + BATCH_SIZE].to(device)
            targets = y_train[i:i + BATCH_SIZE].to(device)

            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()

            losses.append(loss.item())
            running_loss += loss.item()
            n_batches += 1
        scheduler.step()
        if (epoch + 1) % 5 == 0:
            print("Epoch %2d  loss %.4f  test accuracy %.1f%%"
                  % (epoch + 1, running_loss / n_batches, 100 * accuracy(model)))
    return losses


def accuracy(model):
    model.eval()
    with torch.no_grad():
        outputs = model(x_test.to(device))
        _, predicted = torch.max(outputs, 1)
        correct = (predicted == y_test.to(device)).sum().item()
    return correct / y_test.size(0)


if __name__ == "__main__":
    model = build()
    losses = train(model)
