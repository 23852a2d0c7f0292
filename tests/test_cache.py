"""The cache: the second run answers from it, and nothing tells that but the time it takes."""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jaxport
from jaxport import cache, check
from jaxport.cli import main
from jaxport.config import Config
from jaxport.formats import FORMATS
from jaxport.semantics import project
from jaxport.semantics.origins import imports
from jaxport.source import read

ROOT = Path(__file__).parents[1]
MODULE = "from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n"
PLAIN = "class Base:\n    pass\n"
MAKE = "from torch import nn\n\n\ndef make():\n    return nn.{0}\n"
NET = (
    "from {0} import Base\n\n\nclass Net(Base):\n    def __init__(self, t):\n"
    '        self.register_buffer("n", t)\n'
)


class Project:
    """A folder of files, and the runs on it with one cache."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.folder, self.kept = folder / "project", folder / "kept"
        self.folder.mkdir(exist_ok=True)
        self.checked: list[str] = []
        self._capsys = capsys
        patch.chdir(self.folder)
        patch.setenv("JAXPORT_CACHE_DIR", str(self.kept))
        original = check.check_path

        def spied(path: Path, *rest: object) -> check.Checked:
            self.checked.append(path.as_posix())
            return original(path, *rest)  # type: ignore[arg-type]

        patch.setattr(check, "check_path", spied)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    def plain(self, *arguments: str) -> tuple[int, str, str]:
        """One run: the exit code and what it wrote."""
        self.checked.clear()
        self._capsys.readouterr()
        code = main(["check", "-j1", *arguments])
        return (code, *self._capsys.readouterr())

    def run(self, *arguments: str) -> list[str]:
        """The files that a run had to check; its findings are those of a run without a cache."""
        found = self.plain(*arguments)
        checked = sorted(self.checked)
        self.out = found[1]
        assert found == self.plain("--no-cache", *arguments)
        return checked

    def entries(self) -> list[Path]:
        return [path for path in self.kept.rglob("*") if path.is_file() and len(path.name) == 30]


@pytest.fixture
def files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Project:
    made = Project(tmp_path, capsys, monkeypatch)
    made.write("net.py", NET.format("base"))
    made.write("base.py", MODULE)
    made.write("other.py", "x = 1\n")
    return made


ALL = ["base.py", "net.py", "other.py"]


def test_a_second_run_checks_nothing_again(files: Project) -> None:
    assert files.run() == ALL
    assert files.run() == []
    assert files.out.count("JXP101") == 1


@pytest.mark.parametrize("options", [
    *(("--output-format", name) for name in FORMATS), ("--statistics",), ("--diff",),
    ("--diff", "--unsafe-fixes"), ("--select", "ALL", "--output-format", "json"),
    ("--dialect", "switcheroo", "--output-format", "full"), ("--exit-zero",),
    ("--changed-only",), ("--baseline", "known.json"), ("--show-fixes",),
])  # fmt: skip
def test_every_way_to_ask_has_the_same_answer_from_the_cache(
    files: Project, options: tuple[str, ...]
) -> None:
    files.write("notes.ipynb", json.dumps({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
            {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None,
             "source": "from base import Base"},
            {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": None,
             "source": "Base().register_buffer('é🔥', 1)"},
        ],
    }))  # fmt: skip
    for command in (["init", "-q", "-b", "main"], ["add", "other.py"],
                    ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=files.folder, check=True)
    files.write("known.json", '{"jaxport-baseline": 1, "findings": []}')
    first = files.run(*options)
    assert "net.py" in first
    assert "net.py" not in files.run(*options) or "--diff" in options


def test_what_other_files_say_is_part_of_the_answer(files: Project) -> None:
    files.run()
    files.write("base.py", PLAIN)
    assert files.run() == ["base.py", "net.py"]
    assert "JXP101" not in files.out
    files.write("base.py", MODULE)
    assert files.run() == ["base.py", "net.py"]
    assert "JXP101" in files.out


def test_files_two_up_and_handed_on_by_a_package(files: Project) -> None:
    files.write("net.py", NET.format("pkg"))
    files.write("pkg/__init__.py", "from .middle import Base\n")
    files.write("pkg/middle.py", "from .deep.low import Low\n\n\nclass Base(Low):\n    pass\n")
    files.write("pkg/deep/__init__.py", "")
    files.write("pkg/deep/low.py", MODULE.replace("Base", "Low"))
    files.run()
    assert "JXP101" in files.out
    files.write("pkg/deep/low.py", PLAIN.replace("Base", "Low"))
    assert "net.py" in files.run()
    assert "JXP101" not in files.out
    assert files.run() == []
    files.write("pkg/__init__.py", "class Base:\n    pass\n")
    assert "net.py" in files.run()


def test_a_file_that_an_import_finds_from_now_on(files: Project) -> None:
    (files.folder / "base.py").unlink()
    files.run()
    assert "net.py:" not in files.out
    files.write("base.py", MODULE)
    assert files.run() == ["base.py", "net.py"]
    assert "net.py:" in files.out
    (files.folder / "base.py").unlink()
    assert files.run() == ["net.py"]
    files.write("base/__init__.py", MODULE)
    assert "net.py" in files.run()
    files.write("base.py", PLAIN)  # in front of the folder
    assert "net.py" in files.run()
    assert "net.py:" not in files.out


def test_a_file_that_hides_torch(files: Project) -> None:
    files.run()
    files.write("torch/__init__.py", "class nn:\n    class Module:\n        pass\n")
    assert {"net.py", "base.py"} <= set(files.run())
    assert files.run() == []


def test_torch_of_the_project_comes_and_goes(files: Project) -> None:
    files.write("torch/__init__.py", "from . import nn\n")
    files.write("torch/nn.py", "class BatchNorm2d: ...\n")
    files.write("layers.py", MAKE.format("BatchNorm2d(3)"))
    files.write("calls.py", "import torch\nfrom layers import make\n\nprint(make()(torch.e))\n")
    files.run()
    assert "calls.py" not in files.out
    assert files.run() == []
    shutil.rmtree(files.folder / "torch")
    assert {"calls.py", "layers.py"} <= set(files.run())
    assert "calls.py:4" in files.out and "JXP301" in files.out


def test_a_batch_norm_in_a_file_two_imports_away(files: Project) -> None:
    files.write("layers.py", MAKE.format("ReLU()"))
    files.write("middle.py", "from layers import make as build\n")
    files.write("calls.py", "from middle import build\n\nprint(build()(1))\n")
    files.run()
    assert "calls.py" not in files.out
    assert files.run() == []
    files.write("layers.py", MAKE.format("BatchNorm2d(3)"))
    assert "calls.py" in files.run()
    assert "calls.py:3" in files.out and "JXP301" in files.out


def test_a_package_begins_further_up(files: Project) -> None:
    files.write("a/b/net.py", NET.format("base"))
    files.write("a/base.py", MODULE)
    files.write("a/b/base.py", PLAIN)
    files.run()
    assert "a/b/net.py:" not in files.out
    files.write("a/b/__init__.py", "")
    assert "a/b/net.py" in files.run()
    assert "a/b/net.py:" in files.out


def test_a_module_that_is_an_attribute_of_its_package(files: Project) -> None:
    files.write("net.py", NET.format("pkg").replace("from pkg import Base", "import pkg").replace(
        "(Base)", "(pkg.base.Base)"))
    files.write("pkg/__init__.py", "")
    files.run()
    assert "JXP101" not in files.out
    files.write("pkg/base.py", MODULE)
    assert "net.py" in files.run()
    assert "JXP101" in files.out


def test_content_counts_and_not_the_time(files: Project) -> None:
    files.run()
    path = files.folder / "base.py"
    times = path.stat()
    files.write("base.py", PLAIN.ljust(len(MODULE)))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert files.run() == ["base.py", "net.py"]
    os.utime(path, (1, 1))
    assert files.run() == []


@pytest.mark.parametrize("setting", [
    'ignore = ["JXP101"]', 'select = ["JXP2"]', 'extend-select = ["JXP9"]',
    'dialect = "switcheroo"', '[tool.jaxport.per-file-ignores]\n"net.py" = ["JXP1"]',
])  # fmt: skip
def test_the_configuration_is_part_of_the_question(files: Project, setting: str) -> None:
    files.run("--output-format", "json")
    files.write("pyproject.toml", f"[tool.jaxport]\n{setting}\n")
    assert "net.py" in files.run("--output-format", "json")
    assert files.run("--output-format", "json") == []


def test_ways_to_ask_do_not_mix_and_stay_side_by_side(files: Project) -> None:
    ways = [(), ("--select", "ALL"), ("--output-format", "json"), ("--dialect", "switcheroo")]
    for way in ways:
        assert files.run(*way) == ALL
    for way in ways:
        assert files.run(*way) == []


def test_a_comment_that_suppresses(files: Project) -> None:
    files.run()
    files.write("net.py", NET.format("base").replace("t)\n", "t)  # noqa: JXP101\n"))
    assert files.run() == ["net.py"]
    assert "JXP101" not in files.out


def test_another_version_asks_anew(files: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    files.run()
    for module, name in ((jaxport, "__version__"), (sys, "version")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, "another")
            assert files.run() == ALL
            assert files.run() == []
    assert files.run() == []


def test_other_code_of_the_same_version_asks_anew(
    files: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "jaxport"
    package.mkdir()
    (package / "rule.py").write_text("x = 1\n")
    monkeypatch.setattr(jaxport, "__file__", str(package / "__init__.py"))
    files.run()
    assert files.run() == []
    (package / "rule.py").write_text("x = 22\n")
    assert files.run() == ALL


def test_a_path_means_what_it_means_in_its_folder(
    files: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write("deep/net.py", NET.format("base"))
    files.write("deep/base.py", PLAIN)
    files.run("net.py")
    monkeypatch.chdir(files.folder / "deep")
    assert files.run("net.py") == ["net.py"]
    assert "JXP101" not in files.out


def test_fix_with_what_is_known(files: Project) -> None:
    files.write("free.py", NET.format("base").replace("t)\n", "t, persistent=flag)\n"))
    assert "net.py" in files.run("--diff")
    assert files.run("--diff") == ["net.py"]  # what changes is worked out each time
    assert files.plain("--fix")[0] == 1
    assert "setattr" in (files.folder / "net.py").read_text()
    assert files.checked == ["net.py"]
    files.plain("--fix")
    assert files.checked == ["net.py"]  # it is another file now
    files.plain("--fix")
    assert files.checked == []
    assert files.plain("--fix")[1].count("free.py") == 1


def test_what_fix_has_changed_in_one_file_counts_for_the_next(files: Project) -> None:
    # `a.py` is rewritten in the middle of the run, and `z.py` comes from it.
    method = 'def f(self, t):\n        self.register_buffer("n", t)'
    files.write("a.py", MODULE.replace("pass", method))
    files.write("z.py", NET.format("a"))
    files.plain("--fix")
    files.plain("--fix")
    assert files.run("--fix") == []


def test_add_noqa_on_known_findings(files: Project) -> None:
    files.run()
    files.plain("--add-noqa")
    assert files.checked == []
    assert "# noqa: JXP101" in (files.folder / "net.py").read_text()
    files.run()
    assert "JXP101" not in files.out


def test_a_file_that_could_not_be_read_is_asked_again(
    files: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path.name == "base.py":
            raise PermissionError(13, "Permission denied")
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", failing)
        files.run()
        assert "net.py:" not in files.out
    assert files.run() == ["base.py", "net.py"]
    assert "net.py:" in files.out


def test_what_went_wrong_is_not_kept(files: Project) -> None:
    files.write("other.py", "x = (\n")
    files.run()
    assert files.run() == ["other.py"]


# Nothing that can be wrong with the cache shows


def _spoil(how: Callable[[Path], object]) -> Callable[[Project], None]:
    def spoil(files: Project) -> None:
        for path in files.entries():
            how(path)

    return spoil


def _replaced(how: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        how(path)

    return replace


def _filled(path: Path) -> None:
    """A folder where the folders of entries would be files."""
    path.mkdir()
    for number in range(256):
        (path / f"{number:02x}").write_text("")


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = random.Random(len(data)).randrange(len(data))
    data[at] ^= 1
    path.write_bytes(data)


def _sealed(body: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(cache._seal(path, body) + b"\n" + body)


def _answering(answer: object) -> Callable[[Path], object]:
    def spoil(path: Path) -> None:
        entry = json.loads(path.read_bytes().partition(b"\n")[2])
        entry["answers"] = dict.fromkeys(entry["answers"], answer)
        _sealed(json.dumps(entry).encode())(path)

    return spoil


@pytest.mark.parametrize("spoil", [
    _spoil(lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    _spoil(lambda path: path.write_bytes(b"")),
    _spoil(lambda path: path.write_bytes(os.urandom(500))),
    _spoil(lambda path: path.write_bytes(b"\x80\x04\x95cos\nsystem\n(S'exit'\ntR.")),
    _spoil(_flipped),
    _spoil(_sealed(b"[" * 100_000)),
    _spoil(_sealed(b"[]")),
    _spoil(_sealed(b'{"file": 1, "answers": [], "more": 2}')),
    _spoil(_sealed(b'{"file": "x", "answers": 3}')),
    *(_spoil(_answering(answer)) for answer in ([], None, 3, [["net.py"], "x", [[], []]],
                                                [[], "", [[], []]], [[3], 3, 3])),
    _spoil(Path.unlink),
    _spoil(_replaced(Path.mkdir)),
    _spoil(_replaced(lambda path: path.symlink_to(path))),
    _spoil(_replaced(lambda path: path.symlink_to("/dev/null"))),
    lambda files: shutil.rmtree(files.kept),
    lambda files: _replaced(lambda path: path.write_text("a file"))(files.kept),
    lambda files: _replaced(lambda path: path.symlink_to("nowhere"))(files.kept),
    lambda files: _replaced(_filled)(files.kept),
])  # fmt: skip
def test_a_spoiled_cache_is_none(files: Project, spoil: Callable[[Project], None]) -> None:
    files.run()
    spoil(files)
    assert files.run() == ALL
    assert "net.py:6:9: JXP101" in files.out
    files.run()


def test_entries_that_trade_places(files: Project) -> None:
    files.write("net2.py", "x = 1\n")
    files.run()
    paths = {json.loads(path.read_bytes().partition(b"\n")[2])["file"]: path
             for path in files.entries()}
    net, net2 = (paths[str(files.folder / name)] for name in ("net.py", "net2.py"))
    held = net.read_bytes()
    net.write_bytes(net2.read_bytes())
    net2.write_bytes(held)
    files.run()


def test_a_disk_that_takes_nothing(files: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("mkdir", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(Path if name == "mkdir" else os, name, full)
            assert files.run() == ALL
    assert files.run() == ALL
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert files.run() == []


def test_no_place_for_it(files: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAXPORT_CACHE_DIR")
    monkeypatch.setattr(cache, "folder", lambda: None)
    assert files.run() == ALL
    assert files.run() == ALL


def test_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAXPORT_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.folder() == Path("/home/me/.cache/jaxport")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.folder() == Path("/home/me/Library/Caches/jaxport")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() is None
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert cache.folder() == Path("/var/cache/me/jaxport")
    monkeypatch.setenv("JAXPORT_CACHE_DIR", "here")
    assert cache.folder() == Path("here").absolute()


def test_what_is_known_of_files_that_are_gone_is_dropped(files: Project) -> None:
    files.run()
    assert len(files.entries()) == 3
    (files.folder / "other.py").unlink()
    stray = files.entries()[0].with_name("half.123")
    stray.write_bytes(b"half")
    os.utime(stray, (1, 1))
    files.run()
    assert len(files.entries()) == 3  # once a day is enough
    os.utime(files.kept / "tidied", (1, 1))
    files.run()
    assert len(files.entries()) == 2
    assert not stray.exists()
    assert files.run() == []
    for path in files.entries():
        os.utime(path, (time.time() - 90 * 24 * 60 * 60,) * 2)
    os.utime(files.kept / "tidied", (1, 1))
    files.run()
    assert files.entries() == []


def test_one_file_has_few_answers(files: Project) -> None:
    for code in ("JXP1", "JXP2", "JXP3", "JXP4", "JXP5", "JXP6", "JXP7", "JXP101", "JXP102"):
        files.run("--select", code)
    held = [json.loads(path.read_bytes().partition(b"\n")[2]) for path in files.entries()]
    assert {len(entry["answers"]) for entry in held} == {6}
    assert files.run("--select", "JXP102") == []


def test_names_that_are_no_unicode(files: Project) -> None:
    name = os.fsdecode(b"b\xff'\"\n.py")
    files.write(name, NET.format("base"))
    files.run("--output-format", "json")
    assert files.run("--output-format", "json") == []


def test_two_runs_at_once(files: Project) -> None:
    for number in range(80):
        files.write(f"net{number}.py", NET.format("base") + "#" * number)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "jaxport", "check", "-j2"]
    expected = files.plain("--no-cache")[1]
    for _ in range(2):
        runs = [subprocess.Popen(command, cwd=files.folder, env=environment, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for _ in range(3)]  # fmt: skip
        for run in runs:
            out, err = run.communicate(timeout=60)
            assert out == expected
            assert err == "Found 81 findings in 83 files. 81 can be fixed with --fix [*].\n"
    assert files.run() == []
    assert len(files.entries()) == 83


# Any edits of a small project

NAMES = ("net.py", "base.py", "pkg/__init__.py", "pkg/base.py", "pkg/deep.py", "nn.py")
IMPORTS = ("from base import Base", "from pkg import Base", "from pkg.base import Base",
           "from .base import Base", "from . import base", "import pkg.base", "import pkg",
           "from torch import nn", "from pkg.deep import *", "from .deep import make as Base",
           "import torch.nn as nn", "from nn import Base", "import base as nn")
BODIES = (
    "class Base(nn.Module):\n    pass\n", "class Base:\n    pass\n",
    'class Net(Base):\n    def __init__(self, t):\n        self.register_buffer("n", t)\n',
    'class Net(pkg.base.Base):\n    def __init__(self, t):\n        self.register_buffer("n", t)\n',
    "def make():\n    return nn.Linear(2, 2)\n", "def make():\n    return 3\n",
    "net = Base()\nprint(net.state_dict())\n", "net = base.make()\nnet.load_state_dict(x)\n",
    "opt = pkg.make()\nopt.parameters()\n", "x = (\n", "# jaxport: skip-file\n", "",
)
TEXTS = st.builds(
    lambda heads, bodies: "\n".join([*heads, *bodies]),
    st.lists(st.sampled_from(IMPORTS), max_size=3), st.lists(st.sampled_from(BODIES), max_size=2),
)
EDITS = st.tuples(st.sampled_from(NAMES), st.one_of(st.none(), TEXTS, TEXTS))


@settings(max_examples=30, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EDITS, min_size=len(NAMES), max_size=16))
def test_any_edits(files: Project, edits: list[tuple[str, str | None]]) -> None:
    shutil.rmtree(files.folder)
    files.folder.mkdir()
    os.chdir(files.folder)
    for number, (name, text) in enumerate(edits):
        if text is not None:
            files.write(name, text)
        else:
            (files.folder / name).unlink(missing_ok=True)
        if number >= len(NAMES) - 2:
            files.run("--select", "JXP1")


# What the cache relies on


def test_no_import_is_asked_for_that_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[tuple[Path, str, int]] = set()
    original = project.locate

    def spied(importer: Path, module: str, level: int) -> Path | None:
        asked.add((importer, module, level))
        return original(importer, module, level)

    monkeypatch.setattr(project, "locate", spied)
    for path in check.collect([ROOT / "src/jaxport/rules", ROOT / "tests/cases"], Config()):
        check.check_path(path, Config(select=("ALL",)))
    noted: dict[Path, list[str]] = {}
    for importer, module, level in asked:
        if importer not in noted:
            noted[importer] = imports(read(importer).tree).split("\n")
        is_part = importer.name == "__init__.py" and level == 1 and "." not in module
        assert is_part or "." * level + module in noted[importer]
    assert len(asked) > 300


@pytest.mark.parametrize(("text", "names"), [
    ("import a.b.c, d as e", ["a", "a.b", "a.b.c", "d"]),
    ("from a.b import c, d as e", ["a.b", "a.b.c", "a.b.d"]),
    ("from . import c\nfrom ..a import *", [".", ".c", "..a", "..a.*"]),
    ("def f():\n  if a:\n    import b\n  else:\n    import c", ["b", "c"]),
    ("try:\n  import a\nexcept E:\n  import b\nelse:\n  import c\nfinally:\n  import d",
     ["a", "b", "c", "d"]),
    ("match a:\n  case 1:\n    import b\nwith a:\n  import c", ["b", "c"]),
    ("class A:\n  async def f(self):\n    async for x in y:\n      import b", ["b"]),
    ("x = 1", [""]),
])  # fmt: skip
def test_what_a_file_imports(text: str, names: list[str]) -> None:
    assert sorted(imports(ast.parse(text)).split("\n")) == sorted(names)
