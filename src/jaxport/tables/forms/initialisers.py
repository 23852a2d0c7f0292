"""Initial values: each form gives the new value of the tensor that torch changes in place."""

from __future__ import annotations

from jaxport.tables.forms import Form

FORMS: tuple[Form, ...] = (
    Form(
        "torch.nn.init.uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, "
        "generator: None = None) -> Tensor",
        "@init_uniform({key}, {tensor}, a={a?}, b={b?})",
    ),
    Form(
        "torch.nn.init.normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, "
        "generator: None = None) -> Tensor",
        "@init_normal({key}, {tensor}, mean={mean?}, std={std?})",
    ),
    Form(
        "torch.nn.init.trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, "
        "a: float = -2.0, b: float = 2.0, generator: None = None) -> Tensor",
        "@init_trunc_normal({key}, {tensor}, mean={mean?}, std={std?}, a={a?}, b={b?})",
    ),
    Form(
        "torch.nn.init.constant_(tensor: Tensor, val: float) -> Tensor",
        "jnp.full_like({tensor}, {val})",
    ),
    Form("torch.nn.init.ones_(tensor: Tensor) -> Tensor", "jnp.ones_like({tensor})"),
    Form("torch.nn.init.zeros_(tensor: Tensor) -> Tensor", "jnp.zeros_like({tensor})"),
    Form("torch.nn.init.eye_(tensor: Tensor) -> Tensor", "@init_eye({tensor})"),
    Form(
        "torch.nn.init.dirac_(tensor: Tensor, groups: int = 1) -> Tensor",
        "@init_dirac({tensor}, groups={groups?})",
    ),
    Form(
        "torch.nn.init.xavier_uniform_(tensor: Tensor, gain: float = 1.0, "
        "generator: None = None) -> Tensor",
        "@init_xavier_uniform({key}, {tensor}, gain={gain?})",
    ),
    Form(
        "torch.nn.init.xavier_normal_(tensor: Tensor, gain: float = 1.0, "
        "generator: None = None) -> Tensor",
        "@init_xavier_normal({key}, {tensor}, gain={gain?})",
    ),
    Form(
        "torch.nn.init.kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = 'fan_in', "
        "nonlinearity: str = 'leaky_relu', generator: None = None) -> Tensor",
        "@init_kaiming_uniform({key}, {tensor}, a={a?}, mode={mode?}, "
        "nonlinearity={nonlinearity?})",
    ),
    Form(
        "torch.nn.init.kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = 'fan_in', "
        "nonlinearity: str = 'leaky_relu', generator: None = None) -> Tensor",
        "@init_kaiming_normal({key}, {tensor}, a={a?}, mode={mode?}, nonlinearity={nonlinearity?})",
    ),
    Form(
        "torch.nn.init.orthogonal_(tensor: Tensor, gain: float = 1, "
        "generator: None = None) -> Tensor",
        "@init_orthogonal({key}, {tensor}, gain={gain?})",
    ),
    Form(
        "torch.nn.init.calculate_gain(nonlinearity: str, param: any = None) -> float",
        "@init_calculate_gain({nonlinearity}, param={param?})",
    ),
    Form(
        "torch.nn.init._calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]",
        "@init_fans({tensor})",
    ),
)
