"""What makes checking quick changes nothing in what is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jaxport import check
from jaxport import source as sources
from jaxport.config import Config
from jaxport.findings import Finding
from jaxport.rules import Rule, all_rules, method
from jaxport.semantics import exports, project
from jaxport.source import SourceFile

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for folder in ("tests/cases", "tests/training", "examples")
    for path in (ROOT / folder).rglob("*.py")
)
# A project whose names tell nothing: what they are shows only in the other files.
PROJECT = {
    "layers.py": "from torch import nn\n\n\nclass Scaled(nn.BatchNorm2d):\n    pass\n\n\n"
    "def make(size):\n    return nn.BatchNorm2d(size)\n",
    "middle.py": "from layers import Scaled as Plain\nfrom layers import make\n",
    "parts.py": "from torch import nn\nfrom middle import make\n\n\nclass Block(nn.Module):\n"
    "    def __init__(self):\n        self.inner = make(3)\n",
    "solvers.py": "from torch.optim import SGD as Solver\n",
    "net.py": "from torch import nn\nfrom middle import Plain, make\nfrom parts import Block\n"
    "import solvers\nfrom solvers import Solver\n\n\nclass Net(Block):\n"
    "    def __init__(self):\n        self.one = make(3)\n        self.two = Plain(3)\n"
    "        self.three = Block()\n\n    def forward(self, x):\n"
    "        x = self.one(x)\n        x = self.two(x)\n        x = self.inner(x)\n"
    "        return self.three.inner(x)\n\n\nfirst = Solver(weights)\n"
    "second = solvers.Solver(weights)\n",
}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "_kept", project._Kept())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def every_rule(rules: list[Rule], source: SourceFile) -> list[Rule]:
    return rules


def found(path: Path, text: str | None = None) -> list[Finding]:
    if text is None:
        return check.check_path(path, Config()).findings
    return check.check_bytes(path, text.encode(), Config()).findings


def places(findings: list[Finding]) -> list[tuple[str, int]]:
    return [(finding.code, finding.span.start.row) for finding in findings]


def test_examples_have_findings_of_their_rule_by_the_words_in_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    texts = [
        text for rule in all_rules()
        for text in (*(example.before for example in rule.examples), *rule.accepts)
    ]
    short = [found(tmp_path / "example.py", text) for text in texts]
    monkeypatch.setattr(check, "_needed", every_rule)
    assert short == [found(tmp_path / "example.py", text) for text in texts]
    assert sum(map(len, short)) > 30


def test_files_have_the_findings_that_all_rules_together_have(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {path: found(path) for path in FILES}
    monkeypatch.setattr(check, "_needed", every_rule)
    assert short == {path: found(path) for path in FILES}
    assert sum(map(bool, short.values())) > 100


@pytest.mark.parametrize(
    "call",
    ["net.step()", "net.\\\n  step()", "(net.\n  step)()", "(net.  # now\n  step)()",
     "(net\n  .step)()", "net . step()", "net.\ufb06ep()"],
)  # fmt: skip
def test_a_method_is_seen_however_it_is_written(call: str, tmp_path: Path) -> None:
    text = f"import torch\n\nnet = torch.optim.SGD(weights)\n{call}\n"
    codes = {finding.code for finding in found(tmp_path / "loop.py", text)}
    assert codes == {"JXP201", "JXP202"}


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ('"""Docs.\n\n    net.step()\n"""\n', False),
        ('class A:\n    """Docs.\n    net.step()\n    """\n\n    def f(self):\n        """net\n'
         '        .step()\n        """\n', False),
        ('def f():\n    """A."""\n    net.step()\n', True),
        ('"""A.\n"""; net.step()\n', True),
        ('x = """\nnet.step()\n"""\n', True),
        ('"""A.\n""" + """\nnet.step()\n"""\n', True),
        ('f"""\n{net.step()}\n"""\n', True),
    ],
)  # fmt: skip
def test_code_is_what_docstrings_leave(text: str, is_code: bool, tmp_path: Path) -> None:
    source = sources.parse(tmp_path / "docs.py", text.encode())
    assert method("step").is_in(source.words)
    assert method("step").is_in(source.code) is is_code


def test_docstrings_need_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'import torch\n\n\ndef f(x):\n    """As in\n\n    >>> net.step()\n    """\n    {}\n'
    asked: list[Path] = []
    made = project._made

    def counted(source: SourceFile) -> object:
        asked.append(source.path)
        return made(source)

    monkeypatch.setattr(project, "_made", counted)
    found(tmp_path / "docs.py", text.format("return x"))
    assert not asked
    found(tmp_path / "code.py", text.format("x.step()"))
    assert asked == [tmp_path / "code.py"]


