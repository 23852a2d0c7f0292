from torch.optim import SGD

from parts import TransferNet, classification_batches, cross_entropy


def make_optimizer(net):
    groups = [
        {'params': net.backbone.parameters(), 'lr': 0.01, 'weight_decay': 1e-3},
        {'params': net.head.parameters(), 'lr': 0.1},
    ]
    return SGD(groups, lr=0.1, momentum=0.9)


def train(net, epochs=5):
    optimizer = make_optimizer(net)
    history = []
    for epoch in range(epochs):
        for x, y in classification_batches():
            out = net(x)
            loss = cross_entropy(out, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(loss.item())
    return history


net = TransferNet()
losses = train(net)
MODELS = [net]
