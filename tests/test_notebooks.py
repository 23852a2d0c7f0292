"""Notebooks: code cells are checked and fixed as one program, and all else stays as it is."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jaxport import check, notebook, source
from jaxport.cli import main
from jaxport.config import Config
from jaxport.results import shown

SETUP = "!pip install -q flax \\\n    optax\n%matplotlib inline\nprint('prêt')"
IMPORTS = "%load_ext autoreload\nimport glob\nimport torch\nfrom torch import nn"
NET = (
    "class Net(nn.Module):\n    def __init__(self, t):\n        super().__init__()\n"
    '        self.register_buffer("mean", t)\n\n    def forward(self, x):\n'
    "        return x - self.mean\n"
)
USE = "files = !ls {glob.os}\nif files:\n    !echo é 'it\nmodel = Net(torch.ones(2))\nmodel?"
READ = "%%time\nstate = model.state_dict()\n# ✓"
BASH = "%%bash\nmodel.state_dict()"
MARKDOWN = "# `model.state_dict()`"
FIXED = {
    IMPORTS: IMPORTS.replace("import torch\n", "import flax.nnx\nimport torch\n"),
    NET: NET.replace('self.register_buffer("mean", t)',
                     'setattr(self, "mean", flax.nnx.BatchStat(t))'),
    READ: READ.replace("model.state_dict()", "flax.nnx.to_pure_dict(flax.nnx.state(model))"),
}  # fmt: skip
CELLS = (MARKDOWN, SETUP, IMPORTS, NET, BASH, USE, READ)


def cells(*texts: str, as_list: bool = True) -> dict[str, Any]:
    """A notebook with these cells; a text that starts with `# ` is Markdown."""
    made = []
    for number, text in enumerate(texts):
        cell: dict[str, Any] = {
            "cell_type": "markdown", "id": f"cell-{number}", "metadata": {"tags": ["größer"]},
        }  # fmt: skip
        if not text.startswith("# "):
            stream = {"name": "stdout", "output_type": "stream", "text": ["\u001b[0m✓ a/b\n"]}
            cell |= {"cell_type": "code", "execution_count": 2, "outputs": [stream]}
        made.append({**cell, "source": text.splitlines(keepends=True) if as_list else text})
    return {
        "cells": made,
        "metadata": {"kernelspec": {"display_name": "P", "language": "python", "name": "p"},
                     "language_info": {"name": "python"}},
        "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip


STYLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "Jupyter": lambda data: json.dumps(data, indent=1, ensure_ascii=False) + "\n",
    "indent 4, sorted, ASCII": lambda data: json.dumps(data, indent=4, sort_keys=True),
    "compact": lambda data: json.dumps(data, separators=(",", ":"), ensure_ascii=False),
    "one line, ASCII": lambda data: json.dumps(data) + "\n\n",
    "tabs": lambda data: json.dumps(data, indent="\t", ensure_ascii=False),
    "CRLF": lambda data: json.dumps(data, indent=2).replace("\n", "\r\n"),
    "BOM": lambda data: "\ufeff" + json.dumps(data, indent=1),
    "wide gaps": lambda data: json.dumps(data, separators=(" ,  ", " :\t")),
}


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def read(path: Path) -> list[str]:
    """The text of each cell."""
    found = json.loads(path.read_bytes().decode("utf-8-sig"))["cells"]
    return [item["source"] if isinstance(item["source"], str) else "".join(item["source"])
            for item in found]  # fmt: skip


# What is fixed, and what stays


@pytest.mark.parametrize("as_list", [True, False], ids=["lists", "strings"])
@pytest.mark.parametrize("style", STYLES)
def test_only_the_sources_of_changed_cells_are_replaced_in_the_notebooks_own_style(
    tmp_path: Path, style: str, as_list: bool
) -> None:
    before = STYLES[style](cells(*CELLS, as_list=as_list))
    after = STYLES[style](cells(*[FIXED.get(text, text) for text in CELLS], as_list=as_list))
    path = write(tmp_path / "a.ipynb", before)
    assert main(["check", "--fix", str(path)]) == 0
    assert path.read_bytes().decode() == after
    nbformat.validate(json.loads(after.removeprefix("\ufeff")))
    assert main(["check", "--fix", "--exit-non-zero-on-fix", str(path)]) == 0
    assert path.read_bytes().decode() == after


def test_what_no_encoder_would_write_stays_as_it_is(tmp_path: Path) -> None:
    text = (
        '{"nbformat": 4, "x": 1.50e+3, "x": [NaN, "\\/\\u0041"], "metadata": {},\n'
        ' "cells": [{"source": ["dropped"], "cell_type": "code",\n'
        '   "source": ["import torch\\u0020 # \\u00e9\\/\\n"  ,\n'
        '"m = torch.nn.ReLU()\\n", "st\\u0061te = m.state_dict()"   ] , "outputs" : [ ]}]}\t\n'
    )
    path = write(tmp_path / "a.ipynb", text)
    assert main(["check", "--fix", str(path)]) == 0
    assert path.read_text() == text.replace(
        '["import', '["import flax.nnx\\n"  ,\n"import'
    ).replace(
        '"m = torch.nn.ReLU()\\n", "st\\u0061te = m.state_dict()"',
        '"m = torch.nn.ReLU()\\n"  ,\n'
        '"state = flax.nnx.to_pure_dict(flax.nnx.state(m))"',
    )


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("as_list", [True, False])
def test_changed_lines_are_escaped_as_the_others_are(
    tmp_path: Path, as_list: bool, ascii_only: bool
) -> None:
    code = "import torch\nm = torch.nn.ReLU()\ngröße = m.state_dict()  # 🔥"
    path = tmp_path / "a.ipynb"
    text = json.dumps(cells(code, as_list=as_list), ensure_ascii=ascii_only)
    write(path, text)
    assert main(["check", "--fix", str(path)]) == 0
    assert path.read_text().isascii() == ascii_only
    assert read(path)[0].splitlines()[-1] == (
        "größe = flax.nnx.to_pure_dict(flax.nnx.state(m))  # 🔥"
    )


def test_half_a_pair_in_a_magic_survives_a_fix(tmp_path: Path) -> None:
    code = "!echo \ud83d \0\nimport torch\nm = torch.nn.ReLU()\ns = m.state_dict()"
    path = write(tmp_path / "a.ipynb", json.dumps(cells(code, as_list=False)))
    assert main(["check", "--fix", str(path)]) == 0
    assert read(path)[0].startswith("!echo \ud83d \0\nimport flax.nnx\n")


def test_line_ends_in_cells_and_at_their_ends_are_kept(tmp_path: Path) -> None:
    code = [text.replace("\n", "\r\n") for text in (IMPORTS, NET, NET.replace("Net", "Two"))]
    path = write(tmp_path / "a.ipynb", json.dumps(cells(*code, "x = 1\n\n")))
    assert main(["check", "--fix", str(path)]) == 0
    assert read(path) == [
        FIXED[IMPORTS].replace("\n", "\r\n"), FIXED[NET].replace("\n", "\r\n"),
        FIXED[NET].replace("Net", "Two").replace("\n", "\r\n"), "x = 1\n\n",
    ]  # fmt: skip


def test_a_cell_can_become_empty(tmp_path: Path) -> None:
    step = "for x, y in data:\n    loss = lossf(model(x), y)\n    loss.backward()\n    opt.step()"
    make = "import torch\nmodel = torch.nn.Linear(2, 1)\nlossf = torch.nn.MSELoss()\n"
    make += "opt = torch.optim.SGD(model.parameters(), lr=0.1)"
    clean = "    opt.zero_grad()\n    "
    path = write(tmp_path / "a.ipynb", json.dumps(cells(
        make, "opt.zero_grad()", step.replace("    loss =", clean + "loss =")
    )))  # fmt: skip
    assert main(["check", "--fix", str(path)]) == 0
    data = json.loads(path.read_text())
    assert data["cells"][1]["source"] == []
    nbformat.validate(data)


TRAINING = (
    "%matplotlib inline\nimport torch",
    "model = torch.nn.Linear(2, 1)\nlossf = torch.nn.MSELoss()\n"
    "opt = torch.optim.SGD(model.parameters(), lr=0.1)\nhere = !pwd",
    "for x, y in data:\n    opt.zero_grad()\n    loss = lossf(model(x), y)\n"
    "    loss.backward()\n    opt.step()",
)


def test_a_training_step_is_ported_over_cells_and_its_cells_run(tmp_path: Path) -> None:
    import jax.numpy as jnp
    import numpy as np
    import torch
    from flax import nnx

    path = write(tmp_path / "a.ipynb", json.dumps(cells(*TRAINING)))
    assert main(["check", "--fix", str(path)]) == 0
    data = [(np.array([[1, 2], [3, -1]], "f"), np.array([[1], [0]], "f")) for _ in range(5)]

    def run(texts: list[str], names: dict[str, Any], replaced: str = "") -> dict[str, Any]:
        for text in texts:
            lines = ["" if "!" in line or "%" in line else line for line in text.splitlines()]
            if replaced:  # the model and its loss are what the rest of a port brings
                lines = ["" if "torch.nn" in line else line for line in lines]
            exec(compile("\n".join(lines), "<cell>", "exec"), names)
        return names

    torch.manual_seed(0)
    tensors = [(torch.tensor(x), torch.tensor(y)) for x, y in data]
    layer = torch.nn.Linear(2, 1)
    ours = nnx.Linear(2, 1, rngs=nnx.Rngs(0))
    ours.kernel[...] = jnp.asarray(layer.weight.detach().numpy().T)
    assert ours.bias is not None
    ours.bias[...] = jnp.asarray(layer.bias.detach().numpy())
    texts = list(TRAINING)
    texts[1] = texts[1].replace("model = torch.nn.Linear(2, 1)\n", "")
    theirs = run(texts, {"data": tensors, "model": layer})
    names = run(read(path), {
        "data": [(jnp.asarray(x), jnp.asarray(y)) for x, y in data], "model": ours,
        "lossf": lambda a, b: ((a - b) ** 2).mean(),
    }, replaced="torch.nn")  # fmt: skip
    np.testing.assert_allclose(
        names["model"].kernel[...], theirs["model"].weight.detach().numpy().T, rtol=1e-5
    )


@pytest.mark.parametrize(
    "apart",
    [
        ("z = model(x)", "loss = lossf(z, y)\nloss.backward()\nopt.step()"),
        ("loss = lossf(model(x), y)\n!ls\nloss = loss * 2\nloss.backward()\nopt.step()",),
    ],
    ids=["in two cells", "around a magic"],
)
def test_a_rewrite_never_goes_over_the_end_of_a_cell_or_a_magic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], apart: tuple[str, ...]
) -> None:
    texts = [*TRAINING[:2], "opt.zero_grad()", *apart]
    path = write(tmp_path / "a.ipynb", json.dumps(cells(*texts)))
    together = [*TRAINING[:2], "opt.zero_grad()", "\n".join(apart).replace("!ls\n", "")]
    other = write(tmp_path / "b.ipynb", json.dumps(cells(*together)))
    assert main(["check", "--fix", str(other)]) == 0
    assert "loss_fn" in read(other)[3]
    capsys.readouterr()
    assert main(["check", "--fix", str(path)]) == 1
    reason = "the loss is computed in several cells, or around a magic"
    assert reason in capsys.readouterr().out
    after = read(path)
    escape = [line for text in after for line in text.splitlines() if line.startswith("# jaxport")]
    assert escape == [f"# jaxport: JXP202 not ported: {reason}"]
    assert [re.sub("# jaxport.*\n", "", text) for text in after] == texts


# Where it says so


def test_findings_name_the_cell_and_the_row_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.ipynb", json.dumps(cells(*CELLS)))
    assert main(["check", "."]) == 1
    assert [line.split(" [*]")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a.ipynb:cell 4:4:9: JXP101", "a.ipynb:cell 7:2:9: JXP103",
    ]  # fmt: skip
    assert main(["check", "--output-format", "full", "a.ipynb"]) == 1
    assert "    2 | state = model.state_dict()\n      |         ^^^^^" in capsys.readouterr().out
    assert main(["check", "--output-format", "json", "a.ipynb"]) == 1
    records = json.loads(capsys.readouterr().out)
    assert [(one["cell"], one["location"]["row"], one["noqa_row"]) for one in records] == [
        (4, 4, 4), (7, 2, 2),
    ]  # fmt: skip
    texts = list(CELLS)
    for edit in records[0]["fix"]["edits"]:
        lines = texts[edit["cell"] - 1].splitlines(keepends=True)
        start, end = edit["location"], edit["end_location"]
        assert start["row"] == end["row"]
        line = lines[start["row"] - 1]
        lines[start["row"] - 1] = (
            line[: start["column"] - 1] + edit["content"] + line[end["column"] - 1 :]
        )
        texts[edit["cell"] - 1] = "".join(lines)
    assert texts == [FIXED[text] if text in (IMPORTS, NET) else text for text in CELLS]


def test_a_file_that_is_no_notebook_has_no_cells_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.py", f"import torch\nfrom torch import nn\n{NET}")
    assert main(["check", "--output-format", "json", str(tmp_path)]) == 1
    assert "cell" not in capsys.readouterr().out


# Where each format says that its findings are.
ROWS: dict[str, Callable[[str], list[Any]]] = {
    "github": lambda out: re.findall(r"line=(\d+)", out),
    "gitlab": lambda out: [item["location"]["lines"]["begin"] for item in json.loads(out)],
    "sarif": lambda out: [
        place["physicalLocation"]["region"]["startLine"]
        for item in json.loads(out)["runs"][0]["results"] for place in item["locations"]
    ],
}  # fmt: skip


@pytest.mark.parametrize("indent", [1, None])
@pytest.mark.parametrize("as_list", [True, False])
def test_other_tools_are_sent_to_the_lines_of_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], indent: int | None, as_list: bool
) -> None:
    text = json.dumps(cells(IMPORTS, NET, as_list=as_list), indent=indent)
    path = write(tmp_path / "n.ipynb", text)
    one_a_line = indent is not None and as_list
    wanted = "self.register_buffer" if one_a_line else '"source": ' + json.dumps(NET)[:9]
    if indent is None:
        wanted = "{"
    for name, rows in ROWS.items():
        assert main(["check", str(path), "--output-format", name]) == 1
        out = capsys.readouterr().out
        (row,) = map(int, rows(out))
        assert wanted in text.split("\n")[row - 1]
        assert "cell 2" in out
        assert '"fixes"' not in out


def test_a_message_that_names_a_line_names_its_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = TRAINING[2].replace("\n    loss.b", "; loss.b")
    path = write(tmp_path / "a.ipynb", json.dumps(cells(*TRAINING[:2], "y = 2\n" * 40, loop)))
    assert main(["check", str(path)]) == 1
    assert "line 3 of cell 4" in capsys.readouterr().out


def test_diff_show_fixes_and_stdin(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = STYLES["Jupyter"](cells(*CELLS))
    path = write(tmp_path / "a.ipynb", text)
    assert main(["check", "--diff", "a.ipynb"]) == 1
    assert capsysbinary.readouterr().out.decode().splitlines()[:9] == [
        "--- a.ipynb:cell 3", "+++ a.ipynb:cell 3", "@@ -1,4 +1,5 @@", " %load_ext autoreload",
        " import glob", "+import flax.nnx", " import torch", " from torch import nn",
        "--- a.ipynb:cell 4",
    ]  # fmt: skip
    assert path.read_bytes().decode() == text

    def piped(*options: str) -> tuple[int, str, str]:
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", stdin)
        code = main(["check", "-", "--stdin-filename", "x.ipynb", *options])
        done = capsysbinary.readouterr()
        return code, done.out.decode(), done.err.decode()

    fixed = STYLES["Jupyter"](cells(*[FIXED.get(item, item) for item in CELLS]))
    assert piped()[1].startswith("x.ipynb:cell 4:4:9: JXP101")
    assert piped("--fix")[:2] == (0, fixed)
    assert piped("--fix", "--select", "JXP3")[:2] == (0, text)
    assert main(["check", "--fix", "--show-fixes", "a.ipynb"]) == 0
    assert b"Fixed a.ipynb: JXP101" in capsysbinary.readouterr().err


def test_noqa_and_skip_file_work_in_cells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = NET.replace('"mean", t)', '"mean", t)  # noqa: JXP101')
    call = "s = Net(1).state_dict()  # noqa"
    one = write(tmp_path / "a.ipynb", json.dumps(cells(IMPORTS, quiet, call)))
    two = write(tmp_path / "b.ipynb", json.dumps(cells(IMPORTS, NET, "#jaxport: skip-file")))
    assert main(["check", str(one), str(two)]) == 0
    assert capsys.readouterr().out == ""


def test_port_says_that_it_takes_no_notebooks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.ipynb", json.dumps(cells(*CELLS)))
    (tmp_path / "a.py").write_text("x = 1\n")
    assert main(["port", str(path)]) == 2
    assert f"jaxport: {path}: port takes no notebooks" in capsys.readouterr().err
    assert main(["port", str(tmp_path)]) == 0
    assert "1 of 1 file is clean" in capsys.readouterr().err


def test_checkpoints_are_left_out_and_include_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("", ".ipynb_checkpoints"):
        (tmp_path / folder).mkdir(exist_ok=True)
        write(tmp_path / folder / "a.ipynb", json.dumps(cells(*CELLS)))
    assert main(["check", str(tmp_path)]) == 1
    assert "in 1 file." in capsys.readouterr().err
    (tmp_path / "pyproject.toml").write_text('[tool.jaxport]\ninclude = ["*.py"]\n')
    assert main(["check", str(tmp_path), "--config", str(tmp_path / "pyproject.toml")]) == 0


# Code that is not Python, or can't be seen


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"language": "julia", "name": "j", "display_name": "J"}},
        {"language_info": {"name": "R"}},
        {"kernelspec": {"language": "python"}, "language_info": {"name": "scala"}},
    ],
)
def test_notebooks_of_other_languages_are_left_alone(
    tmp_path: Path, metadata: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps({**cells(IMPORTS, NET, "x <- 1"), "metadata": metadata})
    path = write(tmp_path / "a.ipynb", text)
    assert main(["check", "--fix", "--select", "ALL", str(path)]) == 0
    assert (capsys.readouterr().out, path.read_text()) == ("", text)


@pytest.mark.parametrize("metadata", [{}, [], None, {"kernelspec": None}, {"language_info": []},
                                      {"kernelspec": {"language": 3}}])  # fmt: skip
def test_a_notebook_without_a_language_holds_python(tmp_path: Path, metadata: Any) -> None:
    path = write(tmp_path / "a.ipynb", json.dumps({**cells(IMPORTS, NET), "metadata": metadata}))
    assert main(["check", str(path)]) == 1


def test_a_cell_of_another_language_is_left_out(tmp_path: Path) -> None:
    data = cells(IMPORTS, NET, "SELECT * FROM t")
    data["cells"][2]["metadata"] = {"vscode": {"languageId": "sql"}}
    path = write(tmp_path / "a.ipynb", json.dumps(data))
    assert main(["check", "--fix", str(path)]) == 0
    assert read(path) == [FIXED[IMPORTS], FIXED[NET], "SELECT * FROM t"]


@pytest.mark.parametrize(
    ("hidden", "reason"),
    [
        ("x =", "cell 3 is not read"),
        ("%%wandb\ntrain()", "`%%wandb` of cell 3 may run Python"),
        ("%%timeit\ntrain()", "`%%timeit` of cell 3 may run Python"),
        ("y = 1\n%time train()", "`%time` of cell 3 may run Python"),
        ("y = %timeit -o train()", "`%timeit` of cell 3 may run Python"),
        ("if True:\n    %run train.py", "`%run` of cell 3 may run Python"),
    ],
)
def test_beside_code_that_is_not_seen_no_rewrite_is_safe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hidden: str, reason: str
) -> None:
    texts = (IMPORTS, NET, hidden, READ)
    text = json.dumps(cells(*texts))
    path = write(tmp_path / "a.ipynb", text)
    assert main(["check", "--fix", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"(unsafe here: {reason})" in out
    assert "[*]" not in out
    assert path.read_text() == text
    main(["check", "--unsafe-fixes", str(path)])
    assert read(path)[:3] == [FIXED[IMPORTS], FIXED[NET], hidden]


def test_an_import_that_only_a_magic_uses_stays(tmp_path: Path) -> None:
    make = "import torch\nfrom lib import model, data, lossf"
    opt = "opt = torch.optim.SGD(model.parameters(), lr=0.1)"
    used = write(tmp_path / "a.ipynb", json.dumps(
        cells(make, opt, TRAINING[2], "!pip install x=={torch.__version__}")
    ))  # fmt: skip
    free = write(tmp_path / "b.ipynb", json.dumps(
        cells(make, opt, TRAINING[2], "!pip install torch")
    ))  # fmt: skip
    main(["check", "--unsafe-fixes", str(used), str(free)])
    assert "import torch\n" in read(used)[0]
    assert "optax.sgd" in read(free)[1]
    assert "import torch\n" not in read(free)[0]


def test_a_cell_that_does_not_parse_is_reported_and_the_others_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = ("y = 1\nx = (", "  x = 1\n y = 2", 'x = "\ud800"', "x = \0", "(" * 5000, "if x:\n  1",
           "else:\n  2")  # fmt: skip
    write(tmp_path / "a.ipynb", json.dumps(cells(IMPORTS, *bad, NET)))
    assert main(["check", "--output-format", "full", "a.ipynb"]) == 1
    out = capsys.readouterr().out
    found = [line.split()[:3] for line in out.splitlines() if line.startswith("a.ipynb")]
    assert [line[1].split(":")[0] + " " + line[2] for line in found] == [
        "2 JXP001", "3 JXP001", "4 JXP001", "5 JXP001", "6 JXP001", "8 JXP001", "9 JXP101",
    ]  # fmt: skip
    assert "a.ipynb:cell 2:2:5: JXP001 syntax error: '(' was never closed" in out
    assert "    2 | x = (\n" in out
    assert main(["check", "--select", "JXP1", "a.ipynb"]) == 1
    assert "JXP001" not in capsys.readouterr().out


# What is IPython's


MAGICS = [
    "%matplotlib inline", "!ls", "!!ls", "!echo 'it", '!echo """', "!echo (", "?model", "model?",
    "torch.nn.Linear??", "%cd ..", "files = !ls", "a, b = !ls 'x", "a.b = !ls", "d['k'] = !ls (",
    "!pip install a \\\n  b \\\n  c", "f(\n  1)?", "%pip install 'a[b]'",
    "x = %pwd", "(a, b) = !ls", "x: int = !ls",
    "if x:\n    !ls '\n    %cd\nelse:\n\t!ls \\\n  2", "%%capture out\n!ls '",
    "\n\n%%time\n%%capture\nx = 1", "%%bash\nfor x; do", "%%writefile a.py\nx = (", "# c?\n!ls",
]  # fmt: skip
PYTHON = [
    'x = """\n!ls\n%s\n"""', "x = (5\n% 3)", "x = 5 \\\n% 3", "x = '?'", "x = 1  # ?", "x != y",
    "'x = !y'", "x = 'a'  # = !ls", 'f"{x!r}"', "x = [\n'(',\n]\ny = 1", "x = '''it's\n!ls'''",
    "async def f():\n    await g()\nawait f()", "return", "from __future__ import annotations",
    "x = r'\\\\'\ny = 2", 'x = {"a": """?"""}', "#!ls", "x = 1;", "print(x)  # !", "\f\nx = 1",
]  # fmt: skip


