"""timm's optimizers, schedulers, averaging, clipping, checkpoints and layers."""

import contextlib
import tempfile
from pathlib import Path

import timm
import torch
from timm.layers import (
    convert_sync_batchnorm,
    create_act_layer,
    create_norm_act_layer,
    create_norm_layer,
    freeze_batch_norm_2d,
    get_norm_act_layer,
)
from timm.optim import create_optimizer_v2, list_optimizers
from timm.scheduler import create_scheduler_v2
from timm.utils import (
    CheckpointSaver,
    ModelEma,
    ModelEmaV2,
    ModelEmaV3,
    NativeScaler,
    freeze,
    reparameterize_model,
    unfreeze,
)

from benchmarks.accuracy import families


def network():
    return timm.create_model("test_resnet", num_classes=4)


def step(model, optimizer):
    optimizer.zero_grad()
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    optimizer.step()


def step_with_closure(model, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = model(torch.randn(2, 3, 64, 64)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)


def optimizer(name):
    for settings in ({}, {"weight_decay": 0.05}, {"layer_decay": 0.7, "weight_decay": 0.01}):
        model = network()
        made = create_optimizer_v2(model, opt=name, lr=1e-3, **settings)
        if "lbfgs" in name:
            step_with_closure(model, made)
        else:
            step(model, made)
            step(model, made)
        made.load_state_dict(made.state_dict())


def averages(_):
    model = network()
    for average in (ModelEma(model), ModelEmaV2(model), ModelEmaV3(model, use_warmup=True),
                    ModelEmaV3(model, foreach=False)):
        average.update(model)
        if not isinstance(average, ModelEma):
            average.set(model)
        average.state_dict() if hasattr(average, "state_dict") else None


def schedules(_):
    for name in ("cosine", "tanh", "step", "multistep", "plateau", "poly"):
        model = network()
        made = create_optimizer_v2(model, opt="sgd", lr=0.1)
        scheduler, epochs = create_scheduler_v2(made, sched=name, num_epochs=4, warmup_epochs=1)
        for epoch in range(epochs):
            step(model, made)
            scheduler.step(epoch, 0.5)
        scheduler.load_state_dict(scheduler.state_dict())


def scaler(_):
    model = network()
    made = create_optimizer_v2(model, opt="adamw", lr=0.1)
    scaler = NativeScaler(device="cpu")
    for mode in ("norm", "value", "agc"):
        loss = model(torch.randn(2, 3, 64, 64)).sum()
        scaler(loss, made, clip_grad=1.0, clip_mode=mode, parameters=model.parameters())
        made.zero_grad()
    scaler.load_state_dict(scaler.state_dict())


def checkpoints(_):
    model = network()
    made = create_optimizer_v2(model, opt="sgd", lr=0.1)
    average = ModelEmaV3(model)
    with tempfile.TemporaryDirectory() as folder:
        saver = CheckpointSaver(
            model, made, model_ema=average, amp_scaler=NativeScaler(device="cpu"),
            checkpoint_dir=folder, recovery_dir=folder, max_history=2,
        )
        for epoch in range(4):
            saver.save_checkpoint(epoch, metric=epoch)
        saver.save_recovery(1, 1)
        path = str(next(Path(folder).glob("*last*")))
        timm.models.resume_checkpoint(model, path, made, NativeScaler(device="cpu"))
        timm.models.load_checkpoint(model, path, use_ema=True)
        timm.models.clean_state_dict(timm.models.load_state_dict(path))


def layers(_):
    model = network()
    freeze(model, "layer1")
    unfreeze(model, "layer1")
    freeze_batch_norm_2d(model)
    convert_sync_batchnorm(network())
    for name in ("batchnorm", "batchnorm2d", "groupnorm", "layernorm2d", "rmsnorm2d",
                 "frozenbatchnorm2d"):
        create_norm_layer(name, 32)(torch.randn(2, 32, 4, 4))
    for name in ("batchnorm", "batchnorm2d", "groupnorm", "evonormb0", "evonormb1", "evonormb2",
                 "evonorms0", "evonorms0a", "evonorms1", "evonorms2", "filterresponsenorm",
                 "filterresponsenormtlu", "inplaceabn", "layernorm2d", "frozenbatchnorm2d"):
        with contextlib.suppress(ImportError, AssertionError, KeyError):
            create_norm_act_layer(name, 32, act_layer="relu")(torch.randn(2, 32, 4, 4))
    for name in ("relu", "swish", "mish", "hard_swish", "prelu", "gelu", "celu"):
        create_act_layer(name)(torch.randn(2, 8))
    get_norm_act_layer("batchnorm2d", "relu")(8)(torch.randn(2, 8, 4, 4))


def reparameterized(_):
    for name in ("repvgg_a0", "mobileone_s0", "fastvit_t8", "repvit_m0_9", "repghostnet_050"):
        model = timm.create_model(name, num_classes=4).train()
        model(torch.randn(2, 3, 64, 64)).sum().backward()
        reparameterize_model(model.eval())(torch.randn(2, 3, 64, 64))


def options(_):
    """The knobs of convolutional networks that change which layers they have."""
    settings = [
        ("resnet18", {"norm_layer": "groupnorm"}),
        ("resnet18", {"norm_layer": torch.nn.InstanceNorm2d}),
        ("resnet18", {"zero_init_last": False, "drop_path_rate": 0.1, "drop_block_rate": 0.1}),
        ("resnet18", {"block_args": {"attn_layer": "cbam"}, "aa_layer": "avg"}),
        ("resnet18", {"block_args": {"attn_layer": "eca"}, "aa_layer": "blurpc"}),
        ("resnet18", {"block_args": {"attn_layer": "sk"}, "stem_type": "deep", "stem_width": 16}),
        ("resnet26t", {"block_args": {"attn_layer": "gca"}, "avg_down": True}),
        ("vit_tiny_patch16_224", {"global_pool": "map", "img_size": 64}),
        ("vit_tiny_patch16_224", {"qk_norm": True, "init_values": 0.1, "img_size": 64}),
        ("efficientnet_b0", {"act_layer": "relu", "norm_layer": "batchnorm"}),
    ]
    for name, keywords in settings:
        model = timm.create_model(name, num_classes=4, **keywords)
        model(torch.randn(2, 3, 64, 64)).sum().backward()


PARTS = {
    "averages": averages, "schedules": schedules, "scaler": scaler, "checkpoints": checkpoints,
    "layers": layers, "reparameterized": reparameterized, "options": options,
}  # fmt: skip


def names():
    return [*(f"optimizer {name}" for name in list_optimizers()), *PARTS]


def run(name):
    if name.startswith("optimizer "):
        optimizer(name.removeprefix("optimizer "))
    else:
        PARTS[name](name)


families.run(names, run)
