"""torch optimizers and the Optax expressions that were measured to equal them.

Every row is executed against torch in the tests. What is not exact is not a row: the reason
stands in `UNSUPPORTED` and the finding repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping

from jaxport.records import field, record

# Arguments that choose an implementation and leave the numbers alone.
_IMPLEMENTATION = frozenset({"foreach", "fused", "capturable", "differentiable"})


@record(frozen=True)
class Optimizer:
    """How one torch optimizer is written in Optax.

    Args:
        optax: name of the Optax function.
        positional: torch's parameters in order, after `params`.
        rename: torch argument to Optax argument. `betas` gives two, `b1` and `b2`.
        write: Optax arguments with torch's defaults, where Optax has another default or none.
        always: Optax arguments without a torch counterpart.
        decay: torch's `weight_decay` is L2 and goes in front, as `add_decayed_weights`.
        refuse: torch argument to the values (as source text) that change nothing, with the
            reason why others can't be written.
    """

    optax: str
    positional: tuple[str, ...]
    rename: Mapping[str, str]
    write: Mapping[str, str]
    always: Mapping[str, str] = field(default_factory=dict)
    decay: bool = True
    refuse: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)

    @property
    def ignored(self) -> frozenset[str]:
        return _IMPLEMENTATION


_AMSGRAD = (("False",), "`optax.amsgrad` corrects the bias before it takes the maximum")
_DECOUPLED = (("False",), "decoupled weight decay is `torch.optim.AdamW`")
_ADAM = {"lr": "learning_rate", "betas": "b1 b2", "eps": "eps"}

OPTIMIZERS: Mapping[str, Optimizer] = {
    "torch.optim.SGD": Optimizer(
        "sgd",
        ("lr", "momentum", "dampening", "weight_decay", "nesterov"),
        {"lr": "learning_rate", "momentum": "momentum", "nesterov": "nesterov"},
        {"learning_rate": "0.001"},
        refuse={"dampening": (("0", "0.0"), "Optax has no dampening")},
    ),
    "torch.optim.Adam": Optimizer(
        "adam",
        ("lr", "betas", "eps", "weight_decay", "amsgrad"),
        _ADAM,
        {"learning_rate": "0.001"},
        refuse={"amsgrad": _AMSGRAD, "decoupled_weight_decay": _DECOUPLED},
    ),
    "torch.optim.AdamW": Optimizer(
        "adamw",
        ("lr", "betas", "eps", "weight_decay", "amsgrad"),
        {**_ADAM, "weight_decay": "weight_decay"},
        {"learning_rate": "0.001", "weight_decay": "0.01"},
        decay=False,
        refuse={"amsgrad": _AMSGRAD},
    ),
    "torch.optim.RMSprop": Optimizer(
        "rmsprop",
        ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "capturable", "foreach",
         "maximize", "differentiable"),
        {"lr": "learning_rate", "alpha": "decay", "eps": "eps", "momentum": "momentum",
         "centered": "centered"},
        {"learning_rate": "0.01", "decay": "0.99"},
        always={"eps_in_sqrt": "False"},
    ),
    "torch.optim.Adadelta": Optimizer(
        "adadelta",
        ("lr", "rho", "eps", "weight_decay", "foreach"),
        {"lr": "learning_rate", "rho": "rho", "eps": "eps"},
        {"learning_rate": "1.0"},
    ),
    "torch.optim.Adamax": Optimizer(
        "adamax",
        ("lr", "betas", "eps", "weight_decay", "foreach"),
        _ADAM,
        {"learning_rate": "0.002"},
    ),
}  # fmt: skip

UNSUPPORTED: Mapping[str, str] = {
    "torch.optim.Adagrad": "torch adds eps outside the square root, `optax.adagrad` inside",
    "torch.optim.NAdam": "torch warms the momentum up (momentum_decay), `optax.nadam` does not",
    "torch.optim.RAdam": "`optax.radam` adds eps elsewhere and its first steps differ in float32",
    "torch.optim.Rprop": "`optax.rprop` applies each update one step late",
    "torch.optim.ASGD": "Optax has no averaged SGD",
    "torch.optim.Adafactor": "torch and Optax bound the step and the second moment differently",
    "torch.optim.SparseAdam": "it needs sparse gradients, and JAX gradients are dense",
    "torch.optim.LBFGS": "its step runs a closure; `optax.lbfgs` needs another training loop",
    "torch.optim.Muon": "torch orthogonalizes in bfloat16, `optax.contrib.muon` does not",
    "torch.optim.Optimizer": "which optimizer it is shows only at run time",
}
