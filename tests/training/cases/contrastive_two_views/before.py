import torch

from parts import SiameseNet, cat, cross_entropy, tensor, triplets


class ContrastiveLearner:
    def __init__(self, encoder, temperature=0.5):
        self.encoder = encoder
        self.temperature = temperature
        self.opt = torch.optim.Adam(encoder.parameters(), lr=2e-3)

    def update(self, view_1, view_2):
        n = len(view_1)
        self.opt.zero_grad()
        z = self.encoder(cat([view_1, view_2]))
        similarity = z[:n] @ z[n:].T / self.temperature
        labels = tensor(range(n))
        loss = (cross_entropy(similarity, labels) + cross_entropy(similarity.T, labels)) / 2
        loss.backward()
        self.opt.step()
        return {"loss": loss.item(), "agreement": (similarity.argmax(1) == labels).sum().item() / n}


learner = ContrastiveLearner(SiameseNet())
losses = []
for epoch in range(5):
    for view_1, view_2, _ in triplets():
        metrics = learner.update(view_1, view_2)
        losses.append(metrics["loss"])
    print(metrics)

MODELS = [learner.encoder]
