import torch

from parts import MLP, DataLoader, MSELoss, regression_dataset

total_iterations = 50
loader = DataLoader(regression_dataset(count=40), batch_size=8, shuffle=True)
loader_iter = iter(loader)

model = MLP()
criterion = MSELoss()
optimizer = torch.optim.Adamax(model.parameters(), lr=5e-3)

losses = []
for iteration in range(1, total_iterations + 1):
    try:
        x, y = next(loader_iter)
    except StopIteration:
        # the epoch is over, start the next
        loader_iter = iter(loader)
        x, y = next(loader_iter)

    optimizer.zero_grad(set_to_none=True)
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if iteration % 25 == 0:
        print(f"Iteration {iteration}/{total_iterations}: {losses[-1]:.4f}")

MODELS = [model]
