"""The variables of layers whose names or layouts are Flax's."""

from __future__ import annotations

_SCALE_AND_BIAS = {"weight": ("scale", "w"), "bias": ("bias", "w")}
_BATCH_NORM = {
    **_SCALE_AND_BIAS,
    "running_mean": ("mean", "w"),
    "running_var": ("var", "w"),
    "num_batches_tracked": ("num_batches_tracked", "w"),
}

WEIGHTS: dict[str, dict[str, tuple[str, str]]] = {
    "Linear": {"weight": ("kernel", "w.T"), "bias": ("bias", "w")},
    "Conv1d": {"weight": ("kernel", "w.transpose(2, 1, 0)"), "bias": ("bias", "w")},
    "Conv2d": {"weight": ("kernel", "w.transpose(2, 3, 1, 0)"), "bias": ("bias", "w")},
    "Conv3d": {"weight": ("kernel", "w.transpose(2, 3, 4, 1, 0)"), "bias": ("bias", "w")},
    "Embedding": {"weight": ("embedding", "w")},
    # A port makes it where a Linear has the weight of an Embedding.
    "TiedLinear": {"weight": ("embedding", "w")},
    "LayerNorm": {"weight": ("scale", "w.reshape(-1)"), "bias": ("bias", "w.reshape(-1)")},
    "GroupNorm": _SCALE_AND_BIAS,
    "InstanceNorm1d": _SCALE_AND_BIAS,
    "InstanceNorm2d": _SCALE_AND_BIAS,
    "InstanceNorm3d": _SCALE_AND_BIAS,
    "BatchNorm1d": _BATCH_NORM,
    "BatchNorm2d": _BATCH_NORM,
    "BatchNorm3d": _BATCH_NORM,
}
