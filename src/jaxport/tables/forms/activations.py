"""Activation functions and dropout."""

from __future__ import annotations

from jaxport.tables.forms import Form

FORMS: tuple[Form, ...] = (
    Form(
        "torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, torch.nn.functional.relu_"
        "(input: Tensor) -> Tensor",
        "jax.nn.relu({input})",
    ),
    Form(
        "torch.nn.functional.relu(input: Tensor, inplace: bool = False) -> Tensor",
        "jax.nn.relu({input})",
    ),
    Form(
        "torch.nn.functional.relu6(input: Tensor, inplace: bool = False) -> Tensor",
        "jax.nn.relu6({input})",
    ),
    Form(
        "torch.nn.functional.leaky_relu, torch.nn.functional.leaky_relu_"
        "(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor",
        "@leaky_relu({input}, negative_slope={negative_slope?})",
    ),
    Form(
        "torch.prelu, Tensor.prelu, torch.nn.functional.prelu"
        "(input: Tensor, weight: Tensor) -> Tensor",
        "@prelu({input}, {weight})",
    ),
    Form(
        "torch.nn.functional.elu, torch.nn.functional.elu_"
        "(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor",
        "jax.nn.elu({input}, alpha={alpha?})",
    ),
    Form(
        "torch.celu, torch.celu_, torch.nn.functional.celu, torch.nn.functional.celu_"
        "(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor",
        "jax.nn.celu({input}, alpha={alpha?})",
    ),
    Form(
        "torch.selu, torch.selu_, torch.nn.functional.selu, torch.nn.functional.selu_"
        "(input: Tensor, inplace: bool = False) -> Tensor",
        "jax.nn.selu({input})",
    ),
    Form(
        "torch.nn.functional.gelu(input: Tensor, *, approximate: 'none' = 'none') -> Tensor",
        "jax.nn.gelu({input}, approximate=False)",
    ),
    Form(
        "torch.nn.functional.gelu(input: Tensor, *, approximate: 'tanh') -> Tensor",
        "jax.nn.gelu({input}, approximate=True)",
    ),
    Form(
        "torch.nn.functional.gelu(input: Tensor, *, approximate: str) -> Tensor",
        'jax.nn.gelu({input}, approximate={approximate} == "tanh")',
    ),
    Form(
        "torch.nn.functional.silu(input: Tensor, inplace: bool = False) -> Tensor",
        "jax.nn.silu({input})",
    ),
    Form(
        "torch.nn.functional.mish(input: Tensor, inplace: bool = False) -> Tensor",
        "jax.nn.mish({input})",
    ),
    Form(
        "torch.nn.functional.hardswish(input: Tensor, inplace: bool = False) -> Tensor",
        "jax.nn.hard_swish({input})",
    ),
    Form(
        "torch.nn.functional.glu(input: Tensor, dim: int = -1) -> Tensor",
        "jax.nn.glu({input}, axis={dim?})",
    ),
    Form(
        "torch.nn.functional.softplus"
        "(input: Tensor, beta: 1 | 1.0 = 1, threshold: 20 | 20.0 = 20) -> Tensor",
        "jax.nn.softplus({input})",
    ),
    Form(
        "torch.nn.functional.softplus"
        "(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor",
        "@softplus({input}, beta={beta?}, threshold={threshold?})",
    ),
    Form("torch.nn.functional.softsign(input: Tensor) -> Tensor", "jax.nn.soft_sign({input})"),
    Form(
        "torch.sigmoid, torch.sigmoid_, torch.special.expit, Tensor.sigmoid, Tensor.sigmoid_, "
        "torch.nn.functional.sigmoid(input: Tensor) -> Tensor",
        "jax.nn.sigmoid({input})",
    ),
    Form("torch.nn.functional.logsigmoid(input: Tensor) -> Tensor", "jax.nn.log_sigmoid({input})"),
    Form(
        "torch.nn.functional.hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor",
        "jax.nn.hard_sigmoid({input})",
    ),
    Form(
        "torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_, torch.nn.functional.tanh"
        "(input: Tensor) -> Tensor",
        "jnp.tanh({input})",
    ),
    Form(
        "torch.nn.functional.hardtanh, torch.nn.functional.hardtanh_(input: Tensor, "
        "min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor",
        "@hardtanh({input}, min_val={min_val?}, max_val={max_val?})",
    ),
    Form(
        "torch.threshold, torch.threshold_, torch.nn.functional.threshold, "
        "torch.nn.functional.threshold_"
        "(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor",
        "@threshold({input}, {threshold}, {value})",
    ),
    Form(
        "torch.softmax, Tensor.softmax(input: Tensor, dim: int, dtype: None = None) -> Tensor",
        "jax.nn.softmax({input}, axis={dim})",
    ),
    Form(
        "torch.softmax, Tensor.softmax(input: Tensor, dim: int, dtype: dtype) -> Tensor",
        "jax.nn.softmax({input}.astype({dtype}), axis={dim})",
    ),
    Form(
        "torch.special.softmax(input: Tensor, dim: int, *, dtype: None = None) -> Tensor",
        "jax.nn.softmax({input}, axis={dim})",
    ),
    Form(
        "torch.nn.functional.softmax"
        "(input: Tensor, dim: int, _stacklevel: int = 3, dtype: None = None) -> Tensor",
        "jax.nn.softmax({input}, axis={dim})",
    ),
    Form(
        "torch.nn.functional.softmax"
        "(input: Tensor, dim: int, _stacklevel: int = 3, *, dtype: dtype) -> Tensor",
        "jax.nn.softmax({input}.astype({dtype}), axis={dim})",
    ),
    Form(
        "torch.log_softmax, Tensor.log_softmax"
        "(input: Tensor, dim: int, dtype: None = None) -> Tensor",
        "jax.nn.log_softmax({input}, axis={dim})",
    ),
    Form(
        "torch.log_softmax, Tensor.log_softmax(input: Tensor, dim: int, dtype: dtype) -> Tensor",
        "jax.nn.log_softmax({input}.astype({dtype}), axis={dim})",
    ),
    Form(
        "torch.special.log_softmax(input: Tensor, dim: int, *, dtype: None = None) -> Tensor",
        "jax.nn.log_softmax({input}, axis={dim})",
    ),
    Form(
        "torch.nn.functional.log_softmax"
        "(input: Tensor, dim: int, _stacklevel: int = 3, dtype: None = None) -> Tensor",
        "jax.nn.log_softmax({input}, axis={dim})",
    ),
    Form(
        "torch.nn.functional.log_softmax"
        "(input: Tensor, dim: int, _stacklevel: int = 3, *, dtype: dtype) -> Tensor",
        "jax.nn.log_softmax({input}.astype({dtype}), axis={dim})",
    ),
    Form(
        "torch.nn.functional.softmin"
        "(input: Tensor, dim: int, _stacklevel: int = 3, dtype: None = None) -> Tensor",
        "jax.nn.softmax(-{input}, axis={dim})",
    ),
    Form(
        "torch.nn.functional.gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, "
        "eps: float = 1e-10, dim: int = -1) -> Tensor",
        "@gumbel_softmax({logits}, {key}, tau={tau?}, hard={hard?}, dim={dim?})",
    ),
    *(
        form
        for name in ("dropout", "dropout1d", "dropout2d", "dropout3d")
        for form in (
            Form(
                f"torch.nn.functional.{name}"
                "(input: Tensor, p: float = 0.5, *, training: False, inplace: bool = False)"
                " -> Tensor",
                "{input}",
            ),
            Form(
                f"torch.nn.functional.{name}(input: Tensor, p: float = 0.5, "
                "training: bool = True, inplace: bool = False) -> Tensor",
                f"@{name}({{input}}, {{p}}, training={{training}}, key={{key}})",
            ),
        )
    ),
    Form(
        "torch.nn.functional.alpha_dropout(input: Tensor, p: float = 0.5, "
        "training: bool = False, inplace: bool = False) -> Tensor",
        "@alpha_dropout({input}, {p}, training={training}, key={key})",
    ),
    Form(
        "torch.dropout(input: Tensor, p: float, train: bool) -> Tensor",
        "@dropout({input}, {p}, training={train}, key={key})",
    ),
    Form(
        "torch.alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor",
        "@alpha_dropout({input}, {p}, training={train}, key={key})",
    ),
)
