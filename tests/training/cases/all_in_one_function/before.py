import torch

from parts import MLP, DataLoader, MSELoss, regression_dataset


def run_experiment(hidden=16, lr=0.02, num_epochs=5, batch_size=8):
    model = MLP(hidden=hidden)
    loader = DataLoader(regression_dataset(), batch_size=batch_size)
    criterion = MSELoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=lr)

    all_losses = []
    for epoch in range(num_epochs):
        epoch_loss = 0.0
        for xb, yb in loader:
            pred = model(xb)
            loss = criterion(pred, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(xb)
            all_losses.append(loss.item())
        print("epoch", epoch, "loss", epoch_loss / len(loader.dataset))
    return model, all_losses


model, losses = run_experiment()
MODELS = [model]
