import torch
from parts import TransferNet, classification_batches, cross_entropy

net = TransferNet()
# All of it runs and the whole of it gets gradients, but only the head is trained.
opt = torch.optim.Adam(net.head.parameters(), lr=0.01)
net.train()
losses = []
for _ in range(5):
    for xs, ys in classification_batches():
        opt.zero_grad()
        loss = cross_entropy(net(xs), ys)
        loss.backward()
        opt.step()
        losses.append(loss.item())

MODELS = [net]
