"""`--changed-only`: only findings on changed lines, in real repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jaxport.cli import main

NET = (
    "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
    '        self.register_buffer("n", t)\n        self.register_buffer("m", t)\n'
)
MORE = '        self.register_buffer("more", t)\n'
ME = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *ME, *arguments], cwd=folder, capture_output=True, encoding="utf-8",
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str = "x") -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def new_repository(folder: Path, branch: str = "main") -> Path:
    folder.mkdir(exist_ok=True)
    git(folder, "init", "--quiet", f"--initial-branch={branch}")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository on a branch of its own, with `net.py` and `other.py` from `main`."""
    root = new_repository(tmp_path / "work")
    for name in ("net.py", "other.py"):
        (root / name).write_text(NET, encoding="utf-8")
    commit(root)
    git(root, "checkout", "--quiet", "-b", "topic")
    monkeypatch.chdir(root)
    return root


class Run:
    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        capsys.readouterr()
        self.code = main(["check", "--output-format=json", *arguments])
        self.out, self.err = capsys.readouterr()
        assert self.code != 2 or not self.out

    @property
    def found(self) -> list[tuple[str, int]]:
        items: list[dict[str, Any]] = json.loads(self.out)
        return [(Path(item["filename"]).name, item["location"]["row"]) for item in items]


# Which lines count


def test_nothing_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--changed-only")
    assert (run.code, run.found) == (0, [])


def test_committed_staged_and_unstaged_lines_and_untracked_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = folder / "net.py"
    net.write_text(NET + MORE, encoding="utf-8")
    commit(folder)
    net.write_text(NET + MORE + MORE.replace("more", "staged"), encoding="utf-8")
    git(folder, "add", "net.py")
    net.write_text(NET + MORE + MORE.replace("more", "staged") + MORE.replace("more", "loose"),
                   encoding="utf-8")  # fmt: skip
    (folder / "untracked.py").write_text(NET, encoding="utf-8")
    (folder / "added.py").write_text(NET, encoding="utf-8")
    git(folder, "add", "--intent-to-add", "added.py")
    run = Run(capsys, "--changed-only")
    assert run.code == 1
    assert run.found == [
        ("added.py", 6), ("added.py", 7),
        ("net.py", 8), ("net.py", 9), ("net.py", 10),
        ("untracked.py", 6), ("untracked.py", 7),
    ]  # fmt: skip


def test_moved_lines_are_not_changed_and_edited_ones_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import os\n\n" + NET.replace('"m", t', '"m", t + 1') + "# end\n"
    (folder / "net.py").write_text(text, encoding="utf-8")
    assert Run(capsys, "--changed-only").found == [("net.py", 9)]


def test_a_deleted_line_brings_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text(NET.replace('        self.register_buffer("m", t)\n', ""),
                                   encoding="utf-8")  # fmt: skip
    assert Run(capsys, "--changed-only").found == []


def test_a_finding_counts_with_any_of_its_rows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = NET + '        self.register_buffer(\n            "long",\n            t,\n        )\n'
    (folder / "net.py").write_text(text, encoding="utf-8")
    commit(folder)
    git(folder, "branch", "--force", "main")
    for old, new in (('"long"', '"other"'), ("            t,", "            t * 2,")):
        (folder / "net.py").write_text(text.replace(old, new), encoding="utf-8")
        assert Run(capsys, "--changed-only").found == [("net.py", 8)]


