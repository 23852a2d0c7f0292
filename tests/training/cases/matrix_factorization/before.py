import torch
from parts import DataLoader, MatrixFactorization, ratings_dataset

model = MatrixFactorization()
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01, alpha=0.9, momentum=0.5)
loader = DataLoader(ratings_dataset(), batch_size=16)
global_mean = ratings_dataset().tensors[2].mean()

losses = []
for epoch in range(10):
    for users, items, ratings in loader:
        prediction = global_mean + model(users, items)
        error = prediction - ratings
        loss = (error ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    rmse = (error ** 2).mean().item() ** 0.5
    print(f"epoch {epoch}: rmse {rmse:.3f}")

MODELS = [model]
