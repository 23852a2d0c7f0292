import torch
from parts import Classifier, accuracy, classification_batches, cross_entropy

verbose = True
clip = 0.5
net = Classifier()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

losses = []
for epoch in range(5):
    for i, (x, y) in enumerate(classification_batches()):
        if len(x) == 0: continue
        if not losses: print("first batch:", x.shape)
        out = net(x)
        loss = cross_entropy(out, y)
        optimizer.zero_grad(); loss.backward()
        if clip: torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
        if verbose and i == 9: print(epoch, loss.item(), accuracy(out, y))

MODELS = [net]
