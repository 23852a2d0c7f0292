# left: serves several optimizers
# because: the gradients of one loss go to two optimizers, which are not ported together yet.
"""An encoder and a decoder with an optimizer each; one backward pass serves both."""
import torch
from parts import Decoder, Encoder, mse_loss, vectors


def train(data, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion):
    encoder_optimizer.zero_grad()
    decoder_optimizer.zero_grad()

    loss = criterion(decoder(encoder(data)), data)
    loss.backward()

    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item()


encoder = Encoder()
decoder = Decoder()
encoder_optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
decoder_optimizer = torch.optim.Adam(decoder.parameters(), lr=0.01)

losses = []
for iter in range(50):
    batch = vectors()[iter % 10]
    losses.append(
        train(batch, encoder, decoder, encoder_optimizer, decoder_optimizer, mse_loss)
    )

MODELS = [encoder, decoder]
