"""Loss functions. `size_average` and `reduce`, which torch has deprecated, are not served."""

from __future__ import annotations

from jaxport.tables.forms import Form

_OLD = "size_average: None = None, reduce: None = None"

FORMS: tuple[Form, ...] = (
    Form(
        "torch.nn.functional.mse_loss"
        "(input: Tensor, target: Tensor, *, reduction: 'mean' = 'mean') -> Tensor",
        "jnp.mean(jnp.square({input} - {target}))",
    ),
    Form(
        "torch.nn.functional.mse_loss"
        "(input: Tensor, target: Tensor, *, reduction: 'sum') -> Tensor",
        "jnp.sum(jnp.square({input} - {target}))",
    ),
    Form(
        "torch.nn.functional.mse_loss"
        "(input: Tensor, target: Tensor, *, reduction: 'none') -> Tensor",
        "jnp.square({input} - {target})",
    ),
    Form(
        f"torch.nn.functional.mse_loss(input: Tensor, target: Tensor, {_OLD}, "
        "reduction: str = 'mean') -> Tensor",
        "@mse_loss({input}, {target}, reduction={reduction?})",
    ),
    Form(
        f"torch.nn.functional.l1_loss(input: Tensor, target: Tensor, {_OLD}, "
        "reduction: str = 'mean') -> Tensor",
        "@l1_loss({input}, {target}, reduction={reduction?})",
    ),
    Form(
        f"torch.nn.functional.smooth_l1_loss(input: Tensor, target: Tensor, {_OLD}, "
        "reduction: str = 'mean', beta: float = 1.0) -> Tensor",
        "@smooth_l1_loss({input}, {target}, reduction={reduction?}, beta={beta?})",
    ),
    Form(
        "torch.nn.functional.huber_loss"
        "(input: Tensor, target: Tensor, reduction: str = 'mean', delta: float = 1.0) -> Tensor",
        "@huber_loss({input}, {target}, reduction={reduction?}, delta={delta?})",
    ),
    Form(
        "torch.nn.functional.cross_entropy(input: Tensor, target: Tensor, weight: any = None, "
        "size_average: None = None, ignore_index: int = -100, reduce: None = None, "
        "reduction: str = 'mean', label_smoothing: float = 0.0) -> Tensor",
        "@cross_entropy({input}, {target}, weight={weight?}, ignore_index={ignore_index?}, "
        "reduction={reduction?}, label_smoothing={label_smoothing?})",
        "A target that is no class gives NaN; torch raises.",
    ),
    Form(
        "torch.nn.functional.nll_loss(input: Tensor, target: Tensor, weight: any = None, "
        "size_average: None = None, ignore_index: int = -100, reduce: None = None, "
        "reduction: str = 'mean') -> Tensor",
        "@nll_loss({input}, {target}, weight={weight?}, ignore_index={ignore_index?}, "
        "reduction={reduction?})",
        "A target that is no class gives NaN; torch raises.",
    ),
    Form(
        "torch.nn.functional.binary_cross_entropy"
        f"(input: Tensor, target: Tensor, weight: any = None, {_OLD}, "
        "reduction: str = 'mean') -> Tensor",
        "@binary_cross_entropy({input}, {target}, weight={weight?}, reduction={reduction?})",
        "An input outside of 0 to 1 gives NaN; torch raises.",
    ),
    Form(
        "torch.nn.functional.binary_cross_entropy_with_logits"
        f"(input: Tensor, target: Tensor, weight: any = None, {_OLD}, "
        "reduction: str = 'mean', pos_weight: any = None) -> Tensor",
        "@binary_cross_entropy_with_logits({input}, {target}, weight={weight?}, "
        "reduction={reduction?}, pos_weight={pos_weight?})",
    ),
    Form(
        f"torch.nn.functional.kl_div(input: Tensor, target: Tensor, {_OLD}, "
        "reduction: str = 'mean', log_target: bool = False) -> Tensor",
        "@kl_div({input}, {target}, reduction={reduction?}, log_target={log_target?})",
    ),
    Form(
        "torch.nn.functional.cosine_embedding_loss(input1: Tensor, input2: Tensor, "
        f"target: Tensor, margin: float = 0, {_OLD}, reduction: str = 'mean') -> Tensor",
        "@cosine_embedding_loss({input1}, {input2}, {target}, margin={margin?}, "
        "reduction={reduction?})",
    ),
    Form(
        "torch.nn.functional.hinge_embedding_loss(input: Tensor, target: Tensor, "
        f"margin: float = 1.0, {_OLD}, reduction: str = 'mean') -> Tensor",
        "@hinge_embedding_loss({input}, {target}, margin={margin?}, reduction={reduction?})",
    ),
    Form(
        "torch.nn.functional.margin_ranking_loss(input1: Tensor, input2: Tensor, "
        f"target: Tensor, margin: float = 0, {_OLD}, reduction: str = 'mean') -> Tensor",
        "@margin_ranking_loss({input1}, {input2}, {target}, margin={margin?}, "
        "reduction={reduction?})",
    ),
    Form(
        "torch.nn.functional.triplet_margin_loss(anchor: Tensor, positive: Tensor, "
        "negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6, "
        f"swap: bool = False, {_OLD}, reduction: str = 'mean') -> Tensor",
        "@triplet_margin_loss({anchor}, {positive}, {negative}, margin={margin?}, p={p?}, "
        "eps={eps?}, swap={swap?}, reduction={reduction?})",
    ),
    Form(
        "torch.nn.functional.gaussian_nll_loss(input: Tensor, target: Tensor, var: any, "
        "full: bool = False, eps: float = 1e-6, reduction: str = 'mean') -> Tensor",
        "@gaussian_nll_loss({input}, {target}, {var}, full={full?}, eps={eps?}, "
        "reduction={reduction?})",
        "A negative variance gives NaN; torch raises.",
    ),
    Form(
        "torch.nn.functional.poisson_nll_loss(input: Tensor, target: Tensor, "
        "log_input: bool = True, full: bool = False, size_average: None = None, "
        "eps: float = 1e-8, reduce: None = None, reduction: str = 'mean') -> Tensor",
        "@poisson_nll_loss({input}, {target}, log_input={log_input?}, full={full?}, eps={eps?}, "
        "reduction={reduction?})",
    ),
)