@pytest.mark.parametrize("text", [*MAGICS, *PYTHON])
def test_magics_are_no_syntax_errors_and_stay(tmp_path: Path, text: str) -> None:
    texts = [IMPORTS, text, NET.replace("t)", "t, persistent=True)"), READ]
    path = write(tmp_path / "a.ipynb", json.dumps(cells(*texts)))
    parsed = notebook.parse(path, path.read_bytes())
    assert parsed.problems == ()
    assert parsed.unseen == ""
    kept = "".join(line for line in parsed.lines if line.split() and line.strip() in text)
    if text in PYTHON:
        assert text in parsed.text
    else:
        assert text not in kept
    main(["check", "--fix", str(path)])
    assert [read(path)[0], read(path)[1]] == [FIXED[IMPORTS], text]


@pytest.mark.parametrize("text", ["x = 1 +", "x = = !ls", "pip install x", "x = $y", "model? + 1",
                                  "  %cd x"])
def test_what_is_neither_is_a_syntax_error(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "a.ipynb", json.dumps(cells(IMPORTS, text)))
    assert len(notebook.parse(path, path.read_bytes()).problems) == 1


def test_the_comments_between_cells_can_not_be_forged(tmp_path: Path) -> None:
    forged = "# jaxport-notebook cell 1\n# jaxport-notebook 0\npass  # jaxport-notebook- 0"
    texts = [forged, IMPORTS, "!ls", NET, f'x = """\n{forged}\n"""']
    texts[0] = "1\n" + forged
    path = write(tmp_path / "a.ipynb", json.dumps(cells(*texts)))
    assert main(["check", "--fix", str(path)]) == 0
    assert read(path) == [FIXED.get(text, text) for text in texts]


