"""Changes in place: what others see blocks, what nobody sees is written and computes the same."""

from __future__ import annotations

import runpy
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from jaxport import port, transfer
from jaxport import source as sources
from jaxport.config import Config

HEAD = ("import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
        "from functools import partial\n\n\n")  # fmt: skip


def net(forward: str, init: str = "", before: str = "") -> str:
    lines = ["class Net(nn.Module):", "    def __init__(self):", "        super().__init__()",
             "        self.l = nn.Linear(4, 4)"]  # fmt: skip
    lines += [f"        {line}" for line in init.splitlines()]
    lines += ["", "    def forward(self, x):"]
    lines += [f"        {line}" if line else "" for line in forward.splitlines()]
    return HEAD + before + "\n".join(lines) + "\n"


def reasons(text: str) -> list[str]:
    """Why changes in place of the text are not written."""
    result = port.port_source(sources.parse(Path("never-there.py"), text.encode()), Config())
    return [item.message for item in result.blockers if item.code == "JXP501"]


RELU = "self.act = nn.ReLU(inplace=True)"
SEEN_LAYERS = {
    "keyword": (RELU, "h = self.l(x)\nreturn self.act(h) + h"),
    "position": ("self.act = nn.ReLU(True)", "h = self.l(x)\nreturn self.act(h) + h"),
    "dropout": ("self.act = nn.Dropout(0.1, True)", "h = self.l(x)\nreturn self.act(h) + h"),
    "read before": (RELU, "h = self.l(x)\nreturn h + self.act(h)"),
    "augmented": (RELU, "h = self.l(x)\nh += self.act(h)\nreturn h"),
    "caller": (RELU, "y = self.act(x)\nreturn y"),
    "view": (RELU, "h = self.l(x)\nk = h.view(-1)\nh = self.act(h)\nreturn h, k"),
    "list": (RELU, "h = self.l(x)\nseen = [h]\nh = self.act(h)\nreturn h, seen"),
    "partial": ("act = partial(nn.ReLU, inplace=True)\nself.act = act()",
                "h = self.l(x)\nreturn self.act(h) + h"),
    "variable": ("act = nn.ReLU\nself.act = act(inplace=True)",
                 "h = self.l(x)\nreturn self.act(h) + h"),
    "forward": (RELU, "h = self.l(x)\nreturn self.act.forward(h) + h"),
    "sequential": ("self.act = nn.Sequential(nn.Dropout(0.0), nn.ReLU(True), nn.Linear(4, 4))",
                   "h = self.l(x)\nreturn self.act(h) + h"),
    "listed": ("layers = [nn.ReLU(True)]\nlayers.append(nn.Linear(4, 4))\n"
               "self.act = nn.Sequential(*layers)", "h = self.l(x)\nreturn self.act(h) + h"),
    "module list": ("self.acts = nn.ModuleList([nn.ReLU(True), nn.SiLU(True)])",
                    "h = self.l(x)\nouts = []\nfor act in self.acts:\n    outs.append(h)\n"
                    "    h = act(h)\nreturn outs"),
    "function": ("", "h = self.l(x)\nskip = h\nh = F.relu(h, inplace=True)\nreturn h + skip"),
    "function by place": ("", "h = self.l(x)\nreturn F.relu(h, True) + h"),
    "statement": ("", "h = self.l(x)\nF.relu(h, inplace=True)\nreturn h"),
    "relu_": ("", "h = self.l(x)\ng = torch.relu_(h)\nreturn g, h"),
}  # fmt: skip


@pytest.mark.parametrize(("init", "forward"), SEEN_LAYERS.values(), ids=SEEN_LAYERS)
def test_what_a_layer_changes_and_others_read_blocks(init: str, forward: str) -> None:
    assert any("change" in reason.split("not rewritten")[1]
               for reason in reasons(net(forward, init)))


def test_a_layer_that_is_given_as_a_parameter_is_known() -> None:
    text = net("h = self.l(x)\nreturn self.act(h) + h", "self.act = act").replace(
        "__init__(self)", "__init__(self, act=nn.ReLU(inplace=True))", 1)
    assert any("`h` shares its memory" in reason for reason in reasons(text))


def test_a_sequential_class_is_what_it_gives_to_its_base() -> None:
    before = ("class Acts(nn.Sequential):\n    def __init__(self):\n"
              "        super().__init__(nn.ReLU(True), nn.Linear(4, 4))\n\n\n")
    text = net("h = self.l(x)\nreturn self.acts(h) + h", "self.acts = Acts()", before)
    assert any("`h` shares its memory" in reason for reason in reasons(text))


