"""Three calls of one model for one loss."""
import torch
from parts import SiameseNet, TripletLoss, triplets

model = SiameseNet()
criterion = TripletLoss(margin=1.8)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

losses = []
for epoch in range(5):
    for anchor, positive, negative in triplets():
        optimizer.zero_grad()
        anchor_out = model(anchor)
        positive_out = model(positive)
        negative_out = model(negative)
        loss = criterion(anchor_out, positive_out, negative_out)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"Epoch {epoch}: Loss {loss.item():.4f}")

MODELS = [model]
