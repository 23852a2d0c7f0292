"""`jaxport weights`: the script that it writes loads checkpoints of torch, strictly."""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from jaxport import source
from jaxport.commands import weights
from jaxport.config import Config
from jaxport.port import port_source
from jaxport.tables.weights import weights as tables

HEAD = "from collections import OrderedDict\n\nimport torch\nfrom torch import nn\n\n\n"
BLOCKS = (
    HEAD
    + '''class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.net = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        return x + self.net(self.norm(x))


class Model(nn.Module):
    def __init__(self, dim, depth=2):
        super().__init__()
        self.embed = nn.Embedding(10, dim)
        self.blocks = nn.ModuleList([Block(dim) for _ in range(depth)])
        self.gamma = nn.Parameter(torch.ones(dim))
        self.register_buffer("offset", torch.ones(dim), persistent=False)
        self.head = nn.Linear(dim, 10, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(x * self.gamma + self.offset)
'''
)
IMAGES = (
    HEAD
    + '''class LayerNorm(nn.Module):
    """One of our own."""

    def __init__(self, dim):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dim, 1, 1))

    def forward(self, x):
        return x * self.scale


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(OrderedDict([
            ("conv", nn.Conv2d(3, 4, 3, padding=1)), ("norm", nn.BatchNorm2d(4)),
        ]))
        self.own = LayerNorm(4)
        self.heads = nn.ModuleDict({"a": nn.Conv2d(4, 2, 1), "b": nn.Conv2d(4, 2, 1)})

    def forward(self, x):
        x = self.own(self.stem(x))
        return self.heads["a"](x) - self.heads["b"](x)
'''
)


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path) -> Iterator[None]:
    """What a test imports is gone after it."""
    path = sys.path[:]
    torch.set_num_threads(1)
    yield
    sys.path[:] = path
    for name, module in [*sys.modules.items()]:
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def write_port(path: Path, text: str, **others: str) -> Path:
    """Write the port of a torch file, and of others that are called so in its folder."""
    texts = {path: text, **{path.with_name(f"{name}.py"): text for name, text in others.items()}}
    for file, before in texts.items():
        file.write_text(before)
    ported = [port_source(source.read(file), Config()) for file in texts]
    for result in ported:
        assert result.text is not None
        result.path.write_text(result.text)
    return path


def jaxport(*arguments: object) -> int:
    """Run the command as the command line does."""
    parser = argparse.ArgumentParser("jaxport")
    weights.add(parser.add_subparsers(required=True).add_parser("weights"))
    parsed = parser.parse_args(["weights", *map(str, arguments)])
    code: int = parsed.run(parsed)
    return code


