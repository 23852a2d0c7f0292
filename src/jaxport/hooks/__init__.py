"""The functions of the spec: one `libcst` node in, the rewritten one out.

    >>> import libcst
    >>> from jaxport.hooks import HookContext, convert_state_dict
    >>> call = libcst.parse_expression("model.state_dict()")
    >>> new = convert_state_dict(call, HookContext(dialect="switcheroo"))
    >>> libcst.Module([]).code_for_node(new)
    'flax.nnx.state(model).to_pure_dict()'
"""

from jaxport.hooks.batch_norm import transform_batch_norm
from jaxport.hooks.context import EscapeHatch, HookContext
from jaxport.hooks.forms import convert_form, convert_layer
from jaxport.hooks.optimizer_step import (
    strip_zero_grad,
    transform_optimizer_init,
    transform_optimizer_step,
)
from jaxport.hooks.state_container import (
    convert_load_state_dict,
    convert_parameters,
    convert_register_buffer,
    convert_register_parameter,
    convert_state_dict,
)
from jaxport.hooks.training_step import convert_clip, strip_scheduler

__all__ = [
    "EscapeHatch",
    "HookContext",
    "convert_clip",
    "convert_form",
    "convert_layer",
    "convert_load_state_dict",
    "convert_parameters",
    "convert_register_buffer",
    "convert_register_parameter",
    "convert_state_dict",
    "strip_scheduler",
    "strip_zero_grad",
    "transform_batch_norm",
    "transform_optimizer_init",
    "transform_optimizer_step",
]