SEEN = {
    "loop keeps": ("hidden = {}\nfor i in range(3):\n    h += self.l(h)\n    hidden[i] = h\n"
                   "return hidden", "`hidden`"),
    "loop appends": ("outs = []\nfor t in range(3):\n    h[:, t] = x[:, t]\n    outs.append(h)\n"
                     "return outs", "`outs`"),
    "loop remembers": ("prev = torch.zeros(4)\nd = 0\nfor t in range(3):\n    h += 1\n"
                       "    d = d + (h - prev).sum()\n    prev = h\nreturn d", "`prev`"),
    "loop sometimes": ("best = h\nfor t in range(3):\n    h += 1\n    if t == 1:\n"
                       "        best = h\nreturn best", "`best`"),
    "generator": ("for t in range(3):\n    h += t\n    yield h", "kept elsewhere"),
    "chain": ("a = b = x * 2\na += 1\nreturn a, b", "`b`"),
    "swap": ("b = x * 3\nh, b = b, h\nc = h\nh += 1\nreturn h, b, c", "`c`"),
    "walrus": ("z = (y := x * 2)\ny += 1\nreturn z", "`z`"),
    "item of a list": ("outs = [h, x * 3]\nouts[0] += 1\nreturn h", "`h`"),
    "item of a dict": ("d = {'a': h}\nd['a'] += 1\nreturn h", "`h`"),
    "twice": ("outs = [h, h]\nouts[0] += 1\nreturn outs", "twice"),
    "times": ("outs = [h] * 2\nh += 1\nreturn outs", "`outs`"),
    "plus": ("outs = ()\nouts = outs + (h,)\nh += 1\nreturn outs", "`outs`"),
    "augmented list": ("outs = []\nouts += [h]\nh += 1\nreturn outs", "`outs`"),
    "appended view": ("outs = []\nouts.append(h[:, -1])\nh += 1\nreturn outs", "`outs`"),
    "appended pair": ("outs = []\nouts.append((h, 1))\nh += 1\nreturn outs", "`outs`"),
    "comprehension": ("views = [h[i] for i in range(3)]\nh += 1\nreturn views", "`views`"),
    "zip": ("xs = [x * 1, x * 2]\nys = [x * 3, x * 4]\nfor a, b in zip(xs, ys):\n    a += b\n"
            "return xs", "`xs`"),
    "elements": ("xs = [x * 1, x * 2]\nfor a in xs:\n    a += 1\nreturn xs", "`xs`"),
    "rows": ("for row in h:\n    row += 1\nreturn h", "`h`"),
    "part": ("a, b = h.chunk(2, dim=-1)\na *= 2\nreturn a, h", "`h`"),
    "einsum": ("t = torch.einsum('ij->ji', h)\nh += 1\nreturn t", "`t`"),
    "broadcast": ("a, b = torch.broadcast_tensors(h, x[:, :1] * 1)\nh += 1\nreturn a", "`a`"),
    "dropout": ("a = F.dropout(h, 0.5, training=False)\nh += 1\nreturn a", "`a`"),
    "plus sign": ("a = +h\nh += 1\nreturn a", "`a`"),
    "detached": ("a = h.detach()\nh += 1\nreturn a", "`a`"),
    "view changed": ("g = h.view(-1).add_(1)\nreturn g, h", "`h`"),
    "closure": ("a = h\ndef g():\n    return a\nh += 1\nreturn g()", "`a`"),
    "attribute": ("self.last = h\nh += 1\nreturn h", "`self.last`"),
    "outer list": ("KEPT.append(h)\nh += 1\nreturn h", "kept elsewhere"),
    "helper gives": ("a = gives(h)\nh += 1\nreturn a", "`a`"),
    "helper keeps": ("outs = []\nkeeps(outs, h)\nh += 1\nreturn h", "kept elsewhere"),
}  # fmt: skip
HELPERS = ("KEPT = []\n\n\ndef gives(t):\n    return t.view(-1)\n\n\n"
           "def keeps(outs, t):\n    outs.append(t)\n\n\n")  # fmt: skip


@pytest.mark.parametrize(("forward", "reason"), SEEN.values(), ids=SEEN)
def test_what_others_see_blocks(forward: str, reason: str) -> None:
    found = reasons(net(f"h = x * 2\n{forward}", before=HELPERS))
    assert any(reason in item for item in found), found


