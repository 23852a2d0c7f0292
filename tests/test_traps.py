"""Each trap of the nine rewrites: rewritten right, or left with a reason. And look-alikes."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from jaxport import check
from jaxport.config import Config


def fixed(text: str, unsafe: bool = False) -> check.Checked:
    return check.check_bytes(Path("never-there.py"), text.encode(), Config(), True, unsafe)


def module(body: str, rest: str = "") -> str:
    head = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
    method = "    def __init__(self, t, args=(), **options):\n        super().__init__()\n"
    return head + method + indent(dedent(body), " " * 8) + indent(dedent(rest), " " * 4)


def script(body: str) -> str:
    head = "import copy\nimport jax\nimport optax\nimport torch\nfrom torch import nn\n\n"
    return head + "a = nn.Linear(2, 2)\nb = nn.Linear(2, 2)\n" + dedent(body)


LEFT = {
    "persistent": (module('self.register_buffer("n", t, persistent=False)\n'), "JXP101"),
    "persistent by position": (module('self.register_buffer("n", t, False)\n'), "JXP101"),
    "persistence unknown": (module('self.register_buffer("n", t, persistent=args)\n'), "JXP101"),
    "starred": (module("self.register_buffer(*args)\n"), "JXP101"),
    "double starred": (module('self.register_buffer("n", **options)\n'), "JXP101"),
    "None": (module('self.register_buffer("n", None)\n'), "JXP101"),
    "name unknown": (module("self.register_buffer(t.name, t)\n"), "JXP101"),
    "assigned later": (
        module('self.register_buffer("n", t)\n', "def reset(self):\n    self.n = 0\n"), "JXP101",
    ),
    "changed in place": (
        module('self.register_buffer("n", t)\n', "def reset(self):\n    self.n.zero_()\n"),
        "JXP101",
    ),
    "item assigned": (
        module('self.register_buffer("n", t)\n', "def reset(self):\n    self.n[0] = 1\n"), "JXP101",
    ),
    "compared with None": (
        module('self.register_buffer("n", t)\n', "def f(self):\n    return self.n is None\n"),
        "JXP101",
    ),
    "f-string name assigned": (
        module('self.register_buffer(f"n_{args}", t)\n', "def f(self):\n    self.n_1 += 1\n"),
        "JXP101",
    ),
    "tested": (
        module('self.register_buffer("n", t)\n', "def f(self):\n    return 1 if self.n else 2\n"),
        "JXP101",
    ),
    "an index": (
        module('self.register_buffer("n", t)\n', "def f(self, x):\n    return x[self.n]\n"),
        "JXP101",
    ),
    "starred betas": (
        script("o = torch.optim.Adam(a.parameters(), betas=(*b, 0.5))\n"), "JXP201",
    ),
    "a torch number": (
        script("o = torch.optim.Adam(a.parameters(), lr=torch.tensor(0.1))\n"), "JXP201",
    ),
    "initialised in place": (
        module('self.register_buffer("n", t)\nnn.init.ones_(self.n)\n'), "JXP101",
    ),
    "updated by torch": (
        module(
            'self.register_buffer("n", t)\n',
            "def f(self, x):\n    return nn.functional.batch_norm(x, self.n, self.n)\n",
        ), "JXP101",
    ),
    "changed by another name": (
        module('self.register_buffer("n", t)\n', "def f(self):\n    n = self.n\n    n += 1\n"),
        "JXP101",
    ),
    "reached by its name": (
        module('self.register_buffer("n", t)\n', "def f(self):\n    setattr(self, 'n', 1)\n"),
        "JXP101",
    ),
    "perhaps None": (
        module('self.register_buffer("n", self.make())\n',
               "def make(self):\n    if self.x:\n        return self.x\n"), "JXP101",
    ),
    "parameter None": (module('self.register_parameter("n", None)\n'), "JXP102"),
    "parameter frozen": (
        module('self.register_parameter("n", nn.Parameter(t, False))\n'), "JXP102",
    ),
    "parameter frozen later": (
        module('self.register_parameter("n", t)\nself.n.requires_grad = False\n'), "JXP102",
    ),
    "state by key": (script('w = a.state_dict()["weight"]\n'), "JXP103"),
    "state iterated": (script("for k, v in a.state_dict().items():\n    print(k)\n"), "JXP103"),
    "state with prefix": (script('s = a.state_dict(prefix="x")\n'), "JXP103"),
    "result used": (script("res = a.load_state_dict(b.state_dict())\n"), "JXP104"),
    "not strict": (script("a.load_state_dict(b.state_dict(), strict=False)\n"), "JXP104"),
    "checkpoint": (script('a.load_state_dict(torch.load("f"))\n'), "JXP104"),
    "checkpoint by name": (script('s = torch.load("f")\na.load_state_dict(s)\n'), "JXP104"),
    "checkpoint entry": (script('s = torch.load("f")\na.load_state_dict(s["m"])\n'), "JXP104"),
    "safetensors": (
        "from safetensors.torch import load_file\n"
        + script('a.load_state_dict(load_file("f"))\n'), "JXP104",
    ),
    "other class": (
        script("c = nn.Conv2d(1, 1, 1)\nc.load_state_dict(a.state_dict())\n"), "JXP104",
    ),
    "first parameter": (script("d = next(a.parameters()).dtype\n"), "JXP105"),
    "frozen": (script("for p in a.parameters():\n    p.requires_grad_(False)\n"), "JXP105"),
    "gradients": (script("n = sum(p.grad.sum() for p in a.parameters())\n"), "JXP105"),
    "paired": (
        script("for p, q in zip(a.parameters(), b.parameters()):\n    print(p, q)\n"), "JXP105",
    ),
    "compared by identity": (
        script("n = any(p is a.weight for p in a.parameters())\n"), "JXP105",
    ),
    "sliced": (script("n = [p for p in a.parameters()][:2]\n"), "JXP105"),
    "of super": (
        module("", "def f(self):\n    return sum(p.sum() for p in super().parameters())\n"),
        "JXP105",
    ),
    "pretrained": (
        script("def f(weights):\n    a.load_state_dict(weights.get_state_dict())\n"), "JXP104",
    ),
    "clipping": (script("nn.utils.clip_grad_norm_(a.parameters(), 1.0)\n"), "JXP105"),
    "parameter groups": (
        script('o = torch.optim.SGD([{"params": a.parameters(), "lr": 1}], lr=2)\n'), "JXP201",
    ),
    "filtered": (
        script(
            "o = torch.optim.SGD(filter(lambda p: p.requires_grad, a.parameters()), lr=2)\n"
        ), "JXP201",
    ),
    "unknown argument": (script("o = torch.optim.SGD(a.parameters(), lr=2, speed=3)\n"), "JXP201"),
    "annotated, and used elsewhere": (
        script("o: object = torch.optim.SGD(a.parameters())\nschedule(o)\n"), "JXP201",
    ),
    "not exact": (script("o = torch.optim.NAdam(a.parameters())\n"), "JXP201"),
    "amsgrad": (script("o = torch.optim.Adam(a.parameters(), amsgrad=True)\n"), "JXP201"),
    "closure": (
        script("o = torch.optim.SGD(a.parameters())\no.step(lambda: 1)\n"), "JXP202",
    ),
    "scaler": (
        script(
            "o = torch.optim.SGD(a.parameters())\ns = torch.amp.GradScaler()\ns.step(o)\n"
        ), "JXP202",
    ),
    "accumulation": (
        script(
            """
            o = torch.optim.SGD(a.parameters())
            for i in range(8):
                a(torch.ones(1, 2)).sum().backward()
                if i % 4 == 3:
                    o.zero_grad()
            """
        ), "JXP203",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), LEFT.values(), ids=LEFT)
def test_it_is_reported_and_left(text: str, code: str) -> None:
    checked = fixed(text, unsafe=True)
    written = checked.text or text
    assert [finding for finding in checked.findings if finding.code == code]
    kept = [line for line in written.splitlines() if "# jaxport:" not in line]
    assert kept == text.splitlines()


UNSAFE = {
    "returned state": script("def f():\n    return a.state_dict()\n"),
    "state read after training": script(
        "s = a.state_dict()\ntrain(a)\nb.load_state_dict(s)\n"
    ),
    "origin unknown": script("def f(state):\n    a.load_state_dict(state)\n"),
    "the loop depends on the order": script(
        "i = t = 0\nfor p in a.parameters():\n    i += 1\n    t += i * p.sum()\n"
    ),
    "items handed on": script("n = sum(f(p) for p in a.parameters())\n"),
    "buffer handed on": module(
        'self.register_buffer("n", t)\n', "def f(self):\n    helper(self.n)\n"
    ) + "\n\ndef helper(n):\n    n += 1\n",
    "a list of parameters": script("p = list(a.parameters())\n"),
    "training is the caller's": module(
        "self.bn = nn.BatchNorm1d(2)\n", "def forward(self, x, training):\n    return self.bn(x)\n"
    ),
}


@pytest.mark.parametrize("text", UNSAFE.values(), ids=UNSAFE)
def test_it_is_rewritten_only_when_asked(text: str) -> None:
    assert fixed(text).text is None
    assert fixed(text, unsafe=True).text is not None


def test_a_pair_is_not_halved_by_noqa() -> None:
    text = script("s = a.state_dict()  # noqa: JXP103\nb.load_state_dict(s)\n")
    assert fixed(text).text is None


LAYERS = {
    "list": "self.l = nn.ModuleList([nn.BatchNorm1d(2)])\n",
    "appended": "self.l = nn.ModuleList()\nself.l.append(nn.BatchNorm1d(2))\n",
    "dictionary": 'self.l = nn.ModuleDict({"a": nn.BatchNorm1d(2)})\n',
    "sequence": "self.l = nn.Sequential(nn.BatchNorm1d(2))\n",
    "mixed, each in turn": "self.l = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))\n",
    "table": "kinds = dict(bn=nn.BatchNorm1d)\nself.l = [kinds.get('bn')(2)]\n",
    "pair": "x, self.l = self.make()\n",
}


@pytest.mark.parametrize("made", LAYERS.values(), ids=LAYERS)
def test_layers_in_containers_are_known(made: str) -> None:
    rest = (
        "def make(self):\n    return 3, [nn.BatchNorm1d(2)]\n\n"
        "def forward(self, x):\n    for layer in self.l:\n        x = layer(x)\n    return x\n"
    )
    assert "JXP301" in {finding.code for finding in fixed(module(made, rest)).findings}


PORTED = """\
import jax
import optax
from flax import nnx


