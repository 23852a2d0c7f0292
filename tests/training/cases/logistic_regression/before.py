import torch.optim as optim
from parts import BCEWithLogitsLoss, LogisticRegression, binary_dataset

torch_dataset = binary_dataset(count=120)
inputs, targets = torch_dataset.tensors

net = LogisticRegression()
loss_function = BCEWithLogitsLoss()
opt = optim.SGD(net.parameters(), lr=0.5, momentum=0.9)

losses = []

# Full batch gradient descent
for iteration in range(60):
    logits = net(inputs)
    loss = loss_function(logits, targets)

    opt.zero_grad()
    loss.backward()
    opt.step()

    losses.append(loss.item())
    if iteration % 20 == 0:
        correct = ((logits > 0) == (targets > 0.5)).sum().item()
        print(f"iteration {iteration}: loss {loss.item():.4f}, {correct} right")

MODELS = [net]