@pytest.mark.parametrize("layer", ["nn.Identity()", "nn.Sequential()", "nn.Dropout(0.5)"])
def test_a_layer_can_give_the_tensor_itself(layer: str) -> None:
    found = reasons(net("h = x * 2\ny = self.same(h)\ny += 1\nreturn h, y", f"self.same = {layer}"))
    assert any("`h` shares its memory" in item for item in found)


def test_a_buffer_that_a_variable_holds_blocks() -> None:
    found = reasons(net("m = self.mean\nself.mean.mul_(2)\nreturn x + m",
                        "self.register_buffer('mean', torch.zeros(4))"))
    assert any("`m` shares its memory" in item for item in found)


@pytest.mark.parametrize("change", ["t.data.mul_(2)", "t.data = t * 2", "t.mul_(2)", "t[0] = 2"])
def test_what_a_caller_gave_blocks(change: str) -> None:
    found = reasons(f"{HEAD}def f(t: torch.Tensor):\n    {change}\n    return None\n")
    assert any("`t` is the caller's tensor" in item for item in found)


def test_a_lambda_that_changes_its_parameter_blocks() -> None:
    found = reasons(net("return self.act(x)", "self.act = lambda t: F.relu(t, inplace=True)"))
    assert any("`t` is the caller's tensor" in item for item in found)


def test_a_method_that_keeps_what_it_is_given_is_known() -> None:
    inner = "    def inner(self, x):\n        self.last = x\n        return x * 2\n\n"
    text = net("h = x * 2\ny = self.inner(h)\nh += 1\nreturn y, self.last")
    found = reasons(text.replace("    def forward", f"{inner}    def forward"))
    assert any("kept elsewhere" in item for item in found)


UNSEEN = {
    "read again": (RELU, "h = self.l(x)\nh = self.act(h)\nh = self.act(self.l(h))\nreturn h"),
    "residual": (RELU, "skip = x\nh = self.act(self.l(x))\nh = self.l(h)\nh += skip\n"
                 "h = self.act(h)\nreturn h"),
    "first is new": ("self.s = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))",
                     "h = self.l(x)\nreturn self.s(h) + h"),
    "listed in a loop": ("layers = []\nfor _ in range(2):\n"
                         "    layers += [nn.Linear(4, 4), nn.ReLU(True)]\n"
                         "self.s = nn.Sequential(*layers)", "h = self.l(x)\nreturn self.s(h) + h"),
    "said to be false": ("self.act = nn.ReLU(inplace=False)", "return self.act(x) + x"),
    "only its shape": (RELU, "h = self.l(x)\ny = self.act(h)\nreturn y.view(h.shape)"),
    "kept after": ("", "outs = []\nfor i in range(3):\n    x = self.l(x)\n    x += i\n"
                   "    outs.append(x)\nreturn torch.stack(outs)"),
    "other parts": ("", "a, b = self.l(x).chunk(2, dim=-1)\na *= 3\nreturn a + b"),
    "counters": ("", "n = 0\nh = self.l(x)\nfor i in range(3):\n    n += i\n    h *= n\n"
                 "return h"),
    "rows set": ("", "h = torch.zeros(3, 4)\nfor i in range(3):\n    h[i] = x[i] * i\nreturn h"),
    "a copy": ("", "h = self.l(x)\nk = h * 1\nh += 1\nreturn h * k"),
}  # fmt: skip


@pytest.mark.parametrize(("init", "forward"), UNSEEN.values(), ids=UNSEEN)
def test_what_nobody_sees_computes_the_same(tmp_path: Path, init: str, forward: str) -> None:
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(net(forward, init).replace("from functools import partial\n", ""))
    result = port.port_path(before, Config())
    assert [item.message for item in result.blockers] == []
    assert result.text is not None
    after.write_text(result.text)
    given = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    old = runpy.run_path(str(before))["Net"]()
    new = runpy.run_path(str(after))["Net"](rngs=nnx.Rngs(0))
    layouts = transfer.functions(transfer.layouts(transfer.files(after)))
    transfer.fill(new, old.state_dict(), layouts)
    with torch.no_grad():
        expected = old(torch.from_numpy(given.copy())).numpy()
    np.testing.assert_allclose(new(jnp.asarray(given)), expected, rtol=1e-4, atol=1e-5)
