"""JXP5 to JXP9: what code does with tensors, which `jaxport port` writes for JAX arrays."""

from __future__ import annotations

from jaxport.rules import Example, Rule
from jaxport.rules._conversion import ported

_SAFETY = "`jaxport port` rewrites it, with the whole file or not at all."
_LEFT = "There is no fix: a person has to decide."

RULES = (
    Rule(
        code="JXP501",
        name="in-place",
        summary="A tensor that is changed in place.",
        why="JAX arrays never change. `x = x.at[i].set(v)` gives a new one under the same name, "
        "which is the same only where nothing else looks at the memory of the old one.",
        fix_safety=_SAFETY + " It stays where a view, a container or the caller shares the tensor.",
        check=ported("JXP501"),
        examples=(
            Example(
                "import torch\n\nx = torch.zeros(3)\nx[0] = 1.0\n",
                port="import jax.numpy as jnp\n\nx = jnp.zeros((3,))\nx = x.at[0].set(1.0)\n",
            ),
            Example("import torch\n\nx = torch.zeros(3)\ny = x[:2]\nx[0] = 1.0\nprint(y)\n"),
        ),
        accepts=("x = [1, 2]\nx[0] = 3\n", "x = 1\nx += 2\n"),
        default=False,
    ),
    Rule(
        code="JXP502",
        name="data-dependent-flow",
        summary="A module in which the value of a tensor decides what runs.",
        why="Under `nnx.jit` the values are not known when the Python code runs.",
        fix_safety=_LEFT,
        check=ported("JXP502"),
        examples=(
            Example(
                "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def forward(self, x):\n        if torch.sum(x) > 0:\n            return x\n"
                "        return -x\n"
            ),
        ),
        accepts=(
            "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
            "        return x if x.shape[0] > 1 else -x\n",
        ),
        default=False,
    ),
    Rule(
        code="JXP503",
        name="value-of-array",
        summary="A module that takes a number out of a tensor.",
        why="`item()`, `int()` and `float()` need a value, and under `nnx.jit` there is none.",
        fix_safety=_LEFT,
        check=ported("JXP503"),
        examples=(
            Example(
                "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def forward(self, x):\n        return torch.sum(x).item()\n"
            ),
        ),
        accepts=("import torch\n\nprint(torch.zeros(()).item())\n",),
        default=False,
    ),
    Rule(
        code="JXP601",
        name="random-numbers",
        summary="Random numbers from torch's global generator.",
        why="JAX draws from keys. NNX makes them from `nnx.Rngs`, which a seed starts.",
        fix_safety=_SAFETY + " The numbers come from the same distribution, and are others.",
        check=ported("JXP601"),
        examples=(
            Example(
                "import torch\n\ntorch.manual_seed(3)\nnoise = torch.rand(2, 3)\n",
                port="import jax\nfrom flax import nnx\n\nrngs = nnx.Rngs(3)\n"
                "noise = jax.random.uniform(rngs(), (2, 3))\n",
            ),
        ),
        accepts=("import random\n\nrandom.seed(3)\n",),
        default=False,
    ),
    Rule(
        code="JXP602",
        name="initial-values",
        summary="A function of `torch.nn.init`.",
        why="It fills a tensor in place. In NNX the value of the Variable is assigned.",
        fix_safety=_SAFETY,
        check=ported("JXP602"),
        examples=(
            Example("from torch import nn\n\nw = nn.init.zeros_(make())\n"),
        ),
        accepts=("zeros_(make())\n",),
        default=False,
    ),
    Rule(
        code="JXP701",
        name="device",
        summary="Code that places tensors on a device, or casts them with `to`.",
        why="JAX puts arrays on its default device by itself.",
        fix_safety=_SAFETY,
        check=ported("JXP701"),
        examples=(
            Example(
                'import torch\n\nx = torch.zeros(3).to("cuda")\n',
                port="import jax.numpy as jnp\n\nx = jnp.zeros((3,))\n",
            ),
        ),
        accepts=('path = folder.to("cuda")\n',),
        default=False,
    ),
    Rule(
        code="JXP702",
        name="autograd-switch",
        summary="What turns torch's gradients on or off.",
        why="JAX differentiates functions, and nothing else. Inside of one, `stop_gradient` says "
        "what is a constant.",
        fix_safety=_SAFETY,
        check=ported("JXP702"),
        examples=(
            Example(
                "import torch\n\nx = torch.zeros(3)\nwith torch.no_grad():\n    y = x * 2\n",
                port="import jax.numpy as jnp\n\nx = jnp.zeros((3,))\ny = x * 2\n",
            ),
        ),
        accepts=("with open(path) as file:\n    file.read()\n",),
        default=False,
    ),
    Rule(
        code="JXP703",
        name="compiled",
        summary="A model that is compiled for torch.",
        why="In JAX `nnx.jit` compiles, and takes the functions that you give it.",
        fix_safety=_LEFT,
        check=ported("JXP703"),
        examples=(Example("import torch\n\nnet = torch.compile(make())\n"),),
        accepts=("import re\n\nre.compile('a')\n",),
        default=False,
    ),
    Rule(
        code="JXP801",
        name="torch-file",
        summary="A file in torch's own format, or a tensor handed to NumPy.",
        why="JAX reads no torch checkpoints. `jaxport weights` writes a script that converts one.",
        fix_safety=_LEFT,
        check=ported("JXP801"),
        examples=(Example('import torch\n\nstate = torch.load("model.pt")\n'),),
        accepts=("import json\n\njson.load(open('a'))\n",),
        default=False,
    ),
    Rule(
        code="JXP901",
        name="function",
        summary="A function of torch that JAX writes differently.",
        why="The names and arguments differ, and sometimes the defaults.",
        fix_safety=_SAFETY,
        check=ported("JXP901"),
        examples=(
            Example(
                "import torch\n\nx = torch.cat([torch.zeros(2), torch.ones(2)], dim=0)\n",
                port="import jax.numpy as jnp\n\n"
                "x = jnp.concatenate([jnp.zeros((2,)), jnp.ones((2,))], axis=0)\n",
            ),
        ),
        accepts=("import numpy as np\n\nx = np.concatenate([a, b])\n",),
        default=False,
    ),
    Rule(
        code="JXP902",
        name="method",
        summary="A method of tensors that JAX arrays have not, or that means something else there.",
        why="`x.transpose(1, 2)` swaps two axes in torch and is an error in JAX.",
        fix_safety=_SAFETY,
        check=ported("JXP902"),
        examples=(
            Example(
                "import torch\n\nx = torch.zeros(2, 3).unsqueeze(1)\n",
                port="import jax.numpy as jnp\n\nx = jnp.expand_dims(jnp.zeros((2, 3)), 1)\n",
            ),
        ),
        accepts=("def f(x):\n    return x.sum()\n",),
        default=False,
    ),
    Rule(
        code="JXP903",
        name="constant",
        summary="A type or a constant of torch.",
        why="JAX has its own under other names.",
        fix_safety=_SAFETY,
        check=ported("JXP903"),
        examples=(
            Example(
                "import torch\n\nx = torch.zeros(2, dtype=torch.float32)\n",
                port="import jax.numpy as jnp\n\nx = jnp.zeros((2,), dtype=jnp.float32)\n",
            ),
        ),
        accepts=("import math\n\nprint(math.pi)\n",),
        default=False,
    ),
)
