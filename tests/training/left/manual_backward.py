# left: manual_backward|its steps
# because: Lightning makes the optimizer, wraps it, and owns the loop and the precision.
import lightning
import torch
from torch import nn


class LitAutoencoder(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.encoder = nn.Linear(28, 4)
        self.decoder = nn.Linear(4, 28)

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        x, _ = batch
        loss = nn.functional.mse_loss(self.decoder(torch.relu(self.encoder(x))), x)
        self.log("train_loss", loss)
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)
