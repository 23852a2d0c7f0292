# left: zero_grad|accumulat|other (loss|optimizer|parameters)|encoder
# because: `discriminator_loss` also reaches the encoder, whose gradients wait there for the next
# `encoder_optimizer.step()`, which takes the sum of both losses.
import torch
from torch import nn

torch.manual_seed(0)
encoder = nn.Linear(6, 3)
discriminator = nn.Linear(3, 1)
encoder_optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05)
discriminator_optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.05)
bce = nn.BCEWithLogitsLoss()

for _ in range(30):
    x = torch.randn(16, 6)
    discriminator_optimizer.zero_grad()
    prior, code = torch.randn(16, 3), encoder(x)
    scores = discriminator(torch.cat([prior, code]))
    discriminator_loss = bce(scores, torch.cat([torch.ones(16, 1), torch.zeros(16, 1)]))
    discriminator_loss.backward()
    discriminator_optimizer.step()

    encoder_loss = bce(discriminator(encoder(x)), torch.ones(16, 1))
    encoder_loss.backward()
    encoder_optimizer.step()
    encoder_optimizer.zero_grad()
