"""What the semantics decide about a training step, for the hooks to write."""

from __future__ import annotations

from typing import Literal

from jaxport.findings import Edit, Span
from jaxport.records import record
from jaxport.tables.forms import Parameter

Role = Literal["move", "hoist", "keep", "drop"]


@record(frozen=True)
class LossFunction:
    """How `backward()` becomes a function of the models, called by `value_and_grad`.

    Args:
        region: the statements from the first that computes the loss to the last.
        roles: what happens to each statement of the region: it moves into the function, goes in
            front of it or stays behind its call, or is dropped.
        backward: the statement `loss.backward()` where it stands outside of the region.
        name: of the function.
        models: how the code spells each module that the loss needs, and its parameter's name. The
            first `trained` of them are differentiated.
        arguments: names that are read before the function gives them a value of its own.
        loss: the expression that `backward` is called on.
        value: the name that holds the loss after it, empty where nothing reads it.
        auxiliary: the names that are read afterwards.
        earlier: whether `loss` is also read as it was before its last assignment.
        grads: the names of the gradients, one for each trained module.
        total: the name that gradients are added up in, empty where each step has its own.
        final: the name that holds the loss until the statements that read an earlier one have run.
    """

    region: Span
    roles: tuple[Role, ...]
    name: str
    models: tuple[tuple[str, str], ...]
    loss: str
    value: str
    grads: tuple[str, ...]
    backward: Span | None = None
    arguments: tuple[str, ...] = ()
    auxiliary: tuple[str, ...] = ()
    earlier: bool = False
    trained: int = 1
    final: str = ""
    total: str = ""


@record(frozen=True)
class Training:
    """How one optimizer is written: in Optax's functional form, or as `flax.nnx.Optimizer`.

    Args:
        functional: `opt_state` and `params` stand beside the optimizer.
        model: the trained module, as the code spells it here.
        grads: the name of the gradients.
        transforms: Optax transformations in front of the optimizer: name, argument as source.
        schedule: the learning rate, as source text; empty where torch's `lr` is it.
        above: statements in front of the constructor.
        unused: the statement that lists the parameters, which nothing else reads.
        groups: label and arguments of each parameter group, in the order of the modules.
    """

    functional: bool
    model: str
    grads: str = "grads"
    transforms: tuple[tuple[str, str], ...] = ()
    schedule: str = ""
    above: tuple[str, ...] = ()
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    unused: Span | None = None


@record(frozen=True)
class Clip:
    """How gradients are clipped: by the optimizer's chain (`chained`), or where it stood.

    Args:
        grads: the name of the gradients.
        transform: the Optax transformation, and what it clips to as source text.
        limit: see `transform`.
        target: the name that gets the norm of the gradients, empty where nothing does.
        chained: whether the optimizer does it.
    """

    grads: str
    transform: str
    limit: str
    target: str
    chained: bool


@record(frozen=True)
class Reset:
    """Gradients that are added up, `total`, and the module that they are of, start from zero."""

    total: str
    model: str


@record(frozen=True)
class FormCall:
    """How a call of torch is written by a row of `tables/forms`.

    Args:
        template: the row's expression.
        parameters: the row's signature.
        method: whether the receiver is the first argument.
        key: the expression that gives a PRNG key here.
        parts: the parts that the expression calls, and what they are called in the file.
        prefix: what stands in front of the expression: the target of an assignment.
        operand: whether it stands where an operator needs parentheses.
    """

    template: str
    parameters: tuple[Parameter, ...]
    method: bool = False
    key: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    operand: bool = False


@record(frozen=True)
class LayerCall:
    """How a constructor is written: its new `name` and its `rngs`, each empty where it stays."""

    name: str = ""
    rngs: str = ""
    parts: tuple[tuple[str, str], ...] = ()


@record(frozen=True)
class Text:
    """A rewrite by position: each edit replaces what stands in its span."""

    edits: tuple[Edit, ...]
    parts: tuple[tuple[str, str], ...] = ()


Plan = LossFunction | Training | Clip | Reset | FormCall | LayerCall | Text
