# left: zero_grad|accumulat|both|two optimizers|other (loss|optimizer)|two losses
# because: the generator's `backward` also fills the discriminator's gradients, and they are not
# zeroed before the discriminator's own: its step takes the sum.
import torch
from torch import nn

torch.manual_seed(0)
netG = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
netD = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
optimizerG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
criterion = nn.BCEWithLogitsLoss()
real_label, fake_label = torch.ones(16, 1), torch.zeros(16, 1)

for _ in range(30):
    optimizerG.zero_grad()
    optimizerD.zero_grad()
    fake = netG(torch.randn(16, 4))
    errG = criterion(netD(fake), real_label)
    errG.backward()
    optimizerG.step()

    real = torch.randn(16, 2) + 3
    errD = criterion(netD(real), real_label) + criterion(netD(fake.detach()), fake_label)
    errD.backward()
    optimizerD.step()
    print(errD.item(), errG.item())
