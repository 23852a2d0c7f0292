"""JXP4: the structure of a torch module, which `jaxport port` turns into a Flax NNX module."""

from __future__ import annotations

from jaxport.rules import Example, Rule
from jaxport.rules._conversion import ported

_SAFETY = "`jaxport port` rewrites it, with the whole file or not at all."
_HEAD = "from torch import nn\n\n\nclass Net(nn.Module):\n"
_NNX = "from flax import nnx\n\n\nclass Net(nnx.Module):\n"
_EMPTY = "    def forward(self, x):\n        return x\n"
_CALL = "    def __call__(self, x):\n        return x\n"

RULES = (
    Rule(
        code="JXP401",
        name="module-class",
        summary="A class that derives from torch's `Module`, or names a type of `torch.nn`.",
        why="Flax NNX has a `Module` of its own, whose attributes are its state.",
        fix_safety=_SAFETY,
        check=ported("JXP401"),
        examples=(Example(_HEAD + _EMPTY, port=_NNX + _CALL),),
        accepts=("class Net:\n    pass\n",),
        default=False,
    ),
    Rule(
        code="JXP402",
        name="forward",
        summary="The method `forward` of a module.",
        why="torch calls `forward` from its own `__call__`. An NNX module is called directly.",
        fix_safety=_SAFETY,
        check=ported("JXP402"),
        examples=(
            Example(
                _HEAD + _EMPTY + "\n    def twice(self, x):\n        return self.forward(x) * 2\n",
                port=_NNX + _CALL + "\n    def twice(self, x):\n        return self(x) * 2\n",
            ),
        ),
        accepts=("class Net:\n    def forward(self, x):\n        return x\n",),
        default=False,
    ),
    Rule(
        code="JXP403",
        name="layer",
        summary="A layer of torch.",
        why="Flax's layers have other names, defaults and initial values. The port makes layers "
        "that compute what torch's do, from Flax's own.",
        fix_safety=_SAFETY,
        check=ported("JXP403"),
        examples=(
            Example("from torch import nn\n\nlayer = nn.Bilinear(2, 2, 2, device='cuda')\n"),
        ),
        accepts=("from flax import nnx\n\nlayer = nnx.Linear(2, 2, rngs=nnx.Rngs(0))\n",),
        default=False,
    ),
    Rule(
        code="JXP404",
        name="rngs",
        summary="A place that random numbers have to be handed to.",
        why="torch draws initial values and dropout from one global generator. NNX passes "
        "`nnx.Rngs` to every constructor that needs it.",
        fix_safety=_SAFETY,
        check=ported("JXP404"),
        examples=(
            Example(
                "from torch import nn\n\n\ndef head(dim):\n    return nn.Linear(dim, 1)\n",
            ),
        ),
        accepts=("def head(dim):\n    return [dim]\n",),
        default=False,
    ),
    Rule(
        code="JXP405",
        name="training-mode",
        summary="The mode of a module: `self.training`, `train()` and `eval()`.",
        why="NNX keeps the mode in attributes that `train()` and `eval()` set: `deterministic` and "
        "`use_running_average`. Neither method returns the module.",
        fix_safety=_SAFETY,
        check=ported("JXP405"),
        examples=(
            Example(
                _HEAD + "    def forward(self, x):\n        return x if self.training else -x\n",
                port=_NNX + "    deterministic = False  # train() and eval() set it\n\n"
                "    def __call__(self, x):\n"
                "        return x if not self.deterministic else -x\n",
            ),
        ),
        accepts=("class Robot:\n    def run(self):\n        return self.training\n",),
        default=False,
    ),
    Rule(
        code="JXP406",
        name="super-init",
        summary="`super().__init__()` of a torch module.",
        why="torch's Module has to be set up before it gets attributes. NNX's has not.",
        fix_safety=_SAFETY,
        check=ported("JXP406"),
        examples=(
            Example(
                _HEAD + "    def __init__(self):\n        super().__init__()\n"
                "        self.scale = 2\n\n    def forward(self, x):\n        return x\n",
                port=_NNX + "    def __init__(self):\n        self.scale = 2\n\n"
                "    def __call__(self, x):\n        return x\n",
            ),
        ),
        accepts=(
            "class A:\n    def __init__(self):\n        super().__init__()\n",
        ),
        default=False,
    ),
    Rule(
        code="JXP407",
        name="module-magic",
        summary="What torch's Module does by itself: hooks, walks over modules, its own methods.",
        why="NNX has no hooks, and `nnx.iter_modules` to walk over a module's parts.",
        fix_safety=_SAFETY,
        check=ported("JXP407"),
        examples=(
            Example(
                "from torch import nn\n\nnet = nn.Identity()\nnet.register_forward_hook(print)\n"
            ),
        ),
        accepts=("registry.register_forward_hook(print)\n",),
        default=False,
    ),
    Rule(
        code="JXP408",
        name="variable-value",
        summary="The value of a parameter or buffer is read.",
        why="NNX keeps parameters and buffers as Variables. `[...]` takes the array out of one.",
        fix_safety=_SAFETY,
        check=ported("JXP408"),
        examples=(
            Example(
                "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def __init__(self):\n        super().__init__()\n"
                "        self.scale = nn.Parameter(torch.ones(3))\n\n"
                "    def forward(self, x):\n        return x * self.scale\n",
                port="import jax.numpy as jnp\nfrom flax import nnx\n\n\nclass Net(nnx.Module):\n"
                "    def __init__(self):\n"
                "        self.scale = nnx.Param(jnp.ones((3,)))\n\n"
                "    def __call__(self, x):\n        return x * self.scale[...]\n",
            ),
        ),
        accepts=("class Net:\n    def forward(self, x):\n        return x * self.scale\n",),
        default=False,
    ),
    Rule(
        code="JXP409",
        name="variable-replaced",
        summary="A parameter or buffer gets another value.",
        why="An assignment over a Variable of NNX replaces it by a bare array, which is neither "
        "trained nor saved. `set_value` puts the value into it.",
        fix_safety=_SAFETY,
        check=ported("JXP409"),
        examples=(
            Example(
                "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def __init__(self):\n        super().__init__()\n"
                '        self.register_buffer("last", torch.zeros(3))\n\n'
                "    def forward(self, x):\n        self.last = x * 2\n        return x\n",
                port="import jax.numpy as jnp\nfrom flax import nnx\n\n\nclass Net(nnx.Module):\n"
                "    def __init__(self):\n"
                "        self.last = nnx.BatchStat(jnp.zeros((3,)))\n\n"
                "    def __call__(self, x):\n        self.last.set_value(x * 2)\n"
                "        return x\n",
            ),
        ),
        accepts=("class Net:\n    def reset(self):\n        self.last = 0\n",),
        default=False,
    ),
    Rule(
        code="JXP410",
        name="attribute-of-data",
        summary="An attribute of a module holds arrays or modules at times, or in a container.",
        why="NNX decides at the first value whether an attribute is data, and refuses arrays and "
        "modules where it is not: in a list, or behind a None.",
        fix_safety=_SAFETY,
        check=ported("JXP410"),
        examples=(
            Example(
                "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def __init__(self):\n        super().__init__()\n"
                "        self.last = None\n\n"
                "    def forward(self, x):\n        self.last = torch.relu(x)\n"
                "        return self.last\n",
                port="import jax\nfrom flax import nnx\n\n\nclass Net(nnx.Module):\n"
                "    def __init__(self):\n"
                "        self.last = nnx.data(None)\n\n"
                "    def __call__(self, x):\n        self.last = jax.nn.relu(x)\n"
                "        return self.last\n",
            ),
            Example(
                "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def __init__(self):\n        super().__init__()\n"
                "        self.heads = [nn.Linear(2, 1), nn.Linear(2, 3)]\n",
            ),
        ),
        accepts=("class Net:\n    def __init__(self):\n        self.last = None\n",),
        default=False,
    ),
)
