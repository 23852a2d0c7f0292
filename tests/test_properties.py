"""What holds for every file: no crash, valid code, nothing to do twice, other text untouched."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jaxport import check, fix
from jaxport.config import Config
from jaxport.findings import Finding
from jaxport.rules import DIALECTS
from jaxport.source import SourceFile, split_lines

if TYPE_CHECKING:
    from jaxport.rules import Dialect

PATH = Path("never-there.py")
ESCAPE = "# jaxport: JXP202 not ported:"
ALL = ("ALL",)

many = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# Fragments of torch code

NAMES = st.sampled_from(
    ["'n'", '"n"', "'größe'", "f'n{i}'", "name", "'running_mean'", "b", '"""n"""']
)
VALUES = st.sampled_from(
    [
        "t", "None", "torch.zeros(3)", "torch.zeros(\n    3,\n)", "x if t else y", "lambda: t",
        "*t", "(yield)", "t if t is not None else None", "nn.Parameter(t)", "not t",
        "nn.Parameter(t, requires_grad=False)", "[\n  1,  # one\n  2,\n]", '"""a\nb"""', "'é✓🔥'",
        "(a := t)", "(t)", "((t))", "t[1:2, ...]", "{**t}", "t.detach().clone()", "-t",
        "model.state_dict()", "torch.tensor([\\\n 1])", "f'{t!r:>{n}}'", "b'x'", "1_000j", "...",
    ]
)  # fmt: skip
EXTRA = st.sampled_from(
    ["", "", "", ", persistent=True", ", persistent=False", ", True", ", **kw", ", *args", ",",
     ",\n", ", persistent=flag", "  # why\n", ", persistent = True , "]
)  # fmt: skip
RECEIVERS = st.sampled_from(["self", "self", "self", "model", "net", "super()", "nn.Module", "env"])
HYPER = st.sampled_from(
    ["", ", lr=0.1", ", 0.01", ", lr=lr", ", lr=0.1, momentum=0.9", ", weight_decay=1e-4",
     ", betas=(0.9, 0.99)", ", betas=b", ", maximize=True", ", **kw", ", amsgrad=True",
     ", lr=0.1, nesterov=True, momentum=0.9", ",\n    lr=0.1,  # slow\n", ", foreach=None",
     ", eps=1e-8", ", lr=1e-3 if a else b", ", lr=(yield)"]
)  # fmt: skip
PARAMETERS = st.sampled_from(
    ["model.parameters()", "list(model.parameters())", "self.parameters()", "net.parameters()",
     "[{'params': model.parameters()}]", "params", "model.parameters(recurse=False)", "*groups"]
)  # fmt: skip
OPTIMIZERS = st.sampled_from(
    ["torch.optim.SGD", "torch.optim.Adam", "torch.optim.AdamW", "optim.RMSprop", "SGD",
     "torch.optim.LBFGS", "torch.optim.Adagrad", "torch.optim.Unheard"]
)  # fmt: skip
HOLDERS = st.sampled_from(["opt", "opt", "opt", "optimizer", "self.opt", "opts[0]"])
LEFT = st.sampled_from(["", "", "state = ", "x: dict = ", "a, b = ", "a = b = ", "x += ", "return ",
                        "print", "await ", "assert ", "del ", "yield ", "lambda: "])  # fmt: skip


@st.composite
def calls(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 10))
    receiver = draw(RECEIVERS)
    if kind <= 2:
        method = draw(st.sampled_from(["register_buffer", "register_buffer", "register_parameter"]))
        gap = draw(st.sampled_from(["", "\n    ", " ", "\n\n  # c\n  ", "\\\n"]))
        return f"{receiver}.{method}({gap}{draw(NAMES)}, {draw(VALUES)}{draw(EXTRA)})"
    if kind == 3:
        return f"{draw(HOLDERS)} = {draw(OPTIMIZERS)}({draw(PARAMETERS)}{draw(HYPER)})"
    if kind <= 5:
        gap = draw(st.sampled_from(["", "", "", "\n", "set_to_none=True", "closure", "  # c\n"]))
        method = draw(st.sampled_from(["step", "zero_grad"]))
        holder = draw(st.one_of(HOLDERS, RECEIVERS))
        return f"{holder}.{method}({gap})"
    if kind == 6:
        return f"{draw(LEFT)}{receiver}.state_dict({draw(st.sampled_from(['', '', chr(10), 'd']))})"
    if kind == 7:
        source = draw(
            st.sampled_from(["model.state_dict()", "state", "torch.load(p)", "\nstate\n"])
        )
        return f"{draw(LEFT)}{receiver}.load_state_dict({source})"
    if kind == 8:
        norm = draw(st.sampled_from(["BatchNorm1d", "BatchNorm2d", "LayerNorm"]))
        sizes = ["3", "3, momentum=None", "3, 1e-5, 0.1", "n,\n  eps=1e-3,", ""]
        return f"{receiver}.bn = nn.{norm}({draw(st.sampled_from(sizes))})"
    if kind == 9:
        return f"for p in {receiver}.parameters(): print(p, {receiver}.n)"
    return draw(
        st.sampled_from(
            ["pass", "params = flax.nnx.state(model, flax.nnx.Param)",
             "opt_state = opt.init(params)", "grads = jax.grad(f)(params)", "loss.backward()",
             "self.n += 1",
             "model = nn.Linear(2, 2)",
             "net = copy.deepcopy(model)", "x = '#' # noqa", "flax = 1", "'''doc\n  string'''",
             "updates = 3", "import optax", "from torch import optim",
             "global model", "del opt", "x = 'é'", "import flax.nnx as nnx", "jax = None"]
        )
    )  # fmt: skip


COMMENTS = st.sampled_from(
    ["", "", "", "", "  # why", "  # noqa",
     "  # noqa: JXP1", ";", "  ", "  # é", "\t# x", " ;  # y"]
)
INDENTS = st.sampled_from(["    ", "    ", "  ", "\t", " ", "        "])
BLANKS = st.sampled_from(["", "", "", "", "\n", "\n\n", "# comment\n", "    # deep comment\n",
                          "\x0c\n", f"{ESCAPE} an older reason\n", "   \n"])  # fmt: skip


@st.composite
def lines(draw: st.DrawFn, depth: int) -> str:
    """A block as text without indentation in front of it."""
    parts = [draw(BLANKS)]
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 9 if depth else 5))
        if kind <= 3:
            parts.append(f"{draw(calls())}{draw(COMMENTS)}\n")
        elif kind == 4:
            simple = [draw(calls()) for _ in range(draw(st.integers(2, 3)))]
            gap = draw(st.sampled_from(["; ", ";", " ; ", "; \\\n"]))
            parts.append(gap.join(simple) + draw(COMMENTS) + "\n")
        elif kind == 5:
            heads = ["if a: ", "for x in y: ", "with f(): ", "while a:", "if a:\\\n"]
            head = draw(st.sampled_from(heads))
            parts.append(f"{head}{draw(calls())}{draw(COMMENTS)}\n")
        else:
            parts.append(draw(blocks(depth - 1)))
        parts.append(draw(BLANKS))
    return "".join(parts)


@st.composite
def blocks(draw: st.DrawFn, depth: int) -> str:
    indent = draw(INDENTS)
    head = draw(
        st.sampled_from(
            ["if a:", "for i in data:", "while True:", "with torch.no_grad():",
             "def step(self, t):",
             "class Net(nn.Module):", "@torch.no_grad()\ndef f(model, opt, opt_state, grads):",
             "@deco(\n    1\n)\nclass Other(nn.Module):", "async def g(model: nn.Module):",
             "def train(model: torch.nn.Module, params, grads):", "for i in data:  # noqa",
             "class Net(\n    nn.Module,\n):", "def __init__(self, t=None):"]
        )
    )  # fmt: skip
    inside = "".join(indent + line if line.strip() else line
                     for line in draw(lines(depth)).splitlines(True))  # fmt: skip
    text = f"{head}\n{inside}"
    if head.startswith(("if", "for", "while")) and draw(st.booleans()):
        text += f"else:\n{indent}{draw(calls())}\n"
    return text


PLAIN = st.sampled_from(
    ["t", "torch.zeros(3)", "torch.zeros(\n  3,\n)", "(t)", "((t))", "t[1:2, ...]", "'é✓🔥'", "-t",
     "t.detach().clone()", "[\n  1,  # one\n  2,\n]", "torch.tensor([\\\n 1])", "lambda: t",
     "(a := t)", "x if t else y", "(yield)", '"""a\nb"""', "not t", "t @ t", "1_000j", "t  # why\n"]
)  # fmt: skip


@st.composite
def registering_classes(draw: st.DrawFn) -> str:
    """A module class whose buffers and parameters can be rewritten."""
    rows = []
    for number in range(draw(st.integers(1, 4))):
        method = draw(st.sampled_from(["register_buffer", "register_parameter"]))
        names = [f"'n{number}'", f'"n{number}"', f"f'n{number}'", f"name='n{number}'"]
        name = draw(st.sampled_from(names))
        word = "tensor=" if method == "register_buffer" else "param="
        value = draw(st.sampled_from(["", word] if "=" not in name else [word])) + draw(PLAIN)
        gap = draw(st.sampled_from(["", "", "\n    ", " ", "\n\n  # c\n  ", "\\\n", "  # é\n"]))
        end = draw(st.sampled_from(["", "", ",", ",\n", "\n", "  # why\n", " , "]))
        left = draw(st.sampled_from(["", "", "", "if t: ", "x = 1; ", "x = 'é🔥'; ", "with t: "]))
        right = draw(st.one_of(COMMENTS, st.sampled_from(["; x = 'é'", "; \\\n  pass"])))
        rows.append(f"{left}self.{method}({gap}{name}, {gap}{value}{end}){right}\n{draw(BLANKS)}")
    one, two = draw(INDENTS), draw(INDENTS)
    inside = "".join(one + two + line if line.strip() else line
                     for line in "".join(rows).splitlines(True))  # fmt: skip
    above = draw(st.sampled_from(["", "", "@deco\n", "@deco(\n    1\n)\n", "# why\n", "\x0c\n"]))
    return f"{above}class Net(nn.Module):\n{one}def __init__(self, t, a=1):\n{inside}"


@st.composite
def training_functions(draw: st.DrawFn) -> str:
    """A function that is half ported, so that the steps of its optimizer can be rewritten."""
    one, two = draw(INDENTS), draw(INDENTS)
    steps = []
    for _ in range(draw(st.integers(1, 3))):
        zero = "opt.zero_grad({})".format(draw(st.sampled_from(["", "True", "\n", " "])))
        step = "opt.step({})".format(draw(st.sampled_from(["", "", "\n", " ", "  # c\n"])))
        choice = st.sampled_from([zero, step, "pass", "x = 'é'"])
        simple = draw(st.lists(choice, min_size=1, max_size=3))
        line = draw(st.sampled_from(["; ", ";", "\n", " ;  "])).join(simple)
        head = draw(st.sampled_from(["", "", "if i: ", "if i:\n" + two, "with f(): ", "while i: "]))
        steps.append(head + (line.replace("\n", "; ") if head else line) + draw(COMMENTS) + "\n")
        steps.append(draw(BLANKS))
    inside = "".join(one + two + line if line.strip() else line
                     for line in "".join(steps).splitlines(True))  # fmt: skip
    optimizer = draw(st.sampled_from(["torch.optim.SGD", "torch.optim.Adam", "torch.optim.AdamW"]))
    hyper = draw(st.sampled_from(["", ", lr=0.1", ", lr=lr", ", weight_decay=1e-4", ",\n lr=1\n"]))
    return (
        f"def train(model: torch.nn.Module, f, data, lr=0.1):\n"
        f"{one}opt = {optimizer}(model.parameters(){hyper}){draw(COMMENTS)}\n"
        f"{one}params = flax.nnx.state(model, flax.nnx.Param)\n"
        f"{one}opt_state = opt.init(params)\n"
        f"{one}for i in data:\n{one}{two}grads = jax.grad(f)(params, i)\n{inside}"
        f"{one}return params\n"
    )


HEADS = st.sampled_from(
    ["import torch\nfrom torch import nn\n", "import torch, os\nfrom torch import nn, optim\n",
     '"""Doc."""\nfrom __future__ import annotations\n\nimport os\n'
     "import torch\nimport torch.nn as nn\n",
     "#!/usr/bin/env python\n# coding: utf-8\nimport torch\n"
     "from torch import (\n    nn,\n    optim,\n)\n",
     "import flax.nnx\nimport jax\nimport optax\nimport torch\nfrom torch import nn\n",
     "from torch.optim import SGD\nimport torch; from torch import nn\n",
     "try:\n    import torch\n    from torch import nn\nexcept ImportError:\n    torch = None\n",
     "'''Doc'''; import torch\nfrom torch import nn\n",
     "from torch import *\nfrom torch import nn\n",
     "\nimport torch\n\n\nfrom torch import nn  # layers\n",
     "import os; import torch; from torch import nn\n", "from torch import nn; import torch\n"]
)  # fmt: skip
SETUP = st.sampled_from(
    ["", "", "model = nn.Linear(2, 1)\n",
     "model = nn.Linear(2, 1)\nopt = torch.optim.SGD(model.parameters())\n",
     "import jax\nimport optax\nfrom flax import nnx\nmodel = nn.Linear(2, 1)\n"
     "opt = torch.optim.Adam(model.parameters())\nparams = nnx.state(model, nnx.Param)\n"
     "opt_state = opt.init(params)\ngrads = jax.grad(f)(params)\n"]
)  # fmt: skip
NEWLINES = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


@st.composite
def modules(draw: st.DrawFn) -> str:
    parts = [draw(HEADS), draw(SETUP)]
    port = st.one_of(registering_classes(), training_functions())
    if draw(st.booleans()):
        parts.append("import flax.nnx\nimport jax\n")
    for _ in range(draw(st.integers(1, 3))):
        # What does not parse is left out part by part, so that most modules have much in them.
        part = draw(st.one_of(blocks(2), port, port, lines(2)))
        if parses("".join(parts) + part):
            parts.append(part)
    text = "".join(parts)
    if draw(st.booleans()):
        text = text.rstrip()
    return text.replace("\n", draw(NEWLINES))


@st.composite
def torn_modules(draw: st.DrawFn) -> str:
    """A module with a piece cut out: mostly no Python any more."""
    text = draw(modules())
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + text[end:]


def checked(text: str, unsafe: bool = False, dialect: Dialect = "nnx") -> check.Checked:
    config = Config(select=ALL, dialect=dialect)
    return check.check_bytes(PATH, text.encode(), config, True, unsafe)


def no_internal_error(result: check.Checked) -> None:
    assert [item.message for item in result.findings if item.code == "JXP006"] == []


def rewritten(text: str, unsafe: bool) -> list[Finding]:
    found = check.check_bytes(PATH, text.encode(), Config(select=ALL)).findings
    return fix.applicable(found, unsafe)


@many
@given(modules(), st.booleans(), st.sampled_from(DIALECTS))
def test_the_fixed_file_parses_and_a_second_fix_changes_nothing(
    text: str, unsafe: bool, dialect: Dialect
) -> None:
    result = checked(text, unsafe, dialect)
    no_internal_error(result)
    if result.text is None:
        return
    assert result.text != text
    ast.parse(result.text)
    again = checked(result.text, unsafe, dialect)
    no_internal_error(again)
    assert again.text is None


@many
@given(modules(), st.booleans())
def test_only_lines_with_findings_imports_and_reasons_change(text: str, unsafe: bool) -> None:
    chosen = rewritten(text, unsafe)
    before = split_lines(text)
    source = SourceFile(PATH, text, before, ast.parse(text), "utf-8")
    after = fix.apply(source, chosen, "nnx").lines
    allowed = {
        row for item in chosen for row in range(item.span.start.row, item.span.end.row + 1)
    }  # fmt: skip
    allowed |= {row for row, line in enumerate(before, 1) if ESCAPE in line}
    for statement in ast.parse(text).body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            allowed |= set(range(statement.lineno, (statement.end_lineno or 0) + 1))
    if before and not before[-1].endswith(("\n", "\r")):
        allowed.add(len(before))
    rest = iter(after)
    kept = [line for row, line in enumerate(before, 1) if row not in allowed and line.strip()]
    assert [line for line in kept if line not in rest] == []


@many
@given(modules())
def test_only_the_newline_of_the_file_is_written(text: str) -> None:
    result = checked(text, True)
    if result.text is not None and "\r\n" in text:
        assert "\n" not in result.text.replace("\r\n", "")
        assert "\r" not in result.text.replace("\r\n", "")
    elif result.text is not None and "\r" in text:
        assert "\n" not in result.text
    elif result.text is not None:
        assert "\r" not in result.text


@many
@given(modules(), st.sampled_from(DIALECTS))
def test_the_edits_of_each_finding_alone_give_code_that_parses(
    text: str, dialect: Dialect
) -> None:
    lines_ = split_lines(text)
    config = Config(select=ALL, dialect=dialect)
    for finding in check.check_bytes(PATH, text.encode(), config).findings:
        if finding.rewrite is None:
            continue
        source = SourceFile(PATH, text, lines_, ast.parse(text), "utf-8")
        edits = fix.edits(source, [finding], dialect)
        for first, second in itertools.pairwise(edits):
            assert first.span.end <= second.span.start
        for edit in edits:
            assert 1 <= edit.span.start.row <= len(lines_) + 1
            assert edit.span.start <= edit.span.end
        ast.parse(fix.replace(lines_, edits))


@many
@given(modules())
def test_what_is_found_has_a_place_in_the_file(text: str) -> None:
    lines_ = split_lines(text)
    for finding in check.check_bytes(PATH, text.encode(), Config(select=ALL)).findings:
        for at in (finding.span.start, finding.span.end):
            assert 1 <= at.row <= len(lines_)
            assert 0 <= at.column <= len(lines_[at.row - 1])
        assert "\n" not in finding.message
        assert "\r" not in finding.message


@many
@given(torn_modules(), st.booleans())
def test_a_torn_module_is_no_crash(text: str, unsafe: bool) -> None:
    result = checked(text, unsafe)
    no_internal_error(result)
    assert parses(text) or result.text is None


@many
@given(st.one_of(st.text(), st.text("()[]{}:;=\\\n\r\t\x0c#'\" xf0", max_size=60)), st.booleans())
@example("\x0c", True)
@example("\\", True)
@example("x = '\u2028'", True)
@example("# noqa\r", True)
def test_any_text_is_no_crash(text: str, unsafe: bool) -> None:
    data = text.encode("utf-8", errors="surrogatepass")
    no_internal_error(check.check_bytes(PATH, data, Config(select=ALL), True, unsafe))


@many
@given(st.one_of(st.binary(), modules().flatmap(
    lambda text: st.tuples(st.just(text.encode()), st.binary(max_size=3), st.integers(0, len(text)))
    .map(lambda item: item[0][: item[2]] + item[1] + item[0][item[2] :])
)))  # fmt: skip
@example(b"\xef\xbb\xbf")
@example(b"# coding: utf-16\nx = 1\n")
@example(b"# coding: utf-7\nx = '+'\n")
@example(b"# coding: idna\nx\n")
@example(b"# coding: punycode\nx\n")
@example(b"# coding: unicode_escape\nx = '\\x'\n")
@example(b"# coding: hex\nx\n")
@example(b"# coding: undefined\nx\n")
def test_any_bytes_are_no_crash(data: bytes) -> None:
    no_internal_error(check.check_bytes(PATH, data, Config(select=ALL), True, True))
