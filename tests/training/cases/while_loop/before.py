import torch
from parts import LogisticRegression, binary_cross_entropy_with_logits, binary_dataset

x, y = binary_dataset().tensors
w = LogisticRegression()
sgd = torch.optim.SGD(w.parameters(), lr=0.1)

t = 0
losses = []
while t < 60:
    sgd.zero_grad()
    loss = binary_cross_entropy_with_logits(w(x), y)
    loss.backward()
    sgd.step()
    losses.append(loss.item())
    t += 1

MODELS = [w]