def test_a_text_that_moves_lines_between_cells_is_refused() -> None:
    file = notebook.parse(Path("a.ipynb"), json.dumps(cells("a = 1", "!ls\nb = 2")).encode())
    rows = [[0, 1, 3, 2, 4], [0, 1, 2, 4], [2, 3, 4, 0, 1], [0, 1, 2, 3, 3, 4]]
    for order in rows:
        with pytest.raises(source.SourceError, match="moved"):
            file.with_text("".join(file.lines[row] for row in order))
    with pytest.raises(source.SourceError):
        file.with_text(file.text.replace("a = 1", "a = (").replace("b = 2", "b)"))
    assert file.encode(file.with_text(file.text.replace("b = 2", "b = 3")).text) == json.dumps(
        cells("a = 1", "!ls\nb = 3")
    ).encode()


# Where imports go


@pytest.mark.parametrize(
    ("texts", "cell"),
    [
        (["print('hi')\n!pip install flax", IMPORTS, NET], 1),
        (["import glob", "!pip install flax", IMPORTS, NET], 2),
        (["%%bash\nls", IMPORTS, NET], 1),
        (["# only a comment", "%%html\n<b>", "", IMPORTS, NET], 3),
    ],
)
def test_imports_go_into_the_cell_that_imports_torch(
    tmp_path: Path, texts: list[str], cell: int
) -> None:
    data = cells(*texts)
    path = write(tmp_path / "a.ipynb", json.dumps(data))
    assert main(["check", "--fix", str(path)]) == 0
    expected = list(texts)
    expected[cell] = FIXED[IMPORTS]
    expected[-1] = FIXED[NET]
    assert read(path) == expected