def test_the_body_of_a_flagged_class_is_not_the_finding(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ("net.py", 4) in Run(capsys, "--select=ALL", "net.py").found
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    assert Run(capsys, "--select=ALL", "--changed-only").found == [("net.py", 8)]


def test_only_what_this_branch_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    commit(folder)
    git(folder, "checkout", "--quiet", "main")
    (folder / "other.py").write_text(NET + MORE, encoding="utf-8")
    commit(folder)
    git(folder, "checkout", "--quiet", "topic")
    assert Run(capsys, "--changed-only").found == [("net.py", 8)]
    git(folder, "merge", "--quiet", "main")
    assert Run(capsys, "--changed-only").found == [("net.py", 8)]


def test_files_that_did_not_change_are_not_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.py").write_text("x = (\n", encoding="utf-8")
    commit(folder)
    git(folder, "branch", "--force", "main")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    opened: list[str] = []
    read_bytes = Path.read_bytes

    def spied(path: Path) -> bytes:
        opened.append(path.name)
        return read_bytes(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", spied)
        run = Run(capsys, "--changed-only", "--jobs=1")
    assert run.found == [("net.py", 8)]
    assert {name for name in opened if name.endswith(".py")} == {"net.py"}


def test_a_touched_file_did_not_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.utime(folder / "net.py", (1, 1))
    run = Run(capsys, "--changed-only", "--output-format=concise")
    assert "in 0 files" in run.err


def test_a_changed_file_that_does_not_parse_is_reported_wherever_that_shows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "x = (\n    1,\n)\n" + NET
    (folder / "net.py").write_text(text, encoding="utf-8")
    commit(folder)
    git(folder, "branch", "--force", "main")
    (folder / "net.py").write_text(text.replace("    1,\n)\n", "    1,\n"), encoding="utf-8")
    assert Run(capsys, "--changed-only").found == [("net.py", 1)]


def test_a_changed_link_to_nowhere_is_a_finding(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "link.py").symlink_to("nowhere")
    commit(folder)
    git(folder, "branch", "--force", "main")
    (folder / "link.py").unlink()
    (folder / "link.py").symlink_to("elsewhere")
    assert Run(capsys, "--changed-only").found == [("link.py", 1)]


def test_a_renamed_file_is_a_new_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(folder, "mv", "net.py", "renamed.py")
    assert Run(capsys, "--changed-only").found == [("renamed.py", 6), ("renamed.py", 7)]


def test_ignored_files_are_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".gitignore").write_text("generated.py\n", encoding="utf-8")
    (folder / "generated.py").write_text(NET, encoding="utf-8")
    assert Run(capsys, "--changed-only").found == []


def test_code_that_looks_like_a_diff(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = NET + 'TEXT = """\n@@ -1 +1,99 @@\n++ b/other.py\n-- a/net.py\n"""\n'
    (folder / "net.py").write_text(text, encoding="utf-8")
    commit(folder)
    assert Run(capsys, "--changed-only").found == []
    (folder / "net.py").write_text(
        text.replace("@@ -1", "@@ -2").replace("-- a", "-- b") + MORE.strip() + "\n",
        encoding="utf-8",
    )
    found = Run(capsys, "--changed-only").found
    assert found == [("net.py", row) for row in {row for _, row in found}]
    assert 6 not in {row for _, row in found}


@pytest.mark.parametrize("ending", ["\r\n", "\n"], ids=["CRLF", "LF"])
def test_line_ends(folder: Path, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    text = NET.replace("\n", ending)
    (folder / "net.py").write_bytes(text.encode())
    commit(folder)
    git(folder, "branch", "--force", "main")
    (folder / "net.py").write_bytes((text + MORE.rstrip("\n")).encode())
    assert Run(capsys, "--changed-only").found == [("net.py", 8)]


def test_a_file_with_bare_returns_changed_as_a_whole(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "net.py").write_bytes(NET.replace("\n", "\r").encode())
    commit(folder)
    git(folder, "branch", "--force", "main")
    (folder / "net.py").write_bytes((NET + MORE).replace("\n", "\r").encode())
    assert Run(capsys, "--changed-only").found == [("net.py", 6), ("net.py", 7), ("net.py", 8)]


# What the repository's configuration must not disturb


@pytest.mark.parametrize(
    "setting",
    [
        "color.ui=always", "color.diff=always", "diff.noprefix=true", "diff.mnemonicPrefix=true",
        "diff.external=false", "diff.renames=copies", "core.quotePath=true", "core.quotePath=false",
        "diff.context=9", "diff.interHunkContext=9", "diff.suppressBlankEmpty=true",
        "diff.relative=true", "diff.algorithm=patience", "diff.submodule=log",
        "core.pager=false", "diff.wsErrorHighlight=all", "core.autocrlf=true",
        "diff.colorMoved=zebra",
        "status.showUntrackedFiles=no", "diff.orderFile=/dev/null", "core.fsmonitor=false",
    ],
)  # fmt: skip
def test_settings_of_git_do_not_matter(
    folder: Path, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    git(folder, "config", *setting.split("="))
    (folder / "net.py").write_text("import os\n" + NET + MORE, encoding="utf-8")
    (folder / "new.py").write_text(NET, encoding="utf-8")
    assert Run(capsys, "--changed-only").found == [("net.py", 9), ("new.py", 6), ("new.py", 7)]


@pytest.mark.parametrize("attribute", ["-diff", "binary", "diff=upper"])
def test_attributes_of_files_do_not_matter(
    folder: Path, capsys: pytest.CaptureFixture[str], attribute: str
) -> None:
    (folder / ".gitattributes").write_text(f"*.py {attribute}\n", encoding="utf-8")
    git(folder, "config", "diff.upper.textconv", "sed 1,5d")
    git(folder, "config", "diff.upper.command", "false")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    assert Run(capsys, "--changed-only").found == [("net.py", 8)]


def test_the_environment_of_a_hook_does_not_matter(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other = new_repository(tmp_path / "elsewhere")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert Run(capsys, "--changed-only").found == [("net.py", 8)]


HOSTILE = [
    "a b.py", "a\nb.py", 'a"b.py', "a\\b.py", "a\tb.py", "größe.py", "-x.py", "--cached.py",
    ":x.py", ":(glob)*.py", "*.py", "[ab].py", "%41.py", "\x1b[31m.py", " b.py",
    "a\n@@ -1 +1 @@\n.py", os.fsdecode(b"\xff\xfe.py"),
]  # fmt: skip


def test_hostile_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in HOSTILE:
        (folder / name).write_text(NET, encoding="utf-8")
    commit(folder)
    git(folder, "branch", "--force", "main")
    for name in HOSTILE:
        (folder / name).write_text(NET + MORE, encoding="utf-8")
    (folder / "un\ntracked\xe9.py").write_text(NET, encoding="utf-8")
    found = Run(capsys, "--changed-only").found
    assert sorted(found) == sorted(
        [*((name, 8) for name in HOSTILE), ("un\ntracked\xe9.py", 6), ("un\ntracked\xe9.py", 7)]
    )


def test_hostile_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("-C", "a\nb", " c ", "größe", os.fsdecode(b"\xff")):
        root = new_repository(tmp_path / name)
        (root / "net.py").write_text(NET, encoding="utf-8")
        commit(root)
        (root / "net.py").write_text(NET + MORE, encoding="utf-8")
        assert Run(capsys, "--changed-only", str(root)).found == [("net.py", 8)]


# Which paths


def test_paths_choose_among_the_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "deep.py").write_text(NET, encoding="utf-8")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    assert Run(capsys, "--changed-only", "sub").found == [("deep.py", 6), ("deep.py", 7)]
    assert Run(capsys, "--changed-only", "net.py", "other.py").found == [("net.py", 8)]
    assert Run(capsys, "net.py", "sub/deep.py", "--changed-only").found == [
        ("net.py", 8), ("deep.py", 6), ("deep.py", 7),
    ]  # fmt: skip


def test_the_flag_takes_no_path_for_its_base(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "topic").mkdir()  # a folder with the name of a branch
    (folder / "topic" / "new.py").write_text(NET, encoding="utf-8")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    commit(folder)
    assert Run(capsys, "--changed-only", "topic").found == [("new.py", 6), ("new.py", 7)]
    assert Run(capsys, "--changed-only=topic", ".").found == []
    assert Run(capsys, "--changed-onl", "topic").found == [("new.py", 6), ("new.py", 7)]
    assert Run(capsys, "--changed-only=", "net.py").found == [("net.py", 8)]
    (folder / "--changed-only").mkdir()
    (folder / "--changed-only" / "new.py").write_text(NET, encoding="utf-8")
    assert Run(capsys, "--", "--changed-only").found == [("new.py", 6), ("new.py", 7)]


def test_from_a_subfolder_and_through_a_link(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (folder / "sub").mkdir()
    (folder / "sub" / "deep.py").write_text(NET, encoding="utf-8")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder / "sub")
    assert Run(capsys, "--changed-only").found == [("deep.py", 6), ("deep.py", 7)]
    assert Run(capsys, "--changed-only", "..").found[0] == ("net.py", 8)
    monkeypatch.chdir(tmp_path)
    assert Run(capsys, "--changed-only", "link/net.py").found == [("net.py", 8)]


def test_several_repositories_in_one_run(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = new_repository(tmp_path / "second", "master")
    (second / "two.py").write_text(NET, encoding="utf-8")
    commit(second)
    (second / "two.py").write_text(NET + MORE, encoding="utf-8")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    found = Run(capsys, "--changed-only", ".", str(second)).found
    assert found == [("net.py", 8), ("two.py", 8)]


def test_a_submodule_is_a_repository_of_its_own(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = new_repository(tmp_path / "library")
    (library / "lib.py").write_text(NET, encoding="utf-8")
    commit(library)
    git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
        str(library), "lib")  # fmt: skip
    commit(folder)
    (folder / "lib" / "lib.py").write_text(NET + MORE, encoding="utf-8")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    assert Run(capsys, "--changed-only").found == [("net.py", 8)]
    assert Run(capsys, "--changed-only", "lib").found == [("lib.py", 8)]


def test_a_worktree(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(folder, "worktree", "add", "--quiet", "-b", "second", str(tmp_path / "tree"), "main")
    (tmp_path / "tree" / "net.py").write_text(NET + MORE, encoding="utf-8")
    assert Run(capsys, "--changed-only", str(tmp_path / "tree")).found == [("net.py", 8)]


def test_in_a_merge_with_conflicts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    commit(folder)
    git(folder, "checkout", "--quiet", "main")
    (folder / "net.py").write_text(NET + MORE.replace("more", "less"), encoding="utf-8")
    commit(folder)
    git(folder, "checkout", "--quiet", "topic")
    with pytest.raises(AssertionError):
        git(folder, "merge", "main")
    assert Run(capsys, "--changed-only").found == [("net.py", 8)]  # the marker: a syntax error
    (folder / "net.py").write_text(NET + MORE + MORE.replace("more", "less"), encoding="utf-8")
    assert Run(capsys, "--changed-only").found == [("net.py", 8), ("net.py", 9)]


# Which base


def test_the_usual_base_is_that_of_origin(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "clone", "--quiet", "--branch=main", str(folder), "clone")
    clone = tmp_path / "clone"
    git(clone, "remote", "set-head", "origin", "main")
    (clone / "net.py").write_text(NET + MORE, encoding="utf-8")
    commit(clone)  # on the clone's own `main`, in front of origin's
    assert Run(capsys, "--changed-only", str(clone)).found == [("net.py", 8)]
    git(clone, "remote", "set-head", "origin", "--delete")
    assert Run(capsys, "--changed-only", str(clone)).found == [("net.py", 8)]
    git(clone, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
    assert Run(capsys, "--changed-only", str(clone)).found == [("net.py", 8)]


@pytest.mark.parametrize("base", ["main", "topic~1", "HEAD~1", "refs/heads/main", "v1"])
def test_a_base_is_any_name_of_a_commit(
    folder: Path, capsys: pytest.CaptureFixture[str], base: str
) -> None:
    git(folder, "tag", "-a", "v1", "-m", "v1")
    commit(folder)
    git(folder, "branch", "--force", "main")
    git(folder, "tag", "--force", "-a", "v1", "-m", "v1")
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    commit(folder)
    assert Run(capsys, f"--changed-only={base}").found == [("net.py", 8)]


@pytest.mark.parametrize(
    "base",
    ["gone", "-x", "--output=stolen", "--since=now", "--all", "--upload-pack=touch stolen", "-",
     "^main", "main..topic", "a b", "main:net.py", "$(touch stolen)", "größe", "\ud800", "a\0b",
     " ", "@{99}", "HEAD^{tree}", "main\n::error::x"],
)  # fmt: skip
def test_a_base_that_is_no_commit_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], base: str
) -> None:
    run = Run(capsys, f"--changed-only={base}")
    assert run.code == 2
    assert run.err.startswith("jaxport: --changed-only: ")
    assert run.err.count("\n") == 1
    assert not (folder / "stolen").exists()


def test_a_repository_without_a_usual_branch_asks_for_a_base(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = new_repository(tmp_path / "work", "trunk")
    first = commit(root)
    (root / "net.py").write_text(NET, encoding="utf-8")
    run = Run(capsys, "--changed-only", str(root))
    assert run.code == 2
    assert run.err == (
        f"jaxport: --changed-only: {root} has no origin/HEAD, main or master; "
        "give --changed-only=BASE\n"
    )
    for base in ("trunk", first, first[:8]):
        assert len(Run(capsys, f"--changed-only={base}", str(root)).found) == 2


def test_without_commits_everything_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = new_repository(tmp_path / "work")
    for name in ("staged.py", "untracked.py", "ignored.py"):
        (root / name).write_text(NET, encoding="utf-8")
    (root / ".gitignore").write_text("ignored.py\n", encoding="utf-8")
    git(root, "add", "staged.py")
    assert Run(capsys, "--changed-only", str(root)).found == [
        ("staged.py", 6), ("staged.py", 7), ("untracked.py", 6), ("untracked.py", 7),
    ]  # fmt: skip
    run = Run(capsys, "--changed-only=main", str(root))
    assert (run.code, run.err.count("\n")) == (2, 1)


def test_branches_without_a_common_commit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(folder, "checkout", "--quiet", "--orphan", "alone")
    commit(folder, "alone")
    run = Run(capsys, "--changed-only=main")
    assert (run.code, run.err) == (
        2, f"jaxport: --changed-only: HEAD and main have no common commit in {folder}\n"
    )  # fmt: skip


def test_a_shallow_clone_asks_for_more_history(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(NET, encoding="utf-8")
        commit(folder)
    git(folder, "checkout", "--quiet", "main")
    commit(folder)
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=topic", f"file://{folder}", "clone")
    clone = tmp_path / "clone"
    hint = (
        "the clone is shallow: fetch more history "
        "(git fetch --unshallow; on GitHub fetch-depth: 0)\n"
    )
    run = Run(capsys, "--changed-only=origin/main", str(clone))
    assert run.code == 2
    assert run.err == f"jaxport: --changed-only: {clone} has no commit 'origin/main'; {hint}"
    git(clone, "fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main")
    for option in ("--changed-only=origin/main", "--changed-only"):
        run = Run(capsys, option, str(clone))
        assert run.code == 2
        assert run.err.endswith(f"have no common commit in {clone}; {hint}")
        assert run.err.count("\n") == 1
    git(clone, "fetch", "--quiet", "--unshallow", "origin", "main")
    assert len(Run(capsys, "--changed-only", str(clone)).found) == 4


def test_outside_of_a_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    run = Run(capsys, "--changed-only", str(tmp_path))
    assert (run.code, run.err) == (
        2, f"jaxport: --changed-only: {tmp_path} is not in a git repository\n"
    )  # fmt: skip


def test_inside_of_the_git_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--changed-only", ".git")
    assert (run.code, run.err.count("\n")) == (2, 1)


def test_a_broken_repository(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    (folder / ".git" / "index").write_bytes(b"broken")
    run = Run(capsys, "--changed-only")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert run.err.startswith("jaxport: --changed-only: git: ")


def test_without_git(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    run = Run(capsys, "--changed-only")
    assert (run.code, run.err) == (
        2, "jaxport: --changed-only: can't run git: No such file or directory\n"
    )  # fmt: skip


# With the other options


def test_fix_rewrites_the_whole_of_changed_files_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = '        self.register_buffer("kept", t, persistent=False)\n'
    (folder / "net.py").write_text(NET + left, encoding="utf-8")
    commit(folder)
    git(folder, "branch", "--force", "main")
    (folder / "net.py").write_text(
        NET + left + MORE + left.replace("kept", "new"), encoding="utf-8"
    )
    run = Run(capsys, "--changed-only", "--fix")
    text = (folder / "net.py").read_text(encoding="utf-8")
    assert text.startswith("import flax.nnx\n")
    assert text.count("BatchStat(t)") == 3
    assert (folder / "other.py").read_text(encoding="utf-8") == NET
    # The rows are those of the new text: the import has moved them.
    assert run.found == [("net.py", 11)]


def test_with_a_baseline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    assert main(["check", "--baseline=known.json", "--write-baseline"]) == 0
    (folder / "net.py").write_text(
        NET + MORE + MORE.replace("more", "newer"), encoding="utf-8"
    )
    assert Run(capsys, "--changed-only").found == [("net.py", 8), ("net.py", 9)]
    assert Run(capsys, "--changed-only", "--baseline=known.json").found == [("net.py", 9)]


def test_many_files_in_several_processes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(20):
        (folder / f"new{number:02}.py").write_text(NET, encoding="utf-8")
    run = Run(capsys, "--changed-only", "--jobs=2")
    assert run.found == [(f"new{number:02}.py", row) for number in range(20) for row in (6, 7)]


def test_standard_input_has_no_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--changed-only", "-")
    assert (run.code, run.err) == (2, "jaxport: --changed-only does not go together with -\n")


def test_a_missing_path_is_said_as_ever(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.py").write_text(NET + MORE, encoding="utf-8")
    assert main(["check", "--changed-only", "gone.py", "net.py"]) == 2
    out, err = capsys.readouterr()
    assert "jaxport: gone.py: no such file or folder" in err
    assert out.startswith("net.py:8:9: JXP101")


def test_git_is_not_asked_without_the_option(folder: Path) -> None:
    program = (
        "import sys; from jaxport.cli import main; main(['check', 'net.py']); "
        "print({'jaxport.changes', 'jaxport.baseline', 'jaxport.noqa'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True, cwd=folder)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "set()"
