"""Which torch names are modules, optimizers and schedulers, and what calls give back."""

from __future__ import annotations

import re
import sys

BATCH_NORMS = frozenset(
    f"torch.nn.{name}"
    for name in (
        "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm",
        "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d",
        "modules.batchnorm._BatchNorm", "modules.batchnorm._NormBase",
    )
)  # fmt: skip

# Methods of a module that return the module itself.
SELF_METHODS = frozenset(
    {
        "to", "cuda", "cpu", "xpu", "train", "eval", "half", "float", "double", "bfloat16",
        "requires_grad_", "apply", "to_empty", "type", "share_memory",
    }
)  # fmt: skip

# Functions that return what their first argument is.
IDENTITIES = frozenset(
    {
        "torch.compile", "torch.jit.script", "copy.deepcopy", "copy.copy",
        "torch.nn.utils.weight_norm", "torch.nn.utils.spectral_norm",
        "torch.nn.utils.parametrizations.weight_norm",
        "torch.nn.utils.parametrizations.spectral_norm",
    }
)  # fmt: skip

WRAPPERS = frozenset(
    {
        "torch.nn.DataParallel", "torch.nn.parallel.DataParallel",
        "torch.nn.parallel.DistributedDataParallel",
        "torch.nn.parallel.distributed.DistributedDataParallel",
        "torch.distributed.fsdp.FullyShardedDataParallel",
    }
)  # fmt: skip

# Classes of other packages that are torch modules.
MODULE_BASES = frozenset(
    {
        "pytorch_lightning.LightningModule", "lightning.LightningModule",
        "lightning.pytorch.LightningModule", "transformers.PreTrainedModel",
        "huggingface_hub.PyTorchModelHubMixin", "torch.optim.swa_utils.AveragedModel",
    }
)  # fmt: skip

# Packages that are built on torch: their names keep a file from running on JAX.
PACKAGES = frozenset(
    {
        "torch", "torchvision", "torchaudio", "torchtext", "torchmetrics", "timm", "lightning",
        "pytorch_lightning", "transformers", "accelerate", "kornia", "monai", "peft", "diffusers",
        "segmentation_models_pytorch", "torch_geometric", "torch_scatter", "torch_xla",
        "vit_pytorch", "sentence_transformers", "xformers", "deepspeed", "apex", "torchdata",
    }
)  # fmt: skip
# torch, whose classes are told apart by name, and packages whose objects have nothing of it.
_KNOWN = frozenset(
    {
        "torch", "numpy", "scipy", "pandas", "polars", "sklearn", "xgboost", "lightgbm", "catboost",
        "statsmodels", "jax", "flax", "optax", "haiku", "equinox", "tensorflow", "keras", "mxnet",
        "paddle", "gym", "gymnasium", "typing_extensions",
    }
)  # fmt: skip
_SUBPACKAGES = ("einops.layers.torch", "safetensors.torch")

# Methods that torch tensors have and JAX arrays have not.
TENSOR_METHODS = frozenset(
    {
        "unsqueeze", "unsqueeze_", "squeeze_", "permute", "contiguous", "view_as", "expand",
        "expand_as", "masked_fill", "masked_fill_", "masked_select", "masked_scatter", "detach",
        "detach_", "cuda", "numel", "backward", "requires_grad_", "index_select", "index_add_",
        "index_copy_", "scatter_", "scatter_add_", "gather", "bmm", "matmul", "softmax",
        "log_softmax", "sigmoid", "tanh", "relu", "type_as", "new_zeros", "new_ones", "new_full",
        "new_tensor", "repeat_interleave", "topk", "unbind", "chunk", "add_", "sub_", "mul_",
        "div_", "addcmul_", "addcdiv_", "copy_", "fill_", "zero_", "normal_", "uniform_", "clamp",
        "clamp_", "narrow", "unfold", "tril", "triu", "is_floating_point", "data_ptr",
        "named_parameters", "named_modules", "named_buffers", "zero_grad",
    }
)  # fmt: skip

# The tensor methods whose name no array, sequence or text of another library has.
TORCH_ONLY = (TENSOR_METHODS | {"size", "dim", "new_empty"}) - {
    "named_parameters", "named_modules", "named_buffers", "zero_grad", "backward", "tanh", "gather",
    "fill_", "cuda", "requires_grad_", "relu", "narrow", "unfold", "matmul",
}  # fmt: skip

_CLASS = re.compile(r"[A-Z_]*[A-Z]")


def canonical(name: str) -> str:
    """The public spelling of a torch name: `torch.nn.modules.conv.Conv2d` is `torch.nn.Conv2d`."""
    if name in BATCH_NORMS:
        return name
    if name.startswith("torch.nn.modules."):
        return "torch.nn." + name.rsplit(".", 1)[1]
    parts = name.split(".")
    if name.startswith("torch.optim.") and len(parts) == 4 and parts[2] not in (
        "lr_scheduler", "swa_utils",
    ):
        return f"torch.optim.{parts[3]}"
    return name


def is_torch(name: str) -> bool:
    """Whether `name` belongs to torch or to a package built on it."""
    return name.split(".", 1)[0] in PACKAGES or name.startswith(_SUBPACKAGES)


def is_module_class(name: str) -> bool:
    """Whether `name` is a class whose instances are `torch.nn.Module`s."""
    if name in MODULE_BASES or name in BATCH_NORMS or name in WRAPPERS:
        return True
    last = name.rsplit(".", 1)[-1]
    if name.startswith("torch.nn.") and name.count(".") == 2:
        return bool(_CLASS.match(last)) and last not in (
            "Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer",
        )  # fmt: skip
    return is_torch(name) and not name.startswith("torch.") and last.endswith(("Model", "Module"))


def makes_module(name: str) -> bool:
    """Whether the function `name` gives a module: a model factory of a package built on torch."""
    last = name.rsplit(".", 1)[-1]
    factory = last in ("create_model", "from_pretrained", "from_config")
    return name.startswith("torchvision.models.") or (factory and is_torch(name))


def is_optimizer_class(name: str) -> bool:
    """Whether `name` is a torch optimizer."""
    last = name.rsplit(".", 1)[-1]
    if name.startswith("torch.optim.") and name.count(".") == 2:
        return bool(_CLASS.match(last))
    return name.startswith("torch.distributed.") and last.endswith("Optimizer")


def is_unknown(name: str) -> bool:
    """Whether `name` is of a package that may be built on torch, for all that is known."""
    root = name.split(".", 1)[0]
    return "." in name and root not in _KNOWN and root not in sys.stdlib_module_names