def test_an_import_stands_above_the_first_use_even_if_torch_comes_later(tmp_path: Path) -> None:
    texts = ["print('hi')", "from torch import nn\nm = nn.ReLU()\ns = m.state_dict()",
             "import torch\nimport flax.nnx"]  # fmt: skip
    path = write(tmp_path / "a.ipynb", json.dumps(cells(*texts)))
    assert main(["check", "--fix", str(path)]) == 0
    lines = "\n".join(read(path)).splitlines()
    used = lines.index("s = flax.nnx.to_pure_dict(flax.nnx.state(m))")
    assert "import flax.nnx" in lines[:used]


# Bad input

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "1:1: JXP001 not a notebook: Expecting '{'"),
    "not JSON": (b"import torch\n", "1:1: JXP001 not a notebook"),
    "cut off": (b'{"cells": [\n{"source": "x', "2:12: JXP001 not a notebook: Unterminated string"),
    "trailing comma": (b'{"cells": [],}', "1:14: JXP001 not a notebook"),
    "more behind": (b'{"cells": []} {}', "1:15: JXP001 not a notebook: Extra data"),
    "no object": (b"[]", "JXP001 not a notebook: Expecting '{'"),
    "no cells": (b"{}", "JXP001 not a notebook: it has no cells"),
    "cells are no list": (b'{"cells": {}}', "JXP001 not a notebook: Expecting '['"),
    "cell is no object": (b'{"cells": [1]}', "JXP001 not a notebook: Expecting '{'"),
    "a name without quotes": (b'{cells: []}', "JXP001 not a notebook: Expecting a name"),
    "source is a number": (
        b'{"cells": [{}, {"cell_type": "code", "source": 1}]}', "the source of cell 2 is not text"
    ),
    "source is a list of numbers": (
        b'{"cells": [{"cell_type": "code", "source": ["x", 1]}]}', "cell 1 is not text"
    ),
    "format 3": (
        b'{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x"}]}]}',
        "JXP001 not a notebook: format 3 is too old, `jupyter nbconvert` brings it to format 4",
    ),
    "Latin-1": (b'{"cells": [],\n "x": "\xe9"}', "2:1: JXP003 can't decode the file"),
    "UTF-16": ('{"cells": []}'.encode("utf-16"), "JXP003 can't decode the file"),
    "deep": (b'{"x": ' + b"[" * 200_000, "JXP001 nested too deeply"),
    "deep cells": (b'{"cells": [{"source": ' + b'{"a":' * 200_000, "JXP001 nested too deeply"),
    "huge number": (b'{"cells": [], "x": ' + b"1" * 6000 + b"}", "JXP001 not a notebook"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_line_says_what_is_wrong_with_a_notebook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    data, expected = BAD[name]
    (tmp_path / "bad.ipynb").write_bytes(data)
    good = write(tmp_path / "good.ipynb", json.dumps(cells(IMPORTS, NET)))
    assert main(["check", "--fix", "bad.ipynb", "good.ipynb"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("bad.ipynb:")
    assert expected in lines[0]
    assert (tmp_path / "bad.ipynb").read_bytes() == data
    assert read(good) == [FIXED[IMPORTS], FIXED[NET]]


def test_outputs_of_many_megabytes_are_copied(tmp_path: Path) -> None:
    data = cells(*CELLS)
    data["cells"][3]["outputs"] = [{"output_type": "display_data", "metadata": {},
                                    "data": {"image/png": "iVBOR/+\n" * 4_000_000}}]  # fmt: skip
    text = STYLES["Jupyter"](data)
    path = write(tmp_path / "a.ipynb", text)
    assert main(["check", "--fix", str(path)]) == 0
    after = path.read_bytes().decode()
    output = text.index('"outputs"', text.index("iVBOR") - 200), text.rindex("iVBOR") + 100
    assert text[output[0] : output[1]] in after
    assert read(path)[3] == FIXED[NET]


# What holds for every notebook

FRAGMENTS = st.sampled_from([
    IMPORTS, NET, USE, READ, BASH, *TRAINING, *MAGICS, *PYTHON, "x = (", "'''", "\r", "a\rb",
    "if x:\n", "x\\", "\ud800", "\0", "else: 1", "@f", "\x0c", "\u2028", "x?\r\n", "\t!ls\n",
    "model.state_dict()", "opt.step()", "opt.zero_grad()", "loss.backward()", "%%x", "# noqa",
])  # fmt: skip
TEXTS = st.lists(st.one_of(FRAGMENTS, st.text(max_size=20)), max_size=3).map("\n".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, max_size=6), st.sampled_from(sorted(STYLES)), st.booleans())
@example(["x = 1\r", "!ls\r", "@f", "def g(): pass"], "Jupyter", True)
@example([IMPORTS, "m = nn.ReLU()\nm.state_dict()\\", "", "m.state_dict()"], "compact", False)
def test_every_notebook_is_answered_and_only_a_fix_changes_it(
    texts: list[str], style: str, as_list: bool
) -> None:
    data = cells(*texts, as_list=as_list)
    text = STYLES[style](data)
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = STYLES["one line, ASCII"](data).encode()
    path = Path("never-there.ipynb")
    config = Config(select=("ALL",))
    parsed = notebook.parse(path, raw)
    assert parsed.encode(parsed.text) == raw
    assert [item for _, item in parsed.sections(parsed.text)] == [
        cell.text for cell in parsed.cells
    ]
    rows = {cell.number: len(source.split_lines(cell.text)) for cell in parsed.cells}
    checked = check.check_bytes(path, raw, config)
    assert "JXP006" not in {item.code for item in checked.findings}
    for item in shown(checked):
        assert item.span.start.row <= rows[item.span.start.cell] + 1
    result = check.check_bytes(path, raw, config, fix=True, unsafe=True)
    assert "JXP006" not in {item.code for item in result.findings}
    if result.text is None:
        return
    assert result.source is not None
    fixed = result.source.encode(result.text)
    before, after = json.loads(raw.decode("utf-8-sig")), json.loads(fixed.decode("utf-8-sig"))
    for old, new in zip(before["cells"], after["cells"], strict=True):
        assert type(old.pop("source")) is type(new.pop("source"))
    assert before == after
    assert check.check_bytes(path, fixed, config, fix=True, unsafe=True).text is None
