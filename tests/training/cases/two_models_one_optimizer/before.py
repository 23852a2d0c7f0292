import torch
from parts import Decoder, Encoder, MSELoss, vectors

enc, dec = Encoder(), Decoder()
mse = MSELoss()
optimizer = torch.optim.Adam(list(enc.parameters()) + list(dec.parameters()), lr=5e-3)

losses = []
for epoch in range(5):
    enc.train()
    dec.train()
    for x in vectors():
        z = enc(x)
        x_hat = dec(z)
        loss = mse(x_hat, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

MODELS = [enc, dec]
