"""`jaxport port`: what it writes, what it refuses to write, and how it says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jaxport import port
from jaxport import source as sources
from jaxport.config import Config
from jaxport.port import Ported
from jaxport.rules import Example, Rule, all_rules

EXAMPLES = [
    pytest.param(example, id=f"{rule.code}-{index}")
    for rule in all_rules()
    for index, example in enumerate(rule.examples)
    if example.port is not None
]
ONLY_PORTED = [rule for rule in all_rules() if rule.code[:4] in ("JXP4", "JXP5", "JXP6", "JXP7",
                                                                  "JXP8", "JXP9")]
HEAD = "import torch\nfrom torch import nn\n\n\n"


def ported(text: str) -> Ported:
    return port.port_source(sources.parse(Path("never-there.py"), text.encode()), Config())


def blocked(text: str) -> str:
    """The messages of what keeps the text from being ported."""
    result = ported(text)
    assert not result.is_clean, result.text
    return "\n".join(finding.message for finding in result.blockers)


def written(text: str) -> str:
    result = ported(text)
    assert [finding.message for finding in result.blockers] == []
    assert result.text is not None
    return result.text


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_ported(example: Example) -> None:
    assert written(example.before) == example.port


@pytest.mark.parametrize("rule", ONLY_PORTED, ids=lambda rule: rule.code)
def test_example_without_a_port_blocks(rule: Rule) -> None:
    for example in rule.examples:
        if example.port is None and rule.code not in ("JXP404",):
            assert rule.code in {finding.code for finding in ported(example.before).blockers}


# What could be silently wrong


def test_a_variable_that_holds_a_layer_class_stays_a_variable() -> None:
    text = written(
        HEAD + "class Block(nn.Module):\n    def __init__(self, act=nn.ReLU):\n"
        "        super().__init__()\n        self.act = act()\n\n"
        "    def forward(self, x):\n        return self.act(x)\n\n\n"
        "def make():\n    return Block(act=nn.GELU)\n"
    )
    assert "act=ReLU):" in text
    assert "self.act = act()" in text
    assert "Block(act=GELU)" in text


def test_a_variable_that_holds_a_function_is_not_taken_for_it() -> None:
    text = written(
        "import torch.nn.functional as F\n\n\ndef f(x, act=F.relu):\n    return act(x)\n"
    )
    assert "return act(x)" in text


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("y = x[:2]\nx[0] = 1.0\nprint(y)\n", "`y` shares its memory"),
        ("kept = []\nkept.append(x)\nx += 1\nprint(kept)\n", "`kept` shares its memory"),
        ("y = x\ny += 1\nprint(x)\n", "`x` shares its memory"),
        ("y = x.view(6)\ny.mul_(2)\nprint(x)\n", "`x` shares its memory"),
        ("x[[0, 0]] += 1.0\n", "may name a place twice"),
    ],
)
def test_a_change_that_others_see_blocks(body: str, reason: str) -> None:
    assert reason in blocked(f"import torch\n\nx = torch.zeros(2, 3)\n{body}")


def test_a_change_of_the_callers_tensor_blocks() -> None:
    assert "the caller's tensor" in blocked(
        HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        x += 1\n"
        "        return x\n"
    )


def test_a_change_that_nobody_else_sees_is_written() -> None:
    text = written("import torch\n\nx = torch.zeros(2, 3)\nx[0, 1:] = 2.0\nx[1] -= 1\nx.mul_(3)\n")
    assert "x = x.at[0, 1:].set(2.0)\n" in text
    assert "x = x.at[1].subtract(1)\n" in text
    assert "x = x * 3\n" in text


def test_a_method_that_numpy_has_too_needs_to_be_told() -> None:
    assert "can't be told" in blocked(
        "import torch\n\n\ndef f(x):\n    return x.transpose(0, 1)\n\n\nprint(torch.zeros(3))\n"
    )
    text = written("import torch\n\n\ndef f(x: torch.Tensor):\n    return x.transpose(0, 1)\n")
    assert "x.swapaxes(0, 1)" in text


def test_numpy_arrays_keep_their_methods() -> None:
    text = written(
        "import numpy as np\nimport torch\n\na = np.zeros((2, 3))\nb = a.transpose(1, 0)\n"
        "c = torch.from_numpy(b).transpose(0, 1)\n"
    )
    assert "a.transpose(1, 0)" in text
    assert "swapaxes(0, 1)" in text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nn.Linear(2, 3, device='cuda')", "`device`"),
        ("nn.Conv2d(1, 2, 3, padding_mode='mirror')", "`padding_mode='mirror'`"),
        ("nn.Embedding(3, 4, max_norm=1.0)", "`max_norm`"),
        ("torch.vmap(print)", "has no port"),
        ("torch.load('a.pt')", "torch's own files"),
        ("torch.compile(nn.Identity())", "nnx.jit"),
        ("torch.zeros(2).register_hook(print)", "autograd"),
    ],
)
def test_what_has_no_counterpart_blocks(line: str, reason: str) -> None:
    assert reason in blocked(f"{HEAD}x = {line}\n")


def test_a_hook_blocks_even_on_something_unknown() -> None:
    assert "register_forward_hook" in blocked(
        HEAD + "def watch(net):\n    net.register_forward_hook(print)\n\n\nprint(nn.Identity())\n"
    )


def test_a_hook_blocks_on_what_may_be_none_too() -> None:
    assert "`register_forward_hook` is a method of torch modules" in blocked(
        HEAD + "class Watcher:\n    def __init__(self, layer=None):\n        self.layer = layer\n\n"
        "    def watch(self, hook):\n        self.layer.register_forward_hook(hook)\n")


def test_what_a_dictionary_hands_to_a_layer_has_to_have_a_counterpart() -> None:
    made = HEAD + "def head(device=None):\n    extra = {}\n    return nn.Linear(2, 1, **extra)\n"
    assert "Linear(2, 1, rngs=rngs, **extra)" in written(made)
    assert "what `**extra` holds" in blocked(made.replace("{}", "{'device': device}"))
    assert "what `**extra` holds" in blocked(made.replace("{}", "dict(dtype=torch.float16)"))


def test_a_comment_among_arguments_is_kept_once() -> None:
    text = written(
        "import torch\nimport torch.nn.functional as F\n\n\ndef scaled(x: torch.Tensor):\n"
        "    y = F.softmax(\n        x.view(3, -1),  # rows\n        dim=-1,\n    ).view_as(x)\n"
        "    return y\n")
    assert text.count("# rows") == 1
    assert "dim=" not in text


def test_parentheses_around_a_new_item_become_those_of_the_call() -> None:
    text = written(
        "import torch\n\n\ndef table(n):\n    x = torch.zeros(n, 3)\n    x[:, 0] /= (n - 1)\n"
        "    x[:, 1] = (  # the rest\n        n + 2\n    )\n    x[:, 2] = n\n    return x\n")
    assert "x = x.at[:, 0].divide(n - 1)\n" in text
    assert "x = x.at[:, 1].set(  # the rest\n        n + 2\n    )\n" in text
    assert "x = x.at[:, 2].set(n)\n" in text


def test_a_block_of_which_all_goes_keeps_a_pass() -> None:
    text = written(
        "import torch\n\n\ndef prepare(cuda):\n    if cuda:\n        torch.cuda.synchronize()\n"
        "        torch.cuda.empty_cache()\n    return cuda\n")
    assert "    if cuda:\n        pass\n    return cuda\n" in text


def test_torchs_assert_is_a_statement() -> None:
    text = written(
        "import torch\n\n\ndef rows(x: torch.Tensor):\n    torch._assert(\n"
        "        x.size(0) == 3,\n        'three '\n        'rows',\n    )\n    return x\n")
    assert "    assert x.shape[0] == 3, ('three '\n        'rows')\n" in text
    assert "plain statement" in blocked("import torch\n\nok = torch._assert(True, 'no')\n")


@pytest.mark.parametrize(
    ("line", "ported_line"),
    [
        ("(x > 0).to(torch.uint8)", "(x > 0).astype(jnp.uint8)"),
        ("x + (x - z).detach()", "x + jax.lax.stop_gradient(x - z)"),
        ("(x + z).contiguous()", "(x + z)"),
        ("((-x)).to(z.dtype)", "((-x)).astype(z.dtype)"),
        ("(x + z)[0].to('cpu')", "(x + z)[0]"),
        ("torch.is_tensor((x))", "isinstance((x), jax.Array)"),
        ("x[[0, 2]]", "x[jnp.asarray([0, 2])]"),
        ("x[:, [0, 2]]", "x[:, [0, 2]]"),
    ],
)
def test_parentheses_and_lists(line: str, ported_line: str) -> None:
    head = "import torch\n\n\ndef f(x: torch.Tensor, z: torch.Tensor):\n"
    text = written(f"{head}    return {line}\n")
    assert f"    return {ported_line}\n" in text


def test_comments_of_what_goes_stand_above_its_statement() -> None:
    text = written(
        "import torch\n\n\ndef f(x: torch.Tensor):\n    y = x + 1\n    z = y.to(  # cast\n"
        "        torch.float16,  # half\n    )\n    with torch.no_grad():  # frozen\n"
        "        # twice\n        w = z * 2\n    return w\n")
    assert "    y = x + 1\n    # cast\n    # half\n    z = y.astype(jnp.float16)\n" in text
    assert "    # frozen\n    # twice\n    w = z * 2\n" in text


def test_the_last_comment_of_a_call_stays_with_its_argument() -> None:
    text = written(
        HEAD + "def head():\n    return nn.Linear(\n        4,  # in\n        bias=True,  # bias\n"
        "        out_features=2,  # out\n    )\n")
    assert "        out_features=2,  # out\n        rngs=rngs,\n    )\n" in text


def test_a_parameter_that_is_registered_as_none_is_asked_for() -> None:
    text = written(
        HEAD + "class Net(nn.Module):\n    def __init__(self, bias):\n        super().__init__()\n"
        "        if bias:\n            self.bias = nn.Parameter(torch.zeros(3))\n        else:\n"
        "            self.register_parameter('bias', None)\n\n    def forward(self, x):\n"
        "        return x if self.bias is None else x + self.bias\n")
    assert "            self.bias = None\n" in text


@pytest.mark.parametrize("line", ["x.float().exp()", "x.sort(1, True)", "x.log()", "x.split(2)"])
def test_a_method_of_tensors_on_something_unknown_blocks(line: str) -> None:
    assert "whether the value is one can't be told" in blocked(
        f"import torch\n\n\ndef f(x):\n    return {line}, torch.zeros(3)\n")


@pytest.mark.parametrize("line", ["x.split(',')", "x.log('a', 1)", "x.sort()", "x.update(y=1)"])
def test_a_method_that_text_or_lists_have_is_left(line: str) -> None:
    assert line in written(f"import torch\n\n\ndef f(x):\n    return {line}, torch.zeros(3)\n")


def test_forward_as_a_value_and_of_something_unknown() -> None:
    text = written(HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        return x\n\n"
                   "    def both(self, x):\n        f = self.forward\n        return f(x)\n")
    assert "f = self.__call__" in text
    assert "whether it is that of a module" in blocked(
        HEAD + "def run(net, x):\n    return net.forward(x), nn.Identity()\n")


@pytest.mark.parametrize(
    "value", ["self.twice", "{'twice': self.twice}", "lambda x: self.twice(x)",
              "functools.partial(self.twice, 1)"],
)
def test_a_method_that_a_module_keeps_blocks(value: str) -> None:
    text = ("import functools\nimport torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
            "    def __init__(self):\n        super().__init__()\n"
            f"        self.kept = {value}\n\n"
            "    def twice(self, x):\n        return 2 * x\n")
    assert "gradients are those of a copy" in blocked(text)
    assert "self.kept = self.twice(1)" in written(text.replace(value, "self.twice(1)"))


def test_the_gradient_stops_where_no_grad_stood_in_a_module() -> None:
    text = written(
        HEAD + "class Net(nn.Module):\n    def forward(self, x):\n"
        "        with torch.no_grad():\n            y = x * 2\n        return x + y\n"
    )
    assert "        y = x * 2\n        y = jax.lax.stop_gradient(y)\n" in text


def test_a_parameter_that_may_be_none_is_asked_for() -> None:
    text = written(
        HEAD + "class Net(nn.Module):\n    def __init__(self, bias=True):\n"
        "        super().__init__()\n        self.weight = nn.Parameter(torch.ones(2, 3))\n"
        "        self.bias = nn.Parameter(torch.zeros(2)) if bias else None\n\n"
        "    def forward(self, x):\n"
        "        return nn.functional.linear(x, self.weight, self.bias)\n"
    )
    assert "linear(x, self.weight[...], None if self.bias is None else self.bias[...])" in text


def test_names_of_the_users_are_not_shadowed() -> None:
    text = written(
        HEAD + "class Linear(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.inner = nn.Linear(2, 3)\n\n    def forward(self, x):\n"
        "        return self.inner(x)\n"
    )
    assert "self.inner = TorchLinear(2, 3, rngs=rngs)" in text
    assert "class TorchLinear(nnx.Linear):" in text
    assert "class Linear(nnx.Module):" in text


def test_rngs_go_through_factories_kwargs_and_methods() -> None:
    text = written(
        HEAD + "def head(dim, *args, **kwargs):\n"
        "    return nn.Linear(dim, 1, *args, **kwargs)\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, dim):\n        super().__init__()\n"
        "        self.head = self._make(dim)\n\n    def _make(self, dim):\n"
        "        return head(dim)\n\n    def forward(self, x):\n        return self.head(x)\n\n\n"
        "net = Net(3)\n"
    )
    assert "def head(dim, *args, rngs: nnx.Rngs, **kwargs):" in text
    assert "Linear(dim, 1, *args, rngs=rngs, **kwargs)" in text
    assert "self.head = self._make(dim, rngs=rngs)" in text
    assert "rngs = nnx.Rngs(0)\nnet = Net(3, rngs=rngs)\n" in text


def test_comments_and_layout_of_a_call_stay() -> None:
    text = written(
        HEAD + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.net = nn.Sequential(\n            nn.Linear(2, 3),  # widen\n"
        "            nn.Linear(3, 1),\n        )\n\n    def forward(self, x):\n"
        "        return self.net(x)\n"
    )
    lines = "            Linear(2, 3, rngs=rngs),  # widen\n            Linear(3, 1, rngs=rngs),\n"
    assert lines in text


# Files


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jaxport", "port", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


LAYER = HEAD + (
    "class Layer(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.linear = nn.Linear(2, 2)\n\n    def forward(self, x):\n"
    "        return self.linear(x)\n"
)
NET = HEAD + (
    "from layer import Layer\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.layer = Layer()\n\n    def forward(self, x):\n"
    "        return self.layer(x)\n"
)


def test_files_that_import_each_other_are_ported_together(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(LAYER)
    (tmp_path / "net.py").write_text(NET)
    done = run(".", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "self.layer = Layer(rngs=rngs)" in (tmp_path / "net.py").read_text()
    assert "torch" not in (tmp_path / "net.py").read_text().replace("torch.nn", "")
    assert run(".", cwd=tmp_path).stderr.endswith("Wrote 0.\n")


def test_files_that_import_each_other_are_blocked_together(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(LAYER + "\n\nx = torch.load('a')\n")
    (tmp_path / "net.py").write_text(NET)
    done = run("net.py", "layer.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "net.py:5:1: JXP004 `layer` is imported (not ported: it is blocked itself)" in (
        done.stdout
    )
    assert (tmp_path / "net.py").read_text() == NET


def test_what_a_package_hands_on_is_followed_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("from .layer import Layer, other\n")
    (tmp_path / "nets" / "layer.py").write_text(LAYER + "\n\nother = 1\n")
    (tmp_path / "net.py").write_text(NET.replace("from layer import", "from nets import"))
    alone = run("net.py", cwd=tmp_path)
    assert "`nets` is imported (not ported: it needs torch, and is not" in alone.stdout
    assert run("net.py", "nets/layer.py", cwd=tmp_path).returncode == 0


def test_an_import_of_torch_code_that_is_not_ported_along_blocks(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(LAYER)
    (tmp_path / "net.py").write_text(NET)
    done = run("net.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "it needs torch, and is not ported along" in done.stdout


def test_a_blocked_file_is_left_and_its_blockers_are_at_their_places(tmp_path: Path) -> None:
    text = LAYER + "\n\nstate = torch.load('a')\n"
    (tmp_path / "a.py").write_text(text)
    done = run("a.py", cwd=tmp_path)
    row = text.count("\n")
    assert done.returncode == 1
    assert done.stdout.startswith(f"a.py:{row}:9: JXP801 ")
    assert done.stdout.count("\n") == 1
    assert (tmp_path / "a.py").read_text() == text


def test_partial_writes_what_could_be_done(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LAYER + "\n\nstate = torch.load('a')\n")
    done = run("--partial", "a.py", cwd=tmp_path)
    text = (tmp_path / "a.py").read_text()
    assert done.returncode == 1
    assert "class Layer(nnx.Module):" in text
    assert "state = torch.load('a')" in text
    assert "import torch\n" in text


def test_bad_input_gets_one_line_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"def f(:\n")
    (tmp_path / "b.py").write_bytes(LAYER.encode())
    done = run("a.py", "b.py", "gone.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout
    assert "a.py:1:7: JXP001" in done.stdout
    assert "gone.py: no such file or folder" in done.stderr
    assert (tmp_path / "a.py").read_bytes() == b"def f(:\n"
    assert "nnx.Module" in (tmp_path / "b.py").read_text()


def test_line_ends_and_encoding_stay(tmp_path: Path) -> None:
    data = ("# -*- coding: latin-1 -*-\n" + LAYER + "# \xe9\n").replace("\n", "\r\n")
    (tmp_path / "a.py").write_bytes(data.encode("latin-1"))
    assert run("a.py", cwd=tmp_path).returncode == 0
    written_ = (tmp_path / "a.py").read_bytes()
    assert written_.endswith("# \xe9\r\n".encode("latin-1"))
    assert b"\n" not in written_.replace(b"\r\n", b"")


def test_no_file_of_torchs_own_layers_makes_it_fail(tmp_path: Path) -> None:
    import torch.nn.modules

    folder = Path(torch.nn.modules.__file__).parent
    for path in sorted(folder.glob("*.py")):
        file = sources.parse(tmp_path / path.name, path.read_bytes())
        port.port_source(file, Config())  # raises where it fails
