import torch
from parts import AutoEncoder, vectors

autoencoder = AutoEncoder()
optimizer = torch.optim.Adam(autoencoder.parameters(), lr=1e-2, weight_decay=1e-4)

losses = []
for epoch in range(5):
    for x in vectors():
        # reconstruct
        code = autoencoder.encoder(x)
        recon = autoencoder.decoder(code)
        # squared error and a small price for large codes
        error = ((recon - x) ** 2).mean()
        penalty = 1e-3 * (code ** 2).sum(1).mean()
        loss = error + penalty
        # update
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(error.item())

MODELS = [autoencoder]
