"""MONAI's trainers and evaluator, checkpoints, schedulers, its optimizers,
its learning rate finder.
"""

# judged: monai

import tempfile

import torch
from monai.engines import GanTrainer, SupervisedEvaluator, SupervisedTrainer
from monai.handlers import CheckpointLoader, CheckpointSaver, LrScheduleHandler, ValidationHandler
from monai.losses import DiceLoss
from monai.networks import copy_model_state
from monai.networks.nets import UNet
from monai.optimizers import (
    LearningRateFinder,
    Novograd,
    WarmupCosineSchedule,
    generate_param_groups,
)
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)
device = torch.device("cpu")
rows = [{"image": torch.randn(1, 16, 16), "label": torch.randint(0, 2, (1, 16, 16))}
        for _ in range(8)]
data = DataLoader(rows, batch_size=2)


def network():
    return UNet(2, 1, 1, channels=(4, 8), strides=(2,), norm="batch")


with tempfile.TemporaryDirectory() as folder:
    model = network()
    groups = generate_param_groups(model, [lambda net: net.model[0]], ["select"], [1e-2])
    for optimizer in (Novograd(groups, lr=1e-3, amsgrad=True), torch.optim.AdamW(groups)):
        schedule = WarmupCosineSchedule(optimizer, warmup_steps=1, t_total=4)
        kept = {"model": model, "optimizer": optimizer, "schedule": schedule}
        judge = SupervisedEvaluator(device, data, model)
        trainer = SupervisedTrainer(
            device, 2, data, model, optimizer, DiceLoss(sigmoid=True), optim_set_to_none=True,
            train_handlers=[
                LrScheduleHandler(schedule, print_lr=False), ValidationHandler(1, judge),
                CheckpointSaver(folder, kept, save_final=True, save_interval=1, n_saved=1),
            ])
        trainer.run()
        CheckpointLoader(folder + "/checkpoint_final_iteration=8.pt", kept).attach(trainer)
        trainer.run()
    copy_model_state(network(), model)
    pairs = DataLoader([(row["image"], row["label"].float()) for row in rows], batch_size=2)
    optimizer = Novograd(model.parameters(), lr=1e-3)
    finder = LearningRateFinder(model, optimizer, nn.BCEWithLogitsLoss(), device=device)
    finder.range_test(pairs, num_iter=4)
    finder.reset()

maker, critic = nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
GanTrainer(
    device, 1, DataLoader(torch.randn(8, 8), batch_size=4),
    maker, torch.optim.Adam(maker.parameters()), lambda made: -critic(made).mean(),
    critic, torch.optim.Adam(critic.parameters()),
    lambda fake, real: (critic(fake.detach()) - critic(real)).mean(),
    d_prepare_batch=lambda batch, *rest, **more: batch,
    g_prepare_batch=lambda *rest, **more: torch.randn(4, 4),
    d_train_steps=2,
    latent_shape=4,
).run()
