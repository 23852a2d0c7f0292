"""timm's training pieces: every optimizer it knows, schedulers, EMA, tasks, scalers,
checkpoints.
"""

# judged: timm

import tempfile
from argparse import Namespace

import timm
import torch
from timm import scheduler, task, utils
from timm.models import load_checkpoint, resume_checkpoint
from timm.optim import create_optimizer_v2, list_optimizers
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(4, 3, 32, 32), torch.randint(0, 5, (4,))


def network():
    return timm.create_model("test_resnet", num_classes=5)


for name in list_optimizers(exclude_filters=["fused*", "bnb*"]):
    small = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(5))
    small(x)
    optimizer = create_optimizer_v2(small, name, lr=1e-3, weight_decay=0.05)
    for _ in range(8):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(small(x), y)
        loss.backward(create_graph=getattr(optimizer, "is_second_order", False))
        utils.dispatch_clip_grad(small.parameters(), 1.0)
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())

model = network()
scaler = utils.NativeScaler(device="cpu")
averages = utils.ModelEma(model), utils.ModelEmaV2(model), utils.ModelEmaV3(model)
for name in ("sgd", "lookahead_adamw"):
    optimizer = create_optimizer_v2(model, name, lr=0.1, layer_decay=0.7, momentum=0.9)
    for kind in ("cosine", "tanh", "step", "multistep", "plateau", "poly"):
        schedule, epochs = scheduler.create_scheduler_v2(
            optimizer, kind, num_epochs=4, warmup_epochs=1, decay_milestones=(2,), noise=[0.5])
        schedule.load_state_dict(schedule.state_dict())
        for epoch in range(epochs):
            loss = nn.functional.cross_entropy(model(x), y)
            scaler(loss, optimizer, clip_grad=0.1, clip_mode="agc", parameters=model.parameters())
            schedule.step(epoch, metric=1.0)
        for average in averages:
            average.update(model)

with tempfile.TemporaryDirectory() as folder:
    saver = utils.CheckpointSaver(
        model, optimizer, Namespace(model="test_resnet"), model_ema=averages[1],
        amp_scaler=scaler, checkpoint_dir=folder, recovery_dir=folder, max_history=1)
    for epoch in range(3):
        saver.save_checkpoint(epoch, metric=epoch)
        saver.save_recovery(epoch)
    path = folder + "/last.pth.tar"
    utils.ModelEma(model, resume="")
    resume_checkpoint(network(), path, optimizer, scaler, weights_only=False)
    load_checkpoint(network(), path, use_ema=True, weights_only=False)

utils.freeze(model, "layer1")
utils.unfreeze(model, "layer1")
for job in (
    task.ClassificationTask(model),
    task.LogitDistillationTask(model, network()),
    task.FeatureDistillationTask(model, network()),
):
    job.setup_ema(decay=0.9)
    optimizer = create_optimizer_v2(job.get_trainable_module(), "adamw", lr=1e-3)
    job(x, y)["loss"].backward()
    optimizer.step()
    job.update_ema(step=1)
    job.load_checkpoint_state(job.get_checkpoint_state()["state_dict"])