def test_many_comments_between_a_dot_and_a_name_take_no_time(tmp_path: Path) -> None:
    between = "  # " + "# " * 5000 + "\n" * 2000 + "\n# a\n" * 2000
    text = f"(net.{between}  steps)()\n step = 1\n"
    assert not method("step").is_in(text)
    assert method("step").is_in(text.replace("steps", "step"))


def test_torch_in_the_project_has_no_torch_beside_it(folder: Path) -> None:
    assert ("JXP301", 15) in places(found(folder / "net.py"))
    package = folder / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("from . import nn, optim\n")
    (package / "nn.py").write_text("class Module: ...\n\n\nclass BatchNorm2d(Module): ...\n")
    (package / "optim.py").write_text("class SGD: ...\n")
    exports.renew()
    assert places(found(folder / "net.py")) == []


def test_what_is_asked_for_most_stays_parsed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"net{number}.py" for number in range(12)]
    for number, name in enumerate(names):
        (folder / name).write_text(
            f"from layers import make\nimport other{number}\n\nprint(make(3)(other{number}.y()))\n"
        )
        (folder / f"other{number}.py").write_text("y = max\n" + "x = 1\n" * 200)
    monkeypatch.setattr(project, "_KEPT", 3000)
    monkeypatch.setattr(project, "_kept", project._Kept())
    parsed: list[str] = []
    parse = sources.parse

    def counted(path: Path, data: bytes) -> SourceFile:
        parsed.append(path.name)
        return parse(path, data)

    monkeypatch.setattr(sources, "parse", counted)
    assert {tuple(places(found(folder / name))) for name in names} == {(("JXP301", 4),)}
    assert parsed.count("layers.py") == 1
    assert project._kept.size <= project._KEPT


def test_what_other_files_make_is_found_under_any_name(folder: Path) -> None:
    assert places(found(folder / "net.py")) == [
        ("JXP301", 15), ("JXP301", 16), ("JXP301", 17), ("JXP301", 18),
        ("JXP201", 21), ("JXP201", 22),
    ]  # fmt: skip


def test_files_that_are_let_go_of_are_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {path: found(path) for path in sorted(folder.iterdir())}
    monkeypatch.setattr(project, "_KEPT", 1)
    monkeypatch.setattr(project, "_kept", project._Kept())
    for _ in range(2):
        assert {path: found(path) for path in sorted(folder.iterdir())} == expected


def test_a_file_that_changes_is_checked_as_it_is_now(folder: Path) -> None:
    path = folder / "net.py"
    before = found(path)
    path.write_text(PROJECT["net.py"].replace("self.one(x)", "x"))
    after = found(path)
    assert places(after) == [place for place in places(before) if place != ("JXP301", 15)]


def test_a_small_project_is_parsed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Path] = []
    parse = sources.parse

    def counted(path: Path, data: bytes) -> SourceFile:
        parsed.append(path)
        return parse(path, data)

    monkeypatch.setattr(sources, "parse", counted)
    for path in sorted(folder.iterdir()):
        found(path)
    assert sorted(parsed) == sorted(folder.iterdir())


def test_definitions_are_names_that_nothing_else_is_bound_to(tmp_path: Path) -> None:
    path = tmp_path / "names.py"
    path.write_text(
        "import a\nfrom b import c\n\n\ndef d(): global e\n\n\nclass f: pass\n\n\n"
        "if a:\n    def g(): pass\nelse:\n    g = c\n\nfor h in c:\n    def i(): pass\n\n"
        "def j(): pass\ndef k():\n    global j\n    j = 1\n"
    )
    top = exports.of(path)
    assert top is not None and top.defined == {"d", "f", "i", "k"}
    assert top.imported == {"a": exports.Import("a"), "c": exports.Import("b", "c")}
    assert top.others == {"e", "g", "h", "j"}


def test_no_tree_is_left_for_the_garbage_collector() -> None:
    program = (
        "import ast, gc, sys\nfrom pathlib import Path\nfrom jaxport import check\n"
        "from jaxport.config import Config\nfrom jaxport.semantics import project, scopes\n"
        "gc.disable()\nproject._KEPT = 1\n"
        "found = [check.check_path(Path(name), Config()).findings for name in sys.argv[1:]]\n"
        "assert sum(map(len, found)) > 20\n"
        "gc.set_debug(gc.DEBUG_SAVEALL)\ngc.collect()\n"
        "kinds = (ast.Module, scopes.Scope, scopes.Binding)\n"
        "print([item for item in gc.garbage if isinstance(item, kinds)])\n"
    )
    names = [str(path) for path in FILES[:60]]
    done = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_collector_is_as_it_was_after_a_check(folder: Path) -> None:
    import gc

    assert gc.isenabled()
    found(folder / "net.py")
    assert gc.isenabled()
    gc.disable()
    try:
        found(folder / "net.py")
        assert not gc.isenabled()
    finally:
        gc.enable()
