"""`jaxport verify`: a right port agrees with its original, a wrong one is found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest
import torch

from jaxport import source
from jaxport.commands import verify
from jaxport.config import Config
from jaxport.port import port_source

HEAD = "import torch\nfrom torch import nn\n\n\n"
MODEL = (
    HEAD
    + '''class Model(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.embed = nn.Embedding(10, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-2)
        self.gamma = nn.Parameter(torch.zeros(dim))
        self.net = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.register_buffer("offset", torch.ones(dim), persistent=False)
        self.head = nn.Linear(dim, 10, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.gamma * self.net(self.norm(x))
        return self.head(x + self.offset)
'''
)
IMAGES = (
    HEAD
    + '''class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x, scale):
        y = self.norm(self.conv(x))
        return {"maps": (y, None), "scaled": y * scale}
'''
)
TORCH = "import torch\n\nclass Model(torch.nn.Module):\n    def forward(self, x):\n"
NNX = "from flax import nnx\n\nclass Model(nnx.Module):\n    def __call__(self, x):\n"
TOKENS = ("--inputs", "int64[2, 5]<10")
PIXELS = ("--inputs", "float32[2, 3, 4, 4]", "scale=float32[4, 1, 1]")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is in a folder of its own, in which nothing is found by the names of others."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def port(text: str, *edits: tuple[str, str], name: str = "model.py") -> None:
    """Write a torch file as `before.py`, and its port, edited."""
    ported = port_source(source.read(write("before.py", text)), Config()).text
    assert ported is not None
    for old, new in edits:
        assert ported.count(old) == 1
        ported = ported.replace(old, new)
    write(name, ported)


def jaxport(*arguments: str) -> int:
    """Run the command as the command line does."""
    parser = argparse.ArgumentParser("jaxport")
    verify.add(parser.add_subparsers(required=True).add_parser("verify"))
    parsed = parser.parse_args(["verify", *arguments])
    code: int = parsed.run(parsed)
    return code


Captured = pytest.CaptureFixture[str]


def test_a_right_port_agrees(capsys: Captured) -> None:
    port(MODEL)
    modules = {*sys.modules}
    code = jaxport("model.py:Model", "--against", "before.py", "--arguments", "16", *TOKENS)
    out = capsys.readouterr().out
    assert code == 0, out
    first, buffers, last = out.splitlines()
    assert first.startswith("eval output   absolute ") and first.endswith("float32[2, 5, 10]")
    assert buffers.endswith("absolute 0.0e+00  relative 0.0e+00  furthest of 1: offset")
    assert last == "model.py:Model and before.py:Model agree within 0.0001."
    assert not {"model", "before"} & {*sys.modules} - modules
    assert sorted(path.name for path in Path().iterdir()) == ["before.py", "model.py"]


def test_running_statistics_are_compared_in_training_mode(capsys: Captured) -> None:
    port(IMAGES)
    against = ("model.py:Images", "--against", "before.py:Images")
    assert jaxport(*against, *PIXELS, "--train") == 0
    rows = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert rows[:8] == [
        f"{mode} {what}" for mode in ("eval", "train")
        for what in ("output['maps'][0]", "output['maps'][1]", "output['scaled']", "buffers")
    ]  # fmt: skip
    port(IMAGES, ("momentum: float | None = 0.1", "momentum: float | None = 0.2"))
    assert jaxport(*against, *PIXELS) == 0
    capsys.readouterr()
    assert jaxport(*against, *PIXELS, "--train") == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "model.py:Images and before.py:Images differ by more than 0.0001 in train buffers."
    )


@pytest.mark.parametrize(
    "edit",
    [
        ("eps=0.01", "eps=0.02"),
        # Hidden behind a `gamma` of zeros, were it not for other values.
        ("self.gamma[...] * self.net", "2 * self.gamma[...] * self.net"),
        # Not in the checkpoint, so that nothing but the output and the buffer tells.
        ("nnx.BatchStat(jnp.ones(dim))", "nnx.BatchStat(jnp.zeros(dim))"),
        ("return self.head(x + self.offset[...])", "return self.head(x + self.offset[...])[:1]"),
        ("return self.head(x + self.offset[...])", "return self.head(x + self.offset[...]), 1"),
        ("return self.head(x + self.offset[...])", "return self.head(x) > 0"),
    ],
)
def test_a_wrong_port_is_found(edit: tuple[str, str], capsys: Captured) -> None:
    port(MODEL.replace("1e-2", "0.01"), edit)
    assert jaxport("model.py:Model", "--against", "before.py", *TOKENS) == 1
    assert "differ by more than 0.0001 in eval output" in capsys.readouterr().out


def test_sharing_that_the_port_lost_is_an_error(capsys: Captured) -> None:
    port(MODEL, ("TiedLinear(self.embed.embedding, ", "TiedLinear(nnx.Param(1 * self.embed."
                 "embedding[...]), "))  # fmt: skip
    assert jaxport("model.py:Model", "--against", "before.py", *TOKENS) == 2
    message = "embed.weight and head.weight are one parameter in the original, and two in the port"
    assert message in capsys.readouterr().err


def test_each_side_imports_from_its_own_tree(capsys: Captured) -> None:
    """Packages of one name, with a helper of one name that is imported while the model runs."""
    text = HEAD + '''from .parts import Scale


class Model(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.scale = Scale(dim)

    def forward(self, x):
        from nets import helper

        return self.scale(x) * helper.FACTOR
'''
    scale = HEAD + '''class Scale(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * self.weight
'''
    for side in ("old", "new"):
        write(f"{side}/nets/__init__.py", "print('imported')\n")
        write(f"{side}/nets/helper.py", f"SIDE = '{side}'\nFACTOR = 2\n")
        write(f"{side}/nets/parts.py", scale)
        write(f"{side}/nets/model.py", text)
    files = [Path("new/nets/parts.py"), Path("new/nets/model.py")]
    for result in [port_source(source.read(path), Config()) for path in files]:
        assert result.text is not None
        result.path.write_text(result.text)
    command = ("new/nets/model.py:Model", "--against", "old/nets/model.py", "--arguments", "dim=4",
               "--inputs", "float32[3, 4]")  # fmt: skip
    assert jaxport(*command) == 0
    captured = capsys.readouterr()
    assert "imported" in captured.err and "imported" not in captured.out
    write("new/nets/helper.py", "SIDE = 'new'\nFACTOR = 3\n")
    assert jaxport(*command) == 1
    assert not any(name.partition(".")[0] == "nets" for name in sys.modules)


def test_files_of_one_name_and_their_helpers_are_kept_apart(capsys: Captured) -> None:
    for folder, head in (("old", TORCH), ("new", NNX)):
        text = f"import helper\n{head}        import late\n        return x * helper.A * late.B\n"
        write(f"{folder}/model.py", text)
        write(f"{folder}/helper.py", "A = 2\n")
        write(f"{folder}/late.py", "B = 3\n")
    command = ("new/model.py:Model", "--against", "old/model.py", *X)
    assert jaxport(*command) == 0
    for name in ("helper", "late"):
        before = Path(f"new/{name}.py").read_text()
        write(f"new/{name}.py", before.replace(" = ", " = 1 + "))
        assert jaxport(*command) == 1
        write(f"new/{name}.py", before)


def test_a_file_may_have_the_name_of_a_module_that_is_loaded(capsys: Captured) -> None:
    port(MODEL, name="random.py")
    assert jaxport("random.py:Model", "--against", "before.py", *TOKENS) == 0


def test_outputs_of_all_kinds_are_compared(capsys: Captured) -> None:
    text = '''from dataclasses import dataclass
from typing import Any

import {library} as np


@dataclass
class Output:
    scores: Any
    best: Any
    note: str = "same"
    size: int = 3


class Model({base}):
    def {call}(self, x):
        return Output(x.max() * 1.5, [(x > 0).sum(), float("inf")])
'''
    write("before.py", text.format(library="torch", base="np.nn.Module", call="forward"))
    port = text.format(library="jax.numpy", base="nnx.Module", call="__call__")
    port = f"from flax import nnx\n{port}"
    write("model.py", port)
    command = ("model.py:Model", "--against", "before.py", "--inputs", "float32[4]")
    assert jaxport(*command) == 0
    out = capsys.readouterr().out
    for where in ("scores", "best[0]", "best[1]", "note", "size"):
        assert f"eval output.{where} " in out
    for old, new, message in (
        ("(x > 0).sum()", "(x > 9).sum()", "best[0] differs in 1 of 1 values"),
        ("(x > 0).sum()", "(x > 0).sum() * 1.0", "best[0] is float32[] instead of int32[]"),
        ('float("inf")', 'float("nan")', "best[1] has other infinite or undefined values"),
        (', float("inf")', "", "best has [0] instead of [0], [1]"),
        ('"same"', '"other"', "note is 'other' instead of 'same'"),
    ):
        write("model.py", port.replace(old, new))
        assert jaxport(*command) == 1, new
        assert message in " ".join(capsys.readouterr().out.split())
    write("model.py", port.replace("x.max() * 1.5", "object()"))
    assert jaxport(*command) == 2
    message = "eval output.scores is of type object, which can't be compared"
    assert message in capsys.readouterr().err


def test_an_error_is_relative_to_what_is_usual_in_an_array(capsys: Captured) -> None:
    """One huge value, such as that of a mask, does not excuse the others."""
    for name, head, error in (("before.py", TORCH, 0.0), ("model.py", NNX, 1e-2)):
        write(name, f"{head}        return x - 1e9 * (x > x.max() - 0.001) + {error}\n")
    command = ("model.py:Model", "--against", "before.py", "--inputs", "float32[50]")
    assert jaxport(*command) == 1
    assert jaxport(*command, "--tolerance", "0.1") == 0


X = ("--inputs", "float32[3]")


@pytest.mark.parametrize(
    ("before", "after", "options", "message"),
    [
        ("import no_such_thing", "", X,
         "before.py: Model can't be imported: ModuleNotFoundError: No module named "
         "'no_such_thing' (before.py:1)"),
        ("import sys\nsys.exit('usage')", "", X, "Model can't be imported: SystemExit: usage"),
        ("class Other: pass", "", X, "before.py: has no class `Model`"),
        ("def Model(): return 3", "", X, "before.py: Model makes no torch module"),
        ("syntax error", "", X, "Model can't be imported: SyntaxError: invalid syntax"),
        (TORCH + "        return x", "x = 3", X, "model.py: has no class `Model`"),
        (TORCH + "        return x", "def Model(): return 3", X, "Model makes no nnx.Module"),
        (TORCH + "        return x", NNX + "        return x", (),
         "before.py: Model can't be called on these inputs in eval mode: TypeError: "),
        (TORCH + "        return x", NNX + "        return x", (), "; --inputs gives what it is"),
        (TORCH + "        return x", NNX + "        return x", (*X, "--arguments", "3"),
         "before.py: Model can't be made: TypeError"),
        (TORCH + "        return x", NNX + "        return x", (*X, "--arguments", "3,, 4"),
         "--arguments: `3,, 4` can't be the arguments of a call"),
        (TORCH + "        return x @ x[:2]", NNX + "        return x", X, "RuntimeError: "),
        (TORCH + "        return x", NNX + "        return x.unsqueeze(0)", X,
         "model.py: Model can't be called on these inputs in eval mode: AttributeError: "),
        (TORCH + "        return x + torch.rand(3)", NNX + "        return x", X,
         "before.py: Model draws random numbers in eval mode, so that there is nothing to compare"),
        (TORCH + "        return x * float('nan')", NNX + "        return x", X,
         "eval output is not a number in torch"),
        (TORCH + "        pass", NNX + "        pass", X, "Model returns nothing to compare"),
        (TORCH + "        return x", NNX + "        return x", ("--inputs", "int64[3]"),
         "--inputs: `int64[3]` needs a bound up to 2147483648, as in int64[2, 5]<100"),
        ("", "", ("--inputs", "uint8[3]<1000"), "`uint8[3]<1000` needs a bound up to 256"),
        ("", "", ("--inputs", "float32[3]<4"), "`float32[3]<4` takes no bound"),
        ("", "", ("--inputs", "floot[3]"), "--inputs: `floot` in `floot[3]` is no dtype"),
        ("", "", ("--inputs", "x=y"), "--inputs: `x=y` is neither like float32[2, 3]"),
        ("", "", ("--against", "none.py"), "none.py: no such file"),
    ],
)  # fmt: skip
def test_errors_are_one_line(
    before: str, after: str, options: tuple[str, ...], message: str, capsys: Captured
) -> None:
    write("before.py", f"{before}\n")
    write("model.py", f"{after}\n")
    assert jaxport("model.py:Model", "--against", "before.py", *options) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("jaxport: ") and captured.err.count("\n") == 1
    assert message in captured.err


def test_what_was_compared_before_an_error_is_shown(capsys: Captured) -> None:
    write("before.py", TORCH + "        return torch.dropout(x, 0.5, self.training)\n")
    write("model.py", NNX + "        return x\n")
    assert jaxport("model.py:Model", "--against", "before.py", *X, "--train") == 2
    captured = capsys.readouterr()
    assert captured.out.startswith("eval output  absolute ") and captured.out.count("\n") == 1
    assert "Model draws random numbers in train mode, so that there is nothing" in captured.err


def test_weights_that_do_not_match_are_listed(capsys: Captured) -> None:
    port(MODEL, ("self.gamma = ", "self.gain = "), ("self.gamma[", "self.gain["))
    assert jaxport("model.py:Model", "--against", "before.py", *TOKENS) == 2
    assert capsys.readouterr().err.splitlines() == [
        "jaxport: model.py: the weights do not fit the model:",
        "  missing: gain, for gain",
        "  unexpected: gamma",
    ]


@pytest.mark.parametrize("option", [("--tolerance", "nan"), ("--tolerance", "-1"), ("--seed", "x")])
def test_numbers_are_checked(option: tuple[str, str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        jaxport("model.py:Model", "--against", "before.py", *option)
    assert caught.value.code == 2
    assert f"`{option[1]}` is no number from 0" in capsys.readouterr().err


def test_constants_and_other_dtypes_can_be_inputs(capsys: Captured) -> None:
    body = "        return (x + 0 if flag is None else x * 2), mode, mask\n"
    for name, head in (("before.py", TORCH), ("model.py", NNX)):
        write(name, (head + body).replace("self, x", "self, x, flag, mask, mode='a'"))
    inputs = ("--inputs", "complex64[2]", "None", "bool[3,]", "mode='b=c'")
    assert jaxport("model.py:Model", "--against", "before.py", *inputs) == 0
    out = capsys.readouterr().out
    assert "complex64[2]" in out and "'b=c'" in out and "bool[3]" in out


def test_the_seed_changes_weights_and_inputs(capsys: Captured) -> None:
    port(MODEL)
    shown = []
    for seed in ("0", "1"):
        command = ("model.py:Model", "--against", "before.py", "--seed", seed, *TOKENS)
        assert jaxport(*command) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] != shown[1]
