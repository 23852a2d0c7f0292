from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR

from parts import TransferNet, classification_batches, cross_entropy


def make_optimizer(net):
    groups = [
        {'params': net.backbone.parameters(), 'lr': 0.01, 'weight_decay': 1e-3},
        {'params': net.head.parameters(), 'lr': 0.1},
    ]
    return SGD(groups, lr=0.1, momentum=0.9)


def train(net, epochs=5):
    optimizer = make_optimizer(net)
    scheduler = MultiStepLR(optimizer, milestones=[2, 4], gamma=0.1)
    history = []
    for epoch in range(epochs):
        for x, y in classification_batches():
            out = net(x)
            loss = cross_entropy(out, y)
            optimizer.zero_grad()
            loss.backward()
            # jaxport: JXP202 not ported: its scheduler counts epochs, and the length of `classification_batches()` is not known
            optimizer.step()
            history.append(loss.item())
        scheduler.step()
    return history


net = TransferNet()
losses = train(net)
MODELS = [net]
