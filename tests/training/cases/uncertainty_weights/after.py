"""The weights of the two losses are parameters of the criterion, and are trained too."""
import torch

from parts import MultiTaskNet, UncertaintyLoss, cross_entropy, l1_loss, multi_task_batches

net = MultiTaskNet()
criterion = UncertaintyLoss()
optimizer = torch.optim.Adam(
    list(net.parameters()) + list(criterion.parameters()),
    lr=0.01,
)

losses = []
for epoch in range(5):
    for sample in multi_task_batches():
        pred = net(sample["inputs"])
        ce = cross_entropy(pred["class"], sample["labels"])
        l1 = l1_loss(pred["value"], sample["values"])
        loss = criterion(ce, l1)

        optimizer.zero_grad()
        loss.backward()
        # jaxport: JXP202 not ported: it does not train all parameters of one module (`model.parameters()`)
        optimizer.step()

        losses.append(loss.item())

MODELS = [net, criterion]
