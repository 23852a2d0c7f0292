'''Small images, a small convolutional network.'''

import torch
import torch.optim as optim

from parts import ConvNet, CrossEntropyLoss, DataLoader, image_dataset, to_device

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

net = ConvNet()
criterion = CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
trainloader = DataLoader(image_dataset(), batch_size=8, shuffle=True)

losses = []
accuracies = []


def train(epoch):
    print('\nEpoch: %d' % epoch)
    net.train()
    train_loss = 0
    correct = 0
    total = 0
    for batch_idx, (inputs, targets) in enumerate(trainloader):
        inputs, targets = to_device(inputs, device), to_device(targets, device)
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()

        train_loss += loss.item()
        predicted = outputs.argmax(1)
        total += len(targets)
        correct += (predicted == targets).sum().item()
        losses.append(loss.item())
    accuracies.append(100. * correct / total)
    print('Loss: %.3f | Acc: %.3f%% (%d/%d)' % (train_loss / len(trainloader), accuracies[-1], correct, total))


for epoch in range(9):
    train(epoch)

MODELS = [net]
