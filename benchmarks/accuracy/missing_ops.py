"""Let torchvision be imported beside a torch that its compiled part was not built for."""

from __future__ import annotations

import importlib.util

_DEFINED = ("nms", "qnms")
_kept: list[object] = []


def define_missing_ops() -> None:
    """Define the operators that torchvision's Python asks for, `nms` with a plain implementation.

    Does nothing where torchvision is not installed. Its compiled operators are not loaded then,
    and it falls back on Python where it can.
    """
    if importlib.util.find_spec("torchvision") is None:
        return
    from torch.library import Library

    operators = Library("torchvision", "DEF")
    _kept.append(operators)
    for name in _DEFINED:
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        operators.impl(name, _nms, "CPU")
    import torchvision.ops.boxes

    torchvision.ops.boxes._assert_has_ops = lambda: None


def _nms(boxes: object, scores: object, threshold: float) -> object:
    import torch
    from torchvision.ops import box_iou

    assert isinstance(boxes, torch.Tensor) and isinstance(scores, torch.Tensor)
    left = scores.argsort(descending=True)
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        left = left[box_iou(boxes[first][None], boxes[left])[0] <= threshold]
    return torch.stack(kept) if kept else left
