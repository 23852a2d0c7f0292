"""Labelled and unlabelled batches side by side: supervised loss and a consistency loss."""
import torch

from parts import Classifier, DataLoader, classification_dataset, cross_entropy, mse_loss, softmax, tanh

model = Classifier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
labelled = DataLoader(classification_dataset(count=80), batch_size=8)
unlabelled = DataLoader(classification_dataset(count=96, name="unlabelled"), batch_size=8)

losses = []
for epoch in range(5):
    for (x_l, y_l), (x_u, _) in zip(labelled, unlabelled):
        optimizer.zero_grad()
        loss_sup = cross_entropy(model(x_l), y_l)
        loss_con = mse_loss(softmax(model(x_u)), softmax(model(x_u + 0.5 * tanh(x_u))))
        (loss_sup + 0.5 * loss_con).backward()
        optimizer.step()
        losses.append(loss_sup.item())
        losses.append(loss_con.item())

MODELS = [model]