class Net(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.bn = nnx.BatchNorm(3, rngs=rngs)
        self.mean = nnx.BatchStat(jax.numpy.zeros(3))

    def __call__(self, x, training: bool):
        return self.bn(x - self.mean[...])


def train(model: Net, loss_fn, batches):
    params = nnx.state(model, nnx.Param)
    optimizer = optax.adamw(1e-3)
    opt_state = optimizer.init(params)
    for batch in batches:
        grads = jax.grad(loss_fn)(params, batch)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
    nnx.update(model, params)
    return nnx.to_pure_dict(nnx.state(model))
"""


def test_ported_code_is_clean_with_every_rule_on() -> None:
    everything = Config(select=("ALL",))
    assert check.check_bytes(Path("x.py"), PORTED.encode(), everything).findings == []


def test_a_step_left_on_an_optax_optimizer_is_rewritten_alone() -> None:
    updates = "        updates, opt_state = optimizer.update(grads, opt_state, params)\n"
    apply = "        params = optax.apply_updates(params, updates)\n"
    half = PORTED.replace(updates + apply, "        optimizer.step()\n")
    assert fixed(half).text == PORTED


def test_the_comment_goes_when_the_step_is_ported_at_last() -> None:
    updates = "        updates, opt_state = optimizer.update(grads, opt_state, params)\n"
    apply = "        params = optax.apply_updates(params, updates)\n"
    comment = "        # jaxport: JXP202 not ported: no `grads` here to update with\n"
    half = PORTED.replace(updates + apply, comment + "        optimizer.step()\n")
    assert fixed(half).text == PORTED


def test_a_step_in_parentheses_over_two_lines_is_rewritten() -> None:
    updates = "        updates, opt_state = optimizer.update(grads, opt_state, params)\n"
    apply = "        params = optax.apply_updates(params, updates)\n"
    half = PORTED.replace(
        updates + apply, "        (optimizer\n            .step())  # here\n"
    ).replace("        grads =", "        (optimizer.zero_grad()); grads =")
    expected = PORTED.replace(apply, apply.rstrip() + "  # here\n")
    assert fixed(half).text == expected


@pytest.mark.parametrize(("before", "after"), [
    ("opt.zero_grad() ;  # y", ""),
    ("opt.zero_grad();", ""),
    ("opt.zero_grad(\n        ); x = 1", "        x = 1\n"),
    ("x = 1; \\\n          opt.zero_grad()", "        x = 1\n"),
    ("opt.zero_grad(); \\\n          x = 1", "        x = 1\n"),
    ("opt.zero_grad(); \\\n          opt.zero_grad() ; # x", ""),
    ("\\\n        opt.zero_grad()", "        \\\n        pass\n"),
    ("if i: opt.zero_grad(); opt.zero_grad();", "        if i: pass;\n"),
    ("if i:\\\n          opt.zero_grad()", "        if i:\\\n          pass\n"),
    ("opt.zero_grad(); x = 1; opt.zero_grad() ; # y", "        x = 1 ; # y\n"),
])  # fmt: skip
def test_what_separates_statements_goes_with_them(before: str, after: str) -> None:
    updates = "        updates, opt_state = optimizer.update(grads, opt_state, params)\n"
    apply = "        params = optax.apply_updates(params, updates)\n"
    line = before.replace("opt.", "optimizer.")
    half = PORTED.replace(updates + apply, f"        {line}\n        optimizer.step()\n")
    assert fixed(half).text == PORTED.replace(updates, after + updates)


def test_a_step_that_a_backslash_continues() -> None:
    updates = "updates, opt_state = optimizer.update(grads, opt_state, params)"
    apply = "params = optax.apply_updates(params, updates)"
    lines = f"        {updates}\n        {apply}\n"
    half = PORTED.replace(lines, "        if batch:\\\n          optimizer.step()\n")
    assert fixed(half).text == PORTED.replace(
        lines, f"        if batch:\\\n          {updates}; {apply}\n"
    )
    no_grads = half.replace("grads = jax", "others = jax")
    assert fixed(no_grads).text is None  # there is no place for the comment
    assert "JXP202" in {finding.code for finding in fixed(no_grads).findings}


def test_one_of_a_table_of_layers_is_a_batch_norm_only_if_it_is_called_so() -> None:
    for name, codes in (("norm", set()), ("bn", {"JXP301"})):
        text = module(
            "kinds = {'b': nn.BatchNorm1d, 'l': nn.LayerNorm}\n"
            f"self.{name} = kinds[args](2)\n",
            f"def forward(self, x):\n    return self.{name}(x)\n",
        )
        assert {finding.code for finding in fixed(text).findings} == codes


GIVEN = {
    "a default behind an annotation": "self.norm = kind(2)\n",
    "chosen by a function": "self.norm = pick(kind)(2)\n",
    "made by a function": "self.norm = make(kind, 2)\n",
    "bound to options": "kind = partial(pick(kind), eps=1e-3)\nself.norm = kind(2)\n",
    "unless there is none": "self.norm = kind(2) if kind else nn.Identity()\n",
    "by a keyword": "self.norm = other(2)\n",
    "by the options of a function": "self.norm = third(2)\n",
    "instead of a default": "self.norm = fourth(2)\n",
    "not by anyone, but the attribute is called so": "self.bn = fifth(2)\n",
    "not by anyone, without an annotation": "self.bn = sixth(2)\n",
    "in a list": "self.list = nn.ModuleList([other(2), other(3)])\n",
}
CHOICE = """
from functools import partial
from typing import Optional, Type
from torch import nn

TABLE = dict(batch=nn.BatchNorm2d, layer=nn.LayerNorm)

def pick(kind, default="layer"):
    if isinstance(kind, str):
        found = TABLE[kind]
    else:
        found = TABLE.get(kind.__name__, None)
    return partial(found, eps=1e-5)

def make(kind, size):
    return pick(kind)(size)
"""


@pytest.mark.parametrize("made", GIVEN.values(), ids=GIVEN)
def test_a_batch_norm_that_the_caller_gives_is_reported_and_left(
    made: str, tmp_path: Path
) -> None:
    (tmp_path / "choice.py").write_text(CHOICE)
    kinds = (
        "kind: Type[nn.Module] = nn.BatchNorm2d, other: Optional[Type[nn.Module]] = None, "
        "third=None, fourth: Type[nn.Module] = nn.LayerNorm, "
        "fifth: Optional[Type[nn.Module]] = None, sixth=None"
    )
    used = "for item in self.list:\n        x = item(x)\n" if "list" in made else (
        f"x = self.{made.split('self.')[1].split(' ')[0]}(x)\n"
    )
    text = module(made, f"def forward(self, x):\n    training = self.training\n    {used}")
    text = text.replace("t, args=(), **options", kinds).replace(
        "import torch\n", "from choice import make, partial, pick, Optional, Type\nimport torch\n"
    )
    text += (
        "\n\ndef build(**options):\n    return Net(**options)\n\n\n"
        "nets = Net(other=nn.BatchNorm2d), build(**dict(third=nn.BatchNorm2d)), "
        "build(fourth=nn.BatchNorm2d)\n"
    )
    (tmp_path / "net.py").write_text(text)
    checked = check.check_path(tmp_path / "net.py", Config(), fix=True)
    assert checked.text is None
    assert "JXP301" in {finding.code for finding in checked.findings}


NOT_GIVEN = {
    "another layer": "self.norm = nn.LayerNorm(2)\n",
    "a block that is given one": "self.norm = Block(kind)\n",
    "another choice": "self.norm = pick('layer')(2)\n",
    "by another class's name": "self.norm = fourth(2)\n",
    "instead of what the base class has": "self.other = nn.LayerNorm(2)\n",
    "a module that is converted": "self.other = convert(self.other)\n",
    "one of two that the code names": (
        "if kind:\n    self.norm = nn.BatchNorm2d(2)\nelse:\n    self.norm = nn.LayerNorm(2)\n"
    ),
    "nothing, though it is called so": "self.bn = nn.Identity()\n",
}


@pytest.mark.parametrize("made", NOT_GIVEN.values(), ids=NOT_GIVEN)
def test_a_layer_that_nobody_gives_a_batch_norm_is_none(made: str, tmp_path: Path) -> None:
    (tmp_path / "choice.py").write_text(CHOICE)
    name = made.split("self.")[1].split(" ")[0]
    text = module(made, f"def forward(self, x):\n    return self.{name}(x)\n")
    text = text.replace(
        "t, args=(), **options", "kind=nn.BatchNorm2d, fourth: type = nn.LayerNorm"
    ).replace("import torch\n", "from choice import pick\nimport torch\n")
    text = text.replace("class Net(nn.Module)", "class Net(Base)") + (
        "\n\nclass Block(nn.Module):\n    def forward(self, x):\n        return x\n\n\n"
        "class Base(nn.Module):\n    def __init__(self):\n        self.other = nn.BatchNorm2d(2)\n"
        "\n\ndef convert(module):\n    for child in module.children():\n        convert(child)\n"
        "    return nn.SyncBatchNorm(2) if module.affine else module\n"
    )
    (tmp_path / "net.py").write_text(text)
    assert check.check_path(tmp_path / "net.py", Config()).findings == []


OF_ANOTHER_PACKAGE = {
    "its attribute": ("class Net(ResNet):", "self.bn1(x)", True),
    "an attribute of a part": ("class Net(ResNet):", "self.features[0].bn(x)", True),
    "its method": ("class Net(ResNet):", "self.fuse_bn(x)", False),
    "another attribute": ("class Net(ResNet):", "self.norm(x)", False),
}


@pytest.mark.parametrize(
    ("head", "body", "is_one"), OF_ANOTHER_PACKAGE.values(), ids=OF_ANOTHER_PACKAGE
)
def test_an_attribute_that_another_package_sets_goes_by_its_name(
    head: str, body: str, is_one: bool
) -> None:
    text = (
        "from torchvision.models.resnet import ResNet\n\n\n"
        f"{head}\n    def forward(self, x, training):\n        return {body}\n"
    )
    checked = fixed(text)
    assert checked.text is None
    codes = {finding.code for finding in checked.findings}
    assert ("JXP301" in codes) is is_one


def test_a_loop_over_a_subclass_of_sequential_sees_what_it_gives_to_super() -> None:
    text = (
        "from torch import nn\n\n\nclass Pool(nn.Sequential):\n    def __init__(self, n):\n"
        "        super().__init__(nn.Conv2d(n, n, 1), nn.BatchNorm2d(n))\n\n"
        "    def forward(self, x):\n        for item in self:\n            x = item(x)\n"
        "        return x\n"
    )
    assert [finding.code for finding in fixed(text).findings] == ["JXP301"]
    assert fixed(text.replace("nn.BatchNorm2d(n)", "nn.GELU()")).findings == []


def test_a_file_of_a_package_does_not_hide_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "typing.py").write_text("Optional = 3\n")
    (tmp_path / "net.py").write_text(
        "from typing import Optional, Type\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self, kind: Optional[Type[nn.Module]] = None):\n"
        "        super().__init__()\n        self.bn = kind(2)\n\n"
        "    def forward(self, x):\n        return self.bn(x)\n"
    )
    found = check.check_path(tmp_path / "net.py", Config()).findings
    assert [finding.code for finding in found] == ["JXP301"]


def test_an_item_goes_by_the_name_of_its_list() -> None:
    for name, codes in (("bns", {"JXP301"}), ("layers", set())):
        text = module(
            f"self.{name} = nn.ModuleList([kind(2)])\n",
            f"def forward(self, x):\n    return self.{name}[0](x)\n",
        ).replace("t, args", "kind: type[nn.Module], args")
        assert {finding.code for finding in fixed(text).findings} == codes


def test_items_of_a_loop_do_not_mix() -> None:
    made = (
        "self.a = nn.ModuleList([nn.Linear(2, 2)])\n"
        "self.b = nn.ModuleList([nn.BatchNorm1d(2)])\n"
        "self.c = nn.ModuleList([])\n"
        "for _ in range(2):\n"
        "    self.c.append(nn.ModuleList([nn.Linear(2, 2), nn.ModuleList([nn.GELU(), "
        "nn.BatchNorm1d(2)])]))\n"
    )
    rest = (
        "def forward(self, x):\n"
        "    for i, (a, b) in enumerate(zip(self.a, self.b)):\n"
        "        x = a(x)\n        x = b(x)\n"
        "    for (c, (d, e)), f in zip(self.c, self.a):\n"
        "        x = c(x)\n        x = d(x)\n        x = e(x)\n        x = f(x)\n"
        "    for g, h in self.c:\n        x = g(x)\n"
        "    return x\n"
    )
    text = module(made, rest)
    lines = text.splitlines()
    found = [
        lines[finding.span.start.row - 1].strip() for finding in fixed(text).findings
        if finding.code == "JXP301"
    ]
    assert found == ["x = b(x)", "x = e(x)"]


def test_batch_norm_without_statistics_or_with_a_mode_of_its_own_stays() -> None:
    for made, extra in (
        ("nn.BatchNorm1d(2, track_running_stats=False)", ""),
        ("nn.BatchNorm1d(2, 1e-5, 0.1, True, False)", ""),
        ("nn.BatchNorm1d(2, momentum=None)", ""),
        ("nn.BatchNorm1d(2, 1e-5, None)", ""),
        ("nn.BatchNorm1d(2, **options)", ""),
        ("nn.BatchNorm1d(2)", "    self.bn.eval()\n"),
        ("nn.BatchNorm1d(2) if args else nn.Identity()", ""),
    ):
        text = module(
            f"self.bn = {made}\n",
            f"def forward(self, x):\n    training = self.training\n{extra}    return self.bn(x)\n",
        )
        checked = fixed(text, unsafe=True)
        assert checked.text is None, made
        assert "JXP301" in {finding.code for finding in checked.findings}, made


OTHERS = {
    "scheduler": "o = torch.optim.SGD(a.parameters())\n"
    "scheduler = torch.optim.lr_scheduler.StepLR(o, 1)\nscheduler.step()\n"
    "scheduler.load_state_dict(scheduler.state_dict())\no.state_dict()\n",
    "environment": "def f(env, action):\n    return env.step(action)\n",
    "cursor": "def f(cursor):\n    cursor.step()\n",
    "signature": "import inspect\nparameters = inspect.signature(print).parameters\n",
    "own class": "class Model:\n    def parameters(self):\n        return []\n\n"
    "    def state_dict(self):\n        return {}\n\n\n"
    "model = Model()\nmodel.parameters()\nmodel.state_dict()\n",
    "pandas": "import pandas as pd\nmodel = pd.DataFrame()\nmodel.parameters()\n",
    "sklearn": "from sklearn.linear_model import LinearRegression\n"
    "model = LinearRegression()\nmodel.parameters()\n",
}


@pytest.mark.parametrize("body", OTHERS.values(), ids=OTHERS)
def test_things_of_another_kind_are_not_reported(body: str) -> None:
    found = fixed(script(body)).findings
    expected = {"JXP201", "JXP105", "JXP206"} if "torch.optim" in body else set()
    assert {finding.code for finding in found} <= expected


USED = {
    "own optimizer": (
        "class Mine(torch.optim.Optimizer):\n    pass\n\n\nopt = Mine(a.parameters())\n",
        ["JXP201", "JXP105"],
    ),
    "optimizer by name": (
        "def make(name):\n    return getattr(torch.optim, name)(a.parameters())\n",
        ["JXP201", "JXP105"],
    ),
    "optimizer from a dictionary": (
        'every = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}\n'
        'opt = every["sgd"](a.parameters())\n',
        ["JXP201", "JXP105"],
    ),
    "optimizer class of the caller": (
        "def make(opt_class, params, **more):\n    return opt_class(params, **more)\n", ["JXP201"],
    ),
    "optimizer from a list": (
        "def step(optimizers):\n    for o in optimizers:\n        o.step()\n", ["JXP202"],
    ),
    "optimizer from a dictionary of anything": (
        'def step(state):\n    state["optimizer"].step()\n', ["JXP202"],
    ),
    "reset of something": ("def reset(thing):\n    thing.zero_grad()\n", ["JXP203"]),
    "parameters of something": ("def count(thing):\n    thing.parameters()\n", ["JXP105"]),
    "unwrapped": ("def keep(model, unwrap):\n    unwrap(model).state_dict()\n", ["JXP103"]),
    "getattr": (
        'def keep(model):\n    getattr(model, "module", model).state_dict()\n', ["JXP103"],
    ),
    "compiled": ("def keep(x):\n    getattr(x, \"_orig_mod\", x).state_dict()\n", ["JXP103"]),
    "strict load": ("def load(x, s):\n    x.load_state_dict(s, strict=True)\n", ["JXP104"]),
    "tested": (
        "def load(x, s):\n    if isinstance(x, nn.Module):\n        x.load_state_dict(s)\n"
        "    else:\n        x.load_state_dict(s)\n",
        ["JXP104"],
    ),
    "same class": (
        "def new(opt: torch.optim.Adam):\n    opt.__class__([])\n    type(opt)([])\n",
        ["JXP201", "JXP201"],
    ),
    "submodule": ('a.get_submodule("x").state_dict()\n', ["JXP103"]),
    "super": (
        "import torchvision\n\n\nclass Net(torchvision.models.ResNet):\n"
        "    def forward(self, x):\n        return x\n\n"
        "    def load_state_dict(self, state):\n        return super().load_state_dict(state)\n",
        ["JXP104"],
    ),
    "protocol": (
        "from typing import Protocol\n\n\nclass Steps(Protocol):\n    def step(self): ...\n\n\n"
        "def step(optimizer: Steps):\n    optimizer.step()\n",
        ["JXP202"],
    ),
}


@pytest.mark.parametrize(("body", "expected"), USED.values(), ids=USED)
def test_what_is_called_on_something_tells_what_it_is(body: str, expected: list[str]) -> None:
    checked = fixed(script(body))
    assert sorted(item.code for item in checked.findings) == sorted(expected)
    assert checked.text is None or "optax." not in checked.text


NOT_USED = {
    "own reset": "class Meter:\n    def zero_grad(self):\n        pass\n\n\nMeter().zero_grad()\n",
    "scheduler": "def step(optimizers, schedulers):\n    for s in schedulers:\n        s.step()\n",
    "function of an optimizer": "def make(get_optimizer, x):\n    return get_optimizer(x)\n",
    "super of a plain class": (
        "class Base:\n    pass\n\n\nclass Log(Base):\n"
        "    def forward(self, x):\n        return x\n\n"
        "    def state_dict(self):\n        return super().state_dict()\n"
    ),
}


@pytest.mark.parametrize("body", NOT_USED.values(), ids=NOT_USED)
def test_what_only_looks_like_it_is_left(body: str) -> None:
    assert fixed(script(body)).findings == []


def test_what_a_factory_in_another_file_makes_is_known(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("from .base import Base\n")
    (package / "base.py").write_text(
        "from torch import nn\n\n\nclass Base(nn.Module):\n"
        "    def __init__(self):\n        self.bn = nn.BatchNorm1d(3)\n\n\n"
        "def make():\n    return Base()\n"
    )
    (package / "use.py").write_text(
        "from . import Base\nfrom .base import make\n\n\nclass Net(Base):\n"
        "    def forward(self, x):\n        return self.bn(x)\n\n\n"
        "def keep(target: Base):\n    target.load_state_dict(make().state_dict())\n"
    )
    found = check.check_path(package / "use.py", Config()).findings
    assert [item.code for item in found] == ["JXP301", "JXP104", "JXP103"]


def test_a_base_class_in_another_file_that_assigns_the_buffer_is_seen(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        "from torch import nn\n\n\nclass Base(nn.Module):\n"
        "    def reset(self, t):\n        self.n = t\n"
    )
    text = module('self.register_buffer("n", t)\n').replace("nn.Module", "Base")
    (tmp_path / "net.py").write_text("from base import Base\n" + text)
    checked = check.check_path(tmp_path / "net.py", Config(), fix=True)
    assert checked.text is None
    assert [finding.code for finding in checked.findings] == ["JXP101"]


def test_files_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("from two import x\ny = x\nx.parameters()\n")
    (tmp_path / "two.py").write_text("from one import y\nx = y\n")
    assert check.check_path(tmp_path / "one.py", Config()).findings == []


def test_an_argument_that_a_class_of_another_package_keeps() -> None:
    text = (
        "from torch import nn\nfrom other import Trainer\n\n\nclass Mine(Trainer):\n"
        "    def __init__(self, inner: nn.Module):\n        super().__init__(inner)\n\n"
        "    def go(self):\n        return list(self.inner.parameters())\n"
    )
    checked = fixed(text)
    assert checked.text is None
    assert [finding.code for finding in checked.findings] == ["JXP105"]


def test_methods_that_a_class_of_another_package_has() -> None:
    text = (
        "import torch\nfrom other import Kernel, Policy\n\n\nclass Mine(Kernel):\n"
        "    policy: Policy\n\n    def __init__(self, t):\n        Kernel.__init__(self)\n"
        '        self.register_buffer("a", torch.zeros(2))\n'
        '        self.register_parameter("b", torch.nn.Parameter(t))\n\n'
        "    def train(self):\n        self.policy.optimizer.zero_grad()\n"
        "        self.policy.optimizer.step()\n        self.policy.scheduler.step()\n"
    )
    codes = [finding.code for finding in fixed(text).findings]
    assert codes == ["JXP101", "JXP102", "JXP203", "JXP202"]


def test_a_mapping_that_is_asked_for_its_state_is_none() -> None:
    text = (
        "from collections.abc import Mapping\nfrom torch import nn\n\n\n"
        "def walk(func, x: Mapping):\n    return func(x)\n\n\n"
        "def states(x):\n    def func(obj):\n"
        "        if isinstance(obj, nn.DataParallel):\n            obj = obj.module\n"
        "        return obj.state_dict()\n\n    return walk(func, x)\n"
    )
    assert [finding.code for finding in fixed(text).findings] == ["JXP103"]
