# left: tensor|image|not (the |all )?parameters|parameters of
# because: an image is trained, not the model; gradients with respect to the model's parameters have
# nothing to do with it.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5)).eval()
image = torch.randn(1, 3, 8, 8).requires_grad_()
optimizer = torch.optim.Adam([image], lr=0.1)

for step in range(40):
    optimizer.zero_grad()
    score = model(image)[0, 2]
    roughness = (image[..., 1:] - image[..., :-1]).pow(2).mean()
    loss = -score + 0.1 * roughness
    loss.backward()
    optimizer.step()
    print(step, score.item())
