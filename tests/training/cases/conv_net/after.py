'''Small images, a small convolutional network.'''

import flax.nnx
import optax
import torch

from parts import ConvNet, CrossEntropyLoss, DataLoader, image_dataset, to_device

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

net = ConvNet()
criterion = CrossEntropyLoss()
optimizer = flax.nnx.Optimizer(
    net,
    optax.chain(
        optax.add_decayed_weights(5e-4),
        optax.sgd(learning_rate=0.05, momentum=0.9, nesterov=True),
    ),
    wrt=flax.nnx.Param,
)
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

        def loss_fn(net):
            outputs = net(inputs)
            return criterion(outputs, targets), outputs

        (loss, outputs), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(net)
        optimizer.update(net, grads)

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
