"""JXP101: `register_buffer`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Example, File, Rule, method
from jaxport.rules._conversion import ported
from jaxport.rules._registration import named_value, registrations, why_not_plain
from jaxport.semantics.values import Literal


def _check(file: File) -> Iterator[Finding]:
    if file.porting:
        return ported("JXP101")(file)
    return registrations(file, "JXP101", "register_buffer", "BatchStat", _reason)


def _reason(file: File, call: ast.Call) -> tuple[str, str]:
    """Why the call stays, and why a rewrite is a guess."""
    given = named_value(call, ("name", "tensor", "persistent"))
    if isinstance(given, str):
        return given, ""
    persistent = given.get("persistent")
    if persistent is not None and not (
        isinstance(persistent, ast.Constant) and persistent.value is True
    ):
        return "a buffer that is not persistent would become part of the saved state", ""
    if "name" not in given or "tensor" not in given:
        return "it needs a name and a tensor", ""
    if Literal("NoneType") in file.model.infer(given["tensor"]):
        return "`BatchStat(None)` is not None, and code that asks for None would not see it", ""
    return why_not_plain(file, call, given["name"])


RULES = (
    Rule(
        code="JXP101",
        name="register-buffer",
        summary="A buffer that a torch module registers.",
        why="A torch module keeps tensors that are saved but not trained as buffers. Flax NNX "
        "keeps them as `Variable`s of a type that gradients leave out: `BatchStat`.",
        fix_safety="Left as it is where the buffer is not persistent, may be None, or is assigned "
        "or changed in place later: over an attribute that holds a `BatchStat`, "
        "`self.n = value` puts a bare array.",
        check=_check,
        triggers=(method("register_buffer"),),
        examples=(
            Example(
                "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def __init__(self, t):\n        super().__init__()\n"
                '        self.register_buffer("n", t)\n',
                "import flax.nnx\nimport torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def __init__(self, t):\n        super().__init__()\n"
                '        setattr(self, "n", flax.nnx.BatchStat(t))\n',
                "import flax.nnx\nimport torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                "    def __init__(self, t):\n        super().__init__()\n"
                '        setattr(self, "n", flax.nnx.BatchStat(t))\n',
            ),
            Example(
                "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
                '        self.register_buffer("n", t, persistent=False)\n'
            ),
            Example(
                "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
                '        self.register_buffer("n", t)\n\n    def forward(self, x):\n'
                "        self.n += 1\n        return x\n"
            ),
        ),
        accepts=(
            "class Plan:\n    def register_buffer(self, name, t):\n        pass\n\n\n"
            'Plan().register_buffer("n", 3)\n',
        ),
    ),
)
