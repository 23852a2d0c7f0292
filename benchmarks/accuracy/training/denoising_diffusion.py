"""denoising-diffusion-pytorch's Trainer on made-up pictures: accumulation, EMA,
saving and resuming.
"""

# judged: denoising_diffusion_pytorch, ema_pytorch

import os
import tempfile

import numpy as np
import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Trainer, Unet
from ema_pytorch import EMA, PostHocEMA
from PIL import Image
from torch import nn

os.cpu_count = lambda: 0
with tempfile.TemporaryDirectory() as folder:
    os.mkdir(folder + "/images")
    for number in range(100):
        pixels = np.random.randint(0, 255, (16, 16, 3), dtype="uint8")
        Image.fromarray(pixels).save(f"{folder}/images/{number}.png")

    def trainer(steps):
        net = Unet(8, dim_mults=(1, 2), attn_heads=1, attn_dim_head=8)
        return Trainer(
            GaussianDiffusion(net, image_size=16, timesteps=4), folder + "/images",
            train_batch_size=16, gradient_accumulate_every=2, train_num_steps=steps,
            save_and_sample_every=2, num_samples=1, results_folder=folder + "/out",
            calculate_fid=False, amp=False)

    trainer(2).train()
    again = trainer(4)
    again.load(1)
    again.train()

    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters())
    for average in (EMA(model, update_after_step=1, update_every=1, update_model_with_ema_every=2),
                    EMA(model, beta=0.9, power=1.0, ignore_names={"0.bias"}, use_foreach=True),
                    PostHocEMA(model, sigma_rels=(0.05, 0.28), checkpoint_every_num_steps=2,
                               checkpoint_folder=folder + "/e")):
        for _ in range(6):
            model(torch.randn(8, 4)).pow(2).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            average.update()
        average.load_state_dict(average.state_dict())
    average.synthesize_ema_model(gamma=7.0)(torch.randn(8, 4))
