"""segmentation-models-pytorch: every architecture, and every family of encoders in a U-Net."""

import tempfile

import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch import losses
from segmentation_models_pytorch.encoders import encoders

from benchmarks.accuracy import families

ARCHITECTURES = (
    "Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus",
    "PAN", "UPerNet", "Segformer", "DPT",
)  # fmt: skip
SETTINGS = ({}, {"decoder_use_norm": False}, {"decoder_attention_type": "scse"},
            {"decoder_use_norm": "instancenorm"}, {"aux_params": {"classes": 3, "dropout": 0.1}})


def train(model, side=64):
    output = model(torch.randn(2, 3, side, side))
    output = output if isinstance(output, (tuple, list)) else [output]
    sum(item.sum() for item in output).backward()


def architecture(name):
    for settings in SETTINGS:
        encoder = "tu-vit_tiny_patch16_224" if name == "DPT" else "resnet18"
        if name == "DPT":
            settings = {**settings, "dynamic_img_size": True}
        try:
            model = getattr(smp, name)(encoder, encoder_weights=None, classes=2, **settings)
        except (TypeError, AttributeError):
            continue  # Not every architecture takes every setting.
        train(model)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            smp.from_pretrained(folder)


def encoder_families():
    found = {}
    for name in encoders:
        module = encoders[name]["encoder"].__module__.rsplit(".", 1)[-1]
        found.setdefault(module, []).append(name)
    return found


def encoder(module):
    names = encoder_families()[module]
    for name in dict.fromkeys([names[0], names[-1]]):
        train(smp.Unet(name, encoder_weights=None))


def loss(_):
    predicted, target = torch.randn(2, 3, 8, 8, requires_grad=True), torch.randint(0, 3, (2, 8, 8))
    for made in (
        losses.JaccardLoss("multiclass"), losses.DiceLoss("multiclass"),
        losses.FocalLoss("multiclass"), losses.LovaszLoss("multiclass"),
        losses.SoftCrossEntropyLoss(smooth_factor=0.1, ignore_index=-1),
        losses.TverskyLoss("multiclass"),
    ):
        made(predicted, target).backward()
    losses.SoftBCEWithLogitsLoss()(predicted, torch.rand(2, 3, 8, 8)).backward()
    losses.MCCLoss()(predicted[:, :1], target[:, None].clamp(max=1)).backward()


def names():
    return [*ARCHITECTURES, *(f"encoder {name}" for name in encoder_families()), "losses"]


def run(name):
    if name == "losses":
        loss(name)
    elif name.startswith("encoder "):
        encoder(name.removeprefix("encoder "))
    else:
        architecture(name)


families.run(names, run)