def loaded(path: Path) -> ModuleType:
    """The file as a module, with its folder on the path as for a script."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def original(text: str, name: str, *arguments: Any) -> torch.nn.Module:
    """A torch model of the text, in evaluation mode, with its constants changed."""
    namespace: dict[str, Any] = {"__name__": "original"}
    exec(text, namespace)
    torch.manual_seed(0)
    model = namespace[name](*arguments)
    assert isinstance(model, torch.nn.Module)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value += 0.3 * torch.rand(value.shape)
    return model.eval()


def script(folder: Path, text: str, name: str, *options: str) -> ModuleType:
    """The script for the port of the text, as a module."""
    write_port(folder / "model.py", text)
    assert jaxport(f"{folder / 'model.py'}:{name}", "-o", folder / "load.py", *options) == 0
    return loaded(folder / "load.py")


def agree(port: Any, model: torch.nn.Module, inputs: torch.Tensor) -> None:
    port.eval()
    with torch.no_grad():
        expected = model(inputs).numpy()
    np.testing.assert_allclose(port(jnp.asarray(inputs.numpy())), expected, rtol=1e-5, atol=1e-5)


TOKENS = torch.arange(6).reshape(2, 3)
PIXELS = torch.linspace(-1, 1, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5)


def test_the_script_loads_a_checkpoint_and_writes_it_for_nnx(tmp_path: Path) -> None:
    write_port(tmp_path / "model.py", BLOCKS)
    target = f"{tmp_path / 'model.py'}:Model"
    assert jaxport(target, "-o", tmp_path / "load.py", "--arguments", "8, depth=3") == 0
    model = original(BLOCKS, "Model", 8, 3)
    torch.save(model.state_dict(), tmp_path / "checkpoint.pt")
    done = subprocess.run(
        [sys.executable, "load.py", "checkpoint.pt", "model.npz"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    count = sum(parameter.numel() for parameter in model.parameters()) + 8
    assert done.stdout == f"checkpoint.pt fits Model: {count} numbers\nwritten to model.npz\n"
    assert "not in the checkpoint, kept as built: offset\n" in done.stderr

    with np.load(tmp_path / "model.npz") as values:
        assert {"embed.embedding", "blocks.2.net.0.kernel", "gamma", "offset"} <= {*values}
    load = loaded(tmp_path / "load.py")
    port = load.build()
    load.restore(port, tmp_path / "model.npz")
    agree(port, model, TOKENS)
    other = load.Model(4, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"shape of gamma: \(8,\) for gamma \(4,\)"):
        load.restore(other, tmp_path / "model.npz")


def test_batch_norm_names_of_layers_and_own_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load = script(tmp_path, IMAGES, "Images")
    assert "return Images(rngs=nnx.Rngs(0))" in (tmp_path / "load.py").read_text()
    model = original(IMAGES, "Images")
    port = load.build()
    load.load(port, model.state_dict())
    agree(port, model, PIXELS)
    assert capsys.readouterr().err == f"Wrote {tmp_path / 'load.py'}.\n"

    state = {name: value for name, value in model.state_dict().items() if "running" not in name}
    port = load.build()
    load.load(port, state)
    lines = {f"not in the checkpoint, kept as built: stem.norm.running_{end}\n"
             for end in ("mean", "var")}  # fmt: skip
    assert {*capsys.readouterr().err.splitlines(True)} == lines
    load.load(port, {n: w for n, w in model.state_dict().items() if "num_batches" not in n})


def test_what_torch_changes_in_place_later_is_not_seen(tmp_path: Path) -> None:
    load = script(tmp_path, IMAGES, "Images")
    state = original(IMAGES, "Images").state_dict()
    port = load.build()
    load.load(port, state)
    before = np.array(port.own.scale[...])
    state["own.scale"] += 1
    np.testing.assert_array_equal(port.own.scale[...], before)


def test_the_table_has_the_layers_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    images = script(tmp_path, IMAGES, "Images").LAYOUTS
    assert {*images} == {"BatchNorm2d", "Conv2d"}
    assert [*images["Conv2d"]] == ["weight"]
    assert images["Conv2d"]["weight"][0] == "kernel"


def test_one_error_lists_all_that_does_not_fit_and_nothing_is_changed(tmp_path: Path) -> None:
    load = script(tmp_path, BLOCKS, "Model", "--arguments", "dim=8")
    state = original(BLOCKS, "Model", 8).state_dict()
    port = load.build()
    before = port.blocks[1].norm.bias[...]
    del state["blocks.0.norm.weight"]
    state["blocks.0.net.0.weight"] = state["blocks.0.net.0.weight"].T
    state["gamma"] = torch.ones(8, dtype=torch.int64)
    state["extra.weight"] = torch.ones(1)
    with pytest.raises(ValueError) as caught:
        load.load(port, state)
    assert str(caught.value).splitlines() == [
        "the weights do not fit the model:",
        "  missing: blocks.0.norm.weight, for blocks.0.norm.scale",
        "  unexpected: extra.weight",
        "  shape of blocks.0.net.0.weight: (8, 16) for blocks.0.net.0.kernel (8, 16)",
        "  numbers of gamma: int64 for gamma float32",
    ]
    assert (port.blocks[1].norm.bias[...] == before).all()


def test_a_shared_parameter_may_have_one_name_but_not_two_values(tmp_path: Path) -> None:
    load = script(tmp_path, BLOCKS, "Model", "--arguments", "8")
    model = original(BLOCKS, "Model", 8)
    for name in ("head.weight", "embed.weight"):
        state = model.state_dict()
        del state[name]
        port = load.build()
        load.load(port, state)
        agree(port, model, TOKENS)
    state = model.state_dict()
    state["head.weight"] = state["head.weight"] + 1
    with pytest.raises(ValueError, match=r"embed.weight and head.weight differ, and are one"):
        load.load(load.build(), state)


def test_layers_with_too_few_dimensions_and_half_precision(tmp_path: Path) -> None:
    load = script(tmp_path, IMAGES, "Images")
    model = original(IMAGES, "Images")
    port = load.build()
    load.load(port, {name: w.bfloat16() if w.is_floating_point() else w
                     for name, w in model.state_dict().items()})  # fmt: skip
    assert port.own.scale.dtype == jnp.float32
    np.testing.assert_allclose(port.own.scale[...], model.state_dict()["own.scale"], rtol=1e-2)
    state = model.state_dict() | {"heads.a.weight": torch.ones(2, 4)}
    shapes = r"shape of heads.a.weight: \(2, 4\) for heads.a.kernel \(1, 1, 4, 2\)"
    with pytest.raises(ValueError, match=shapes):
        load.load(port, state)


def test_checkpoints_that_hold_more_or_have_a_prefix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, BLOCKS, "Model", "--arguments", "8")
    state = original(BLOCKS, "Model", 8).state_dict()
    checkpoint = {"epoch": 3, "model": {f"module.{name}": w for name, w in state.items()}}
    torch.save(checkpoint, tmp_path / "all.pt")

    def run(*options: str) -> str:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["load.py", str(tmp_path / "all.pt"), *options])
        runpy.run_path(str(tmp_path / "load.py"), run_name="__main__")
        return capsys.readouterr().out

    assert "fits Model" in run("--key", "model", "--prefix", "module.")
    with pytest.raises(SystemExit, match="of which --key takes one: epoch, model"):
        run()
    with pytest.raises(SystemExit, match=r"all.pt: the weights do not fit(.|\n)*missing: gamma"):
        run("--key", "model")


def test_the_file_can_be_in_a_package_and_the_script_anywhere(tmp_path: Path) -> None:
    package = tmp_path / "src" / "nets" / "small"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    layers, name, model = BLOCKS.partition("class Model")
    text = f"{HEAD}from .layers import Block\n\n\n{name}{model}"
    write_port(package / "model.py", text, layers=layers)
    (tmp_path / "tools").mkdir()
    for path in (tmp_path / "tools" / "load.py", package / "load.py"):
        target = f"{package / 'model.py'}:Model"
        assert jaxport(target, "-o", path, "--arguments", "8") == 0
        assert str(tmp_path) not in path.read_text()
        load = runpy.run_path(str(path))
        assert "Linear" in load["LAYOUTS"]
        port = load["build"]()
        load["load"](port, original(BLOCKS, "Model", 8).state_dict())
        agree(port, original(BLOCKS, "Model", 8), TOKENS)


def test_arguments_are_taken_from_the_file_or_left_to_be_filled_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = BLOCKS.replace("nn\n\n\n", "nn\n\n\nclass Config:\n    dim = 8\n\n\n", 1)
    path = write_port(tmp_path / "model.py", text)
    assert jaxport(f"{path}:Model", "--arguments", "Config.dim, depth=len('ab')") == 0
    out = capsys.readouterr().out
    assert "\nfrom model import Config, Model\n" in out
    assert "return Model(Config.dim, depth=len('ab'), rngs=nnx.Rngs(0))\n" in out
    assert max(map(len, out.splitlines())) <= 100
    assert jaxport(f"{path}:Model") == 0
    line = "    # FILL IN what it was made with: Model(dim, depth=2)\n    return Model(rngs="
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("model.py", (), "model.py: name a class, as in model.py:Model"),
        ("none.py:Model", (), "none.py: no such file"),
        ("model.py:Modell", (), "model.py: has no class `Modell`"),
        ("torch_model.py:Model", (), "torch_model.py: does not use Flax; is it the ported file?"),
        ("broken.py:Model", (), "broken.py:2: syntax error: invalid syntax"),
        ("my-model.py:Model", (), "my-model.py: can't be imported, `my-model` is no name"),
        ("model.py:Model", ("--arguments", "8) + (9"), "`8) + (9` can't be the arguments"),
        ("model.py:Model", ("--arguments", "8, act=gelu"), "`gelu` is not in model.py"),
        ("model.py:Model", ("-o", "model.py"), "model.py: is there already"),
        ("model.py:Model", ("-o", "no/load.py"), "can't write the file: No such file"),
    ],
)
def test_errors_are_one_line(
    target: str, options: tuple[str, ...], message: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("torch_model.py").write_text(BLOCKS)
    Path("broken.py").write_text("\nimport flax class\n")
    text = "from flax import nnx\n\n\nclass Model(nnx.Module):\n    pass\n"
    for name in ("model.py", "my-model.py"):
        Path(name).write_text(text)
    assert jaxport(target, *options) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("jaxport: ") and captured.err.count("\n") == 1
    assert message in captured.err
    assert Path("model.py").read_text() == text


def test_the_command_itself_runs_nothing(tmp_path: Path) -> None:
    write_port(tmp_path / "model.py", BLOCKS)
    program = (
        "import sys, argparse; from jaxport.commands import weights; "
        "print('jaxport.transfer' in sys.modules); "
        "path = sys.argv[1]; weights.run(argparse.Namespace(target=path, output=None, "
        "arguments=None)); print({'torch', 'jax', 'flax', 'numpy', 'model'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"{tmp_path / 'model.py'}:Model"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("False", "set()")


def test_a_table_with_another_layout_has_another_name_too() -> None:
    """So that nothing can be filled in by its name where a layer was not recognised."""
    for rows in tables().values():
        for theirs, (ours, value) in rows.items():
            assert "." not in ours
            if not ours:
                assert theirs == "num_batches_tracked"
            elif theirs == ours:
                assert value in ("w", "w.reshape(-1)")
