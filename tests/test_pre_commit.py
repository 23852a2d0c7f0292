"""The hooks as pre-commit runs them: from a clone of this project, in a repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
BUFFER = (
    "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
    '        self.register_buffer("n", t)\n'
)
FIXED = "import flax.nnx\n" + BUFFER.replace(
    'self.register_buffer("n", t)', 'setattr(self, "n", flax.nnx.BatchStat(t))'
)
REPORT_ONLY = BUFFER.replace('"n", t', '"n", t, persistent=False')

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def environment(home: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "PRE_COMMIT_HOME": str(home),
        "PRE_COMMIT_COLOR": "never",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    # `safe.directory`: the project may belong to another user than the one who tests it.
    return subprocess.run(
        ["git", "-c", "safe.directory=*", "-c", "protocol.file.allow=always", *arguments],
        cwd=folder, check=True, capture_output=True, encoding="utf-8",
        env=environment(folder),
    ).stdout  # fmt: skip


@dataclass
class Repository:
    """A repository that uses the hooks, with a pre-commit of its own."""

    path: Path
    home: Path
    clone: Path
    sha: str

    def configure(self, hook: str) -> None:
        (self.path / ".pre-commit-config.yaml").write_text(
            f"repos:\n- repo: {self.clone}\n  rev: {self.sha}\n  hooks:\n  - id: {hook}\n",
            encoding="utf-8",
        )
        git(self.path, "add", "--all")

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.write_bytes(text.encode())
        git(self.path, "add", "--all")
        return path

    def run(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", *(arguments or ("--all-files",))],
            cwd=self.path, capture_output=True, encoding="utf-8", env=environment(self.home),
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert "Traceback" not in output, output
        assert "An unexpected error" not in output, output
        return done.returncode, output


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the project in the state that its working tree is in."""
    folder = tmp_path_factory.mktemp("clone") / "jaxport"
    try:
        git(PROJECT, "rev-parse", "HEAD")
    except subprocess.CalledProcessError:
        pytest.skip("the tests do not run in a clone of the project")
    git(folder.parent, "clone", "--quiet", str(PROJECT), str(folder))
    listed = git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    wanted = {name for name in listed.split("\0") if name and (PROJECT / name).is_file()}
    for name in git(folder, "ls-files", "-z").split("\0"):
        if name and name not in wanted:
            (folder / name).unlink()
    for name in wanted:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, folder / name)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "The working tree")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pre-commit's cache: the hooks are installed once for all tests."""
    return tmp_path_factory.mktemp("pre-commit-home")


@pytest.fixture
def repository(tmp_path: Path, clone: Path, home: Path) -> Repository:
    path = tmp_path / "user"
    path.mkdir()
    git(path, "init", "--quiet")
    return Repository(path, home, clone, git(clone, "rev-parse", "HEAD").strip())


def test_the_fix_hook_rewrites_and_fails_then_passes(repository: Repository) -> None:
    repository.configure("jaxport-fix")
    net = repository.write("net.py", BUFFER)
    clean = repository.write("clean.py", "x = 1\n")

    code, output = repository.run()
    assert (code, net.read_text(encoding="utf-8")) == (1, FIXED), output
    assert "files were modified by this hook" in output

    git(repository.path, "add", "--all")
    before = net.stat().st_mtime_ns, clean.stat().st_mtime_ns
    code, output = repository.run()
    assert (code, net.read_text(encoding="utf-8")) == (0, FIXED), output
    assert "Passed" in output
    assert (net.stat().st_mtime_ns, clean.stat().st_mtime_ns) == before


def test_the_fix_hook_fails_on_what_it_can_only_report(repository: Repository) -> None:
    repository.configure("jaxport-fix")
    net = repository.write("net.py", REPORT_ONLY)
    for _ in range(2):
        code, output = repository.run()
        assert code == 1
        assert "net.py:6:9: JXP101 " in output
        assert "files were modified" not in output
        assert net.read_text(encoding="utf-8") == REPORT_ONLY


def test_the_check_hook_only_reports(repository: Repository) -> None:
    repository.configure("jaxport")
    net = repository.write("net.py", BUFFER)
    code, output = repository.run()
    assert code == 1
    assert "net.py:6:9: JXP101 [*] " in output
    assert "files were modified" not in output
    assert net.read_text(encoding="utf-8") == BUFFER


@pytest.mark.parametrize("hook", ["jaxport", "jaxport-fix"])
def test_the_hooks_pass_on_files_without_findings(repository: Repository, hook: str) -> None:
    repository.configure(hook)
    repository.write("clean.py", "x = 1\n")
    repository.write("stub.pyi", "x: int\n")
    repository.write("notes.txt", BUFFER)
    code, output = repository.run()
    assert code == 0, output


def test_the_hooks_are_not_run_where_there_is_no_python(repository: Repository) -> None:
    repository.configure("jaxport")
    repository.write("notes.txt", BUFFER)
    code, output = repository.run()
    assert code == 0, output
    assert "no files to check" in output


def test_the_fix_hook_stops_a_commit_and_lets_the_second_through(repository: Repository) -> None:
    repository.configure("jaxport-fix")
    net = repository.write("net.py", BUFFER)
    code, output = repository.run("--hook-stage", "pre-commit")
    assert (code, net.read_text(encoding="utf-8")) == (1, FIXED), output
    git(repository.path, "add", "--all")
    code, output = repository.run("--hook-stage", "pre-commit")
    assert code == 0, output


def test_the_hook_follows_pyproject_of_the_repository(repository: Repository) -> None:
    repository.configure("jaxport")
    repository.write("pyproject.toml", "[tool.jaxport]\nignore = ['JXP101']\n")
    repository.write("net.py", BUFFER)
    code, output = repository.run()
    assert code == 0, output


def test_many_files_are_fixed_in_one_run(repository: Repository) -> None:
    repository.configure("jaxport-fix")
    files = [repository.path / f"net{number}.py" for number in range(60)]
    for file in files:
        file.write_text(BUFFER, encoding="utf-8")
    git(repository.path, "add", "--all")
    code, output = repository.run()
    assert code == 1
    assert {file.read_text(encoding="utf-8") for file in files} == {FIXED}, output
    git(repository.path, "add", "--all")
    code, output = repository.run()
    assert code == 0, output
