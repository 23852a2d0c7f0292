"""Programs that nobody would write, and a sample of those that many have."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
from pathlib import Path

import hypothesmith
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jaxport import check
from jaxport.config import Config

ROOT = Path(__file__).parents[1]
ALL = Config(select=("ALL",))

some = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def is_hard_to_break(text: str) -> None:
    """Checking and fixing it goes well, as Python parses it."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    for unsafe in (False, True):
        once = check.check_bytes(Path("any.py"), data, ALL, fix=True, unsafe=unsafe)
        assert "JXP006" not in {item.code for item in once.findings}
        if once.text is not None:
            ast.parse(once.text)
            again = check.check_bytes(Path("any.py"), once.text.encode(), ALL, True, unsafe)
            assert again.text is None


@some
@given(hypothesmith.from_grammar())
def test_programs_of_the_grammar(text: str) -> None:
    is_hard_to_break(text)


@some
@given(hypothesmith.from_node())
def test_programs_of_the_syntax_tree(text: str) -> None:
    is_hard_to_break(text)


# Statements in which an expression can stand almost anywhere.
HOLES = st.sampled_from([
    "{0}", "x = {0}", "({0})", "f({0})[0]", "return {0}", "assert {0}, {1}", "del x[{0}]",
    "x: {0} = {1}", "x += {0}", "if {0}: {1}", "if a:\\\n {0}", "for x in {0}: {1}",
    "while {0}: break", "with {0} as x: {1}", "raise {0} from {1}", "lambda: {0}",
    "[{0} for _ in {1}]",
    "{{{0}: {1}}}", "f'{{{0}}}'", "x = ({0},\n {1})", "{0}; {1}", "{0};", "{0}; \\\n{1} ;  # y",
    "try: {0}\nfinally: {1}", "match {0}:\n case 1: {1}", "@{0}\ndef g(): {1}",
    "async def g(): await {0}",
    "class A({0}): {1}", "def g(a={0}): yield {1}", "global x; {0}", "x = {0} if {1} else {0}",
    "not {0}", "*{0},", "print(*{0}, **{1})", "({0}  # a\n)", "x = {0} \\\n  or {1}", "x[{0}:{1}]",
])  # fmt: skip
TORCH = st.sampled_from([
    "self.register_buffer('n', t)", "self.register_parameter('n', t)", "model.state_dict()",
    "model.load_state_dict(t)", "model.parameters()", "opt.step()", "opt.zero_grad()",
    "loss.backward()", "torch.optim.SGD(model.parameters(), lr=0.1)", "self.bn(t)", "opt",
    "self.register_buffer(\n'n', # why\n t)", "opt.zero_grad(\n)", "nn.Linear(2, 2)",
    "model.eval()", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1)", "t.cuda()",
    "t.add_(1)", "t[0]",
])  # fmt: skip
HEAD = (
    "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
    "        self.bn = nn.BatchNorm1d(2)\n\n    def forward(self, t, training=False):\n"
)
TRAIN = (
    "\n\ndef train(model: nn.Module, t, loss, params, grads, opt_state):\n"
    "    opt = torch.optim.SGD(model.parameters())\n"
)


def indented(statements: list[str], width: int) -> str:
    lines = "\n".join([*statements, "pass"]).splitlines()
    return "".join(f"{' ' * width}{line}\n" for line in lines)


def parses(statement: str) -> bool:
    try:
        ast.parse("async def f():\n" + indented([statement], 1))
    except SyntaxError:
        return False
    return True


STATEMENTS = st.lists(st.builds(str.format, HOLES, TORCH, TORCH).filter(parses), max_size=4)


@settings(some, max_examples=150)
@given(STATEMENTS, STATEMENTS)
@example([], ["opt.zero_grad() ;  # y"])
def test_torch_in_every_place(method: list[str], function: list[str]) -> None:
    is_hard_to_break(HEAD + indented(method, 8) + TRAIN + indented(function, 4))


def test_a_sample_of_the_standard_library() -> None:
    folder = sysconfig.get_path("stdlib")
    command = [sys.executable, "-m", "benchmarks.hardness", "--every", "150", "--unsafe", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert ", 0 wrong;" in done.stdout
