"""The GitHub Action: the steps of `action.yml`, executed as they are written there."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
import yaml
from lxml import html
from markdown_it import MarkdownIt
from runner import ROOT, Command, Done, Outputs, Runner

from jaxport.findings import Position, Span
from jaxport.formats import github, summary
from jaxport.formats.options import Options
from jaxport.results import FileResult, Shown
from jaxport.rules import all_rules

NET = (
    "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
    '        self.register_buffer("n", t)\n'
)
CALL = 'self.register_buffer("n", t)'
MORE = '        self.register_buffer("more", t)\n'
KEPT = '        self.register_buffer("kept", t, persistent=False)\n'
ME = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
HOSTILE = [
    b"new\nline\n::error::x.py",
    b"\n::stop-commands::x.py",
    b"return\r::error::x.py",
    b"##[error]x.py",
    b"100%25%0A::error::,a=b,file=c:d.py",
    b"-fix.py",
    b"--output-format=json.py",
    b"'quotes\" and `ticks` ``.py",
    b"<script>alert(1)<",
    b"a|b\\|c<br>&amp;&#10;*d*_e_[f](g)~~h~~.py",
    "é日本𝄞\u202e.py".encode(),
    b"not\xffutf8.py",
    b"tab\tescape\x1b[31m\x01.py",
    b" blank  .py",
    b"$(touch canary);touch canary;`touch canary`.py",
    b"jaxport-0\nfindings=0\nsarif-file<<x.py",
    b"@user :smile: www.example.org.py",
]
# What a summary is made of.
TAGS = {
    "main", "h2", "p", "strong", "code", "pre", "table", "thead", "tbody", "tr", "th", "td",
    "details", "summary",
}  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *ME, *arguments], cwd=folder, capture_output=True, encoding="utf-8",
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What the step that installs jaxport says, used in an empty folder, twice in one job."""
    folder = tmp_path_factory.mktemp("installed")
    runner = Runner(folder, folder / "temp", sys.executable)
    for _ in range(2):
        done = runner.action()
        assert (done.code, done.lines[-1]) == (0, "Found 0 findings in 0 files."), done.out
    return done.steps["install"]


class Project:
    """A repository on GitHub with a pull request, and checkouts of it."""

    def __init__(self, folder: Path, installed: Outputs) -> None:
        self.folder, self.installed = folder, installed
        self.origin = folder / "origin"
        self.origin.mkdir()
        git(self.origin, "init", "--quiet", "--initial-branch=main")
        write(self.origin, {"net.py": NET, "other.py": NET, "sub dir/deep.py": NET})
        self.before = commit(self.origin)
        self.base = self.head = self.before

    def pull_request(self, files: dict[str, str]) -> None:
        """A branch that writes the files, while `main` goes on."""
        git(self.origin, "checkout", "--quiet", "-b", "topic")
        write(self.origin, files)
        self.head = commit(self.origin)
        git(self.origin, "checkout", "--quiet", "main")
        write(self.origin, {"main.py": NET})
        self.base = commit(self.origin)
        git(self.origin, "checkout", "--quiet", "--detach")
        git(self.origin, "merge", "--quiet", "--no-edit", self.head)
        git(self.origin, "update-ref", "refs/pull/1/merge", "HEAD")
        git(self.origin, "checkout", "--quiet", "main")

    @property
    def event(self) -> dict[str, Any]:
        return {"pull_request": {"base": {"sha": self.base}, "head": {"sha": self.head}}}

    def checkout(self, ref: str = "refs/pull/1/merge", depth: int = 0) -> Path:
        """What actions/checkout leaves; its default is a depth of 1."""
        work = self.folder / f"work-{len(list(self.folder.iterdir()))}"
        work.mkdir()
        git(work, "init", "--quiet")
        git(work, "remote", "add", "origin", f"file://{self.origin}")
        wanted = [f"+{ref}:refs/remotes/pull/head"]
        if not depth:
            wanted.append("+refs/heads/*:refs/remotes/origin/*")
        git(work, "fetch", "--quiet", *([f"--depth={depth}"] * bool(depth)), "origin", *wanted)
        git(work, "checkout", "--quiet", "--detach", "refs/remotes/pull/head")
        return work

    def runner(self, work: Path, event: object = None, **variables: str) -> Runner:
        temp = self.folder / f"temp-{len(list(self.folder.iterdir()))}"
        temp.mkdir()
        return Runner(work, temp, sys.executable, event, {"install": self.installed}, variables)

    def use(self, inputs: dict[str, str], work: Path | None = None, event: object = None) -> Done:
        """Use the action in a full checkout of `main`, or another one."""
        done = self.runner(work or self.checkout("refs/heads/main"), event).action(inputs)
        assert "Traceback" not in done.out, done.out
        return done


@pytest.fixture
def project(tmp_path: Path, installed: Outputs) -> Project:
    return Project(tmp_path, installed)


def places(done: Done, work: Path) -> list[tuple[str, int]]:
    """The files and lines that are annotated."""
    return [
        (os.path.relpath(command.properties["file"], work), int(command.properties["line"]))
        for command in done.commands
    ]


def only(done: Done) -> Command:
    (command,) = done.commands
    return command


def rendered(summary: str) -> Any:
    """The summary as GitHub shows it."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    return html.fromstring(f"<main>{markdown.render(summary)}</main>")


def tables(summary: str) -> list[list[list[str]]]:
    """The text of each table, by row and cell, without the head."""
    return [
        [[cell.text_content() for cell in row] for row in table.iterfind("tbody/tr")]
        for table in rendered(summary).iter("table")
    ]


# What is found


def test_findings_fail_the_step(project: Project) -> None:
    work = project.checkout("refs/heads/main")
    done = project.use({}, work)
    assert done.code == 1
    assert done.outputs == {
        "findings": "3", "new-findings": "", "fixable": "3", "fixed": "0", "exit-code": "1",
        "sarif-file": "", "patch-file": "",
    }  # fmt: skip
    assert places(done, work) == [("net.py", 6), ("other.py", 6), ("sub dir/deep.py", 6)]
    assert done.lines[3:] == ["Found 3 findings in 3 files. 3 can be fixed with --fix [*]."]
    assert git(work, "status", "--porcelain") == ""


def test_no_findings(project: Project) -> None:
    write(project.origin, dict.fromkeys(("net.py", "other.py", "sub dir/deep.py"), "x = 1\n"))
    commit(project.origin)
    done = project.use({})
    assert (done.code, done.commands) == (0, [])
    assert done.outputs["findings"] == done.outputs["exit-code"] == "0"
    assert done.summary.startswith("## jaxport\n\n**0 findings** in 3 files.")
    assert tables(done.summary) == []


@pytest.mark.parametrize("level", ["error", "warning", "notice"])
def test_annotations(project: Project, level: str) -> None:
    work = project.checkout("refs/heads/main")
    command = only(project.use({"paths": "net.py", "annotations": level}, work))
    assert command.name == level
    assert command.properties["title"] == "jaxport JXP101"
    assert command.properties["line"] == command.properties["endLine"] == "6"
    assert "JXP101 [*] `register_buffer` has no counterpart" in command.message
    line = NET.splitlines()[5]
    start, end = int(command.properties["col"]), int(command.properties["endColumn"])
    assert line[start - 1 : end - 1] == CALL
    assert command.properties["file"] == str(work / "net.py")


def test_no_annotations(project: Project) -> None:
    done = project.use({"annotations": "none"})
    assert (done.code, done.commands, done.outputs["findings"]) == (1, [], "3")
    assert len(tables(done.summary)[2]) == 3


def test_python_version_is_handed_on(project: Project) -> None:
    ((name, given),) = project.use({"python-version": "3.13"}).used
    assert name.startswith("actions/setup-python@")
    assert given["python-version"] == "3.13"


def test_paths(project: Project) -> None:
    work = project.checkout("refs/heads/main")
    done = project.use({"paths": "net.py\n'sub dir'"}, work)
    assert places(done, work) == [("net.py", 6), ("sub dir/deep.py", 6)]
    done = project.use({"paths": "deep.py", "working-directory": "sub dir"}, work)
    assert places(done, work) == [("sub dir/deep.py", 6)]
    assert places(project.use({"paths": ""}, work), work)[0] == ("net.py", 6)


def test_select_and_args(project: Project) -> None:
    done = project.use({"paths": "net.py", "select": "JXP4"})
    assert [command.properties["title"] for command in done.commands] == ["jaxport JXP401"]
    done = project.use({"paths": "net.py", "select": "JXP1,JXP4", "args": "--ignore 'JXP401'"})
    assert [command.properties["title"] for command in done.commands] == ["jaxport JXP101"]
    done = project.use({"args": "--baseline known.json"})
    assert (done.code, done.outputs["exit-code"], only(done).name) == (2, "2", "error")
    assert "known.json" in only(done).message


def test_configuration_of_the_repository(project: Project) -> None:
    write(project.origin, {"pyproject.toml": "[tool.jaxport]\nignore = ['JXP101']\n"})
    commit(project.origin)
    assert project.use({}).code == 0
    write(project.origin, {"pyproject.toml": "[tool.jaxport]\nignroe = []\n"})
    commit(project.origin)
    for fail_on in ("any", "never"):
        done = project.use({"fail-on": fail_on})
        assert (done.code, done.outputs["exit-code"], done.outputs["findings"]) == (2, "2", "")
        assert len(done.lines) == 1
        assert only(done).name == "error"
        assert "ignroe" in only(done).message


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"fix": "yes"}, "input fix: `yes` is none of false, true"),
        ({"changed-only": "::error::"}, "input changed-only: `::error::` is none of false, true"),
        ({"annotations": "fatal\n::error::x"},
         "input annotations: `fatal\n::error::x` is none of error, warning, notice, none"),
        ({"fail-on": "all"}, "input fail-on: `all` is none of any, new, never"),
        ({"paths": "'net.py"}, "input paths: No closing quotation"),
        ({"paths": "-"}, "input paths: the action has no standard input to check"),
        ({"args": "\""}, "input args: No closing quotation"),
        ({"args": "--nothing '\n::error::x'"},
         "input args: unrecognized arguments: --nothing"),
        ({"args": "--help"}, "input args: this only shows help"),
        ({"args": "--diff"}, "input args: the action has no place for `--diff`"),
        ({"args": "--output-format=json"},
         "input args: the action has no place for `--output-format`"),
        ({"args": "--exit-zero"}, "input args: the action has no place for `--exit-zero`"),
        ({"select": "NOPE\n::error::x"}, "NOPE"),
        ({"select": "--fix"}, "--select: no rule is called `--FIX`"),
        ({"sarif-file": "gone/x.sarif"},
         "input sarif-file: can't write gone/x.sarif: No such file or directory"),
        ({"paths": "gone.py"}, "jaxport: gone.py: no such file or folder"),
        ({"paths": "'##[error]gone.py'"}, "jaxport: ##[error]gone.py: no such file or folder"),
    ],
)  # fmt: skip
def test_a_wrong_input_is_one_line(
    project: Project, inputs: dict[str, str], message: str
) -> None:
    done = project.use({"fail-on": "never"} | inputs)
    assert (done.code, done.outputs["exit-code"]) == (2, "2")
    assert message in only(done).message
    assert only(done).name == "error"
    assert len([line for line in done.lines if not line.startswith("Found 0 ")]) == 1


# Changed lines

CHANGES = {"net.py": NET + MORE, "new.py": NET, "clean.py": "x = 1\n"}
NEW = [("net.py", 7), ("new.py", 6)]


@pytest.mark.parametrize(
    ("ref", "depth"),
    [("refs/pull/1/merge", 0), ("refs/pull/1/merge", 2), ("refs/heads/topic", 0)],
)
def test_changed_only(project: Project, ref: str, depth: int) -> None:
    project.pull_request(CHANGES)
    work = project.checkout(ref, depth)
    event = project.event
    if depth == 2:  # the base of a pull request that was opened before `main` went on
        event["pull_request"]["base"]["sha"] = project.before
    done = project.use({"changed-only": "true"}, work, event)
    assert (done.code, places(done, work)) == (1, NEW)
    assert done.outputs["findings"] == done.outputs["new-findings"] == "2"
    text = rendered(done.summary).text_content()
    assert "2 findings in 2 of 3 changed files, counting changed lines only." in text


@pytest.mark.parametrize(
    ("ref", "depth"), [("refs/pull/1/merge", 1), ("refs/heads/topic", 1), ("refs/heads/topic", 2)]
)
def test_changed_only_says_what_a_shallow_clone_lacks(
    project: Project, ref: str, depth: int
) -> None:
    project.pull_request(CHANGES)
    work = project.checkout(ref, depth)
    for inputs in ({"changed-only": "true"}, {"fail-on": "new"}):
        done = project.use(inputs, work, project.event)
        assert (done.code, len(done.lines)) == (2, 1)
        assert "the clone is shallow" in only(done).message
        assert "fetch-depth: 0" in only(done).message


def test_changed_only_of_a_push(project: Project) -> None:
    write(project.origin, CHANGES)
    commit(project.origin)
    work = project.checkout("refs/heads/main")
    done = project.use({"changed-only": "true"}, work, {"before": project.before})
    assert places(done, work) == NEW
    git(project.origin, "checkout", "--quiet", "-b", "fresh")
    write(project.origin, {"fresh.py": NET})
    commit(project.origin)
    work = project.checkout("refs/heads/fresh")
    events: list[object] = [{"before": "0" * 40}, {}, None, [], "x"]
    for event in events:
        done = project.use({"changed-only": "true"}, work, event)
        assert places(done, work) == [("fresh.py", 6)]


def test_changed_only_in_a_merge_queue(project: Project) -> None:
    project.pull_request(CHANGES)
    work = project.checkout()
    event = {"merge_group": {"base_sha": project.base, "head_sha": "x"}}
    done = project.use({"changed-only": "true"}, work, event)
    assert places(done, work) == NEW


def test_a_base_of_ones_own(project: Project) -> None:
    project.pull_request(CHANGES)
    work = project.checkout()
    given = {"args": f"--changed-only={project.head}"}
    for inputs in (given, given | {"changed-only": "true"}):
        done = project.use(inputs, work, project.event)
        assert places(done, work) == [("main.py", 6)]
        assert done.outputs["new-findings"] == "1"


@pytest.mark.parametrize("base", ["--output=canary", "$(touch canary)", "a\n::error::x", ""])
def test_a_strange_event(project: Project, base: str) -> None:
    work = project.checkout("refs/heads/main")
    event = {"pull_request": {"base": {"sha": base}, "head": {"sha": base}}}
    done = project.use({"changed-only": "true"}, work, event)
    assert (done.code, len(done.lines)) == ((2, 1) if base else (0, 1))
    assert not (work / "canary").exists()


def test_fail_on(project: Project) -> None:
    project.pull_request(CHANGES)
    work = project.checkout()
    for fail_on, code, new in (("any", 1, ""), ("new", 1, "2"), ("never", 0, "")):
        done = project.use({"fail-on": fail_on}, work, project.event)
        assert (done.code, done.outputs["exit-code"]) == (code, "1")
        assert (done.outputs["findings"], done.outputs["new-findings"]) == ("6", new)
        assert len(done.commands) == 6
    for paths, code, new in (("other.py", 0, "0"), ("net.py other.py", 1, "1")):
        done = project.use({"fail-on": "new", "paths": paths}, work, project.event)
        assert (done.code, done.outputs["new-findings"]) == (code, new)
        assert done.outputs["exit-code"] == "1"
    done = project.use({"fail-on": "new", "paths": "other.py gone.py"}, work, project.event)
    assert (done.code, done.outputs["new-findings"], len(done.commands)) == (2, "0", 2)


# What is written


@pytest.mark.parametrize("folder", [".", "sub dir"])
def test_fix(project: Project, folder: str) -> None:
    paths = ["net.py", "sub dir/deep.py"]
    write(project.origin, {"sub dir/deep.py": NET + KEPT})
    (project.origin / "net.py").write_bytes(NET.replace("\n", "\r\n").encode())
    commit(project.origin)
    work = project.checkout("refs/heads/main")
    git(work, "config", "diff.noprefix", "true")
    git(work, "config", "diff.relative", "true")
    git(work, "config", "color.ui", "always")
    given = " ".join(f"'{work / name}'" for name in paths)
    done = project.use({"fix": "true", "paths": given, "working-directory": folder}, work)
    assert done.code == 1
    assert done.outputs["fixed"] == "2"
    assert (done.outputs["findings"], done.outputs["fixable"]) == ("1", "0")
    assert git(work, "diff", "--name-only", "--no-relative").splitlines() == paths
    deep = (work / "sub dir" / "deep.py").read_text(encoding="utf-8")
    assert deep == "import flax.nnx\n" + NET.replace(
        CALL, 'setattr(self, "n", flax.nnx.BatchStat(t))'
    ) + KEPT
    assert places(done, work) == [("sub dir/deep.py", 8)]  # a line of the new text

    patch = Path(done.outputs["patch-file"])
    assert project.folder in patch.parents and work not in patch.parents
    again = project.checkout("refs/heads/main")
    git(again, "apply", str(patch))
    for name in paths:
        assert (again / name).read_bytes() == (work / name).read_bytes()
    (shown,) = rendered(done.summary).xpath("//code[@class='language-diff']")
    assert shown.text_content().replace("\n", "") == (
        patch.read_bytes().decode().replace("\r", "").replace("\n", "")
    )
    assert "2 fixed." in rendered(done.summary).text_content()


def test_fix_on_changed_lines(project: Project) -> None:
    project.pull_request(CHANGES)
    work = project.checkout(depth=2)
    done = project.use({"fix": "true", "changed-only": "true"}, work, project.event)
    assert (done.code, done.outputs["fixed"], done.outputs["findings"]) == (0, "3", "0")
    assert git(work, "diff", "--name-only").splitlines() == ["net.py", "new.py"]


def test_fix_with_nothing_to_fix(project: Project) -> None:
    done = project.use({"fix": "true", "select": "JXP8"})
    assert (done.code, done.outputs["patch-file"], done.outputs["fixed"]) == (0, "", "0")


def test_fix_outside_of_git(project: Project, tmp_path: Path) -> None:
    work = tmp_path / "plain"
    write(work, {"net.py": NET})
    runner = project.runner(work, None, GIT_CEILING_DIRECTORIES=str(tmp_path))
    done = runner.action({"fix": "true"})
    assert (done.code, done.outputs["fixed"], done.outputs["patch-file"]) == (0, "1", "")
    assert only(done).name == "notice"
    assert only(done).message.startswith("jaxport: no patch of what was rewritten: ")


def test_many_fixed_files(project: Project) -> None:
    write(project.origin, {f"more/net{number}.py": NET for number in range(130)})
    commit(project.origin)
    done = project.use({"fix": "true", "paths": "more", "annotations": "none"})
    assert (done.code, done.outputs["fixed"]) == (0, "130")
    again = project.checkout("refs/heads/main")
    git(again, "apply", done.outputs["patch-file"])
    assert len(git(again, "diff", "--name-only").splitlines()) == 130


def test_a_file_that_can_not_be_written(project: Project) -> None:
    work = project.checkout("refs/heads/main")
    (work / "net.py").rename(work / "##[error]net.py")
    (work / "##[error]net.py").chmod(0o444)
    done = project.use({"fix": "true", "paths": "'##[error]net.py'"}, work)
    assert (done.code, done.outputs["findings"], done.outputs["fixed"]) == (2, "1", "0")
    note, finding = done.commands
    assert finding.properties["title"] == "jaxport JXP101"
    assert "Not all went well: see the step's log." in rendered(done.summary).text_content()
    assert "can't write the file: the file is read-only" in note.message


def test_sarif(project: Project) -> None:
    work = project.checkout("refs/heads/main")
    given = {"paths": "deep.py", "working-directory": "sub dir", "sarif-file": "out.sarif"}
    done = project.use(given, work)
    assert done.outputs["sarif-file"] == str(work / "sub dir" / "out.sarif")
    log = json.loads(Path(done.outputs["sarif-file"]).read_text(encoding="utf-8"))
    (result,) = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "sub%20dir/deep.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"]["startLine"] == 6
    assert result["ruleId"] == "JXP101"
    assert result["fixes"]


def test_the_summary(project: Project) -> None:
    write(project.origin, {"net.py": NET + MORE + KEPT})
    commit(project.origin)
    done = project.use({"select": "JXP1,JXP4"})
    by_rule, by_file, every = tables(done.summary)
    assert by_rule == [
        ["JXP101", "register-buffer", "5", "4"], ["JXP401", "module-class", "3", "0"],
    ]  # fmt: skip
    assert by_file == [
        ["net.py", "JXP101, JXP401", "4", "2"],
        ["other.py", "JXP101, JXP401", "2", "1"],
        ["sub dir/deep.py", "JXP101, JXP401", "2", "1"],
    ]
    assert len(every) == 8
    assert every[1][:2] == ["net.py:6:9", "JXP101"]
    page = rendered(done.summary)
    titles = [item.text_content() for item in page.iter("summary")]
    assert titles == ["Every finding", "JXP101 register-buffer", "JXP401 module-class"]
    blocks = [item.text_content() for item in page.xpath("//code[@class='language-python']")]
    assert "register_buffer" in blocks[0] and "BatchStat" in blocks[1]


def test_the_summary_stays_below_what_github_takes(project: Project) -> None:
    deep = "/".join(["|" * 200] * 10)
    write(project.origin, {f"{deep}/net{number}.py": NET + MORE * 40 for number in range(40)})
    commit(project.origin)
    done = project.use({"annotations": "none", "fix": "true", "args": "--select=JXP1,JXP4"})
    assert len(done.summary.encode()) < 2**20
    assert "The rest is in the patch file." in rendered(done.summary).text_content()
    write(project.origin, {f"{deep}/net{number}.py": NET + MORE * 40 for number in range(60)})
    commit(project.origin)
    done = project.use({"annotations": "none"})
    assert done.outputs["findings"] == str(3 + 60 * 41)
    assert len(done.summary.encode()) < 2**20
    _, by_file, every = tables(done.summary)
    text = rendered(done.summary).text_content()
    assert f"And {63 - len(by_file)} more." in text
    assert f"And {3 + 60 * 41 - len(every)} more." in text
    assert by_file and every


# Hostile input


def write_hostile(folder: Path) -> list[str]:
    """The names that the file system takes, each as Python spells it."""
    names = []
    for data in [*HOSTILE, b"folder</details>.py/<b>x.py"]:
        name = os.fsdecode(data if data.endswith(b".py") else data + b".py")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(NET, encoding="utf-8")
        names.append(name)
    return names


def shown(name: str) -> str:
    """A name on one line, as Python escapes it."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in name
    )


@pytest.fixture
def hostile(tmp_path: Path, installed: Outputs) -> tuple[Project, Path, list[str]]:
    project = Project(tmp_path, installed)
    work = project.checkout("refs/heads/main")
    for name in ("net.py", "other.py", "sub dir/deep.py"):
        (work / name).unlink()
    return project, work, write_hostile(work)


@pytest.mark.parametrize("fix", ["false", "true"])
def test_hostile_names(hostile: tuple[Project, Path, list[str]], fix: str) -> None:
    project, work, names = hostile
    commit(work)
    for name in names:
        (work / name).write_text(NET.replace('"n"', '"m"') + KEPT, encoding="utf-8")
    inputs = {"fix": fix, "changed-only": "true", "sarif-file": "x.sarif"}
    done = project.use(inputs, work, {"before": git(work, "rev-parse", "HEAD")})
    each = 2 - (fix == "true")
    count = each * len(names)
    assert done.code == 1
    assert done.outputs["findings"] == done.outputs["new-findings"] == str(count)
    assert done.outputs["fixed"] == str(len(names) * (fix == "true"))

    # Annotations: as many commands as findings, each of the file it is about.
    assert len(done.commands) == count
    assert len(done.lines) == count + 1
    assert {command.name for command in done.commands} == {"error"}
    assert {command.properties["title"] for command in done.commands} == {"jaxport JXP101"}
    files = {command.properties["file"] for command in done.commands}
    backslashed = {str(work / name).encode(errors="backslashreplace").decode() for name in names}
    assert files == backslashed

    # The summary: every name, and nothing that we did not write.
    assert {item.tag for item in rendered(done.summary).iter()} <= TAGS
    _, by_file, every = tables(done.summary)
    assert {row[0] for row in by_file} == set(map(shown, names))
    assert len(every) == count
    assert {row[0] for row in every if row[0].endswith(":9")} >= {
        f"{shown(name)}:{7 if fix == 'false' else 8}:9" for name in names
    }

    # SARIF, and what went through a shell or git.
    log = json.loads((work / "x.sarif").read_text(encoding="utf-8"))
    uris = {
        os.fsdecode(unquote_to_bytes(place["physicalLocation"]["artifactLocation"]["uri"]))
        for result in log["runs"][0]["results"] for place in result["locations"]
    }  # fmt: skip
    assert uris == set(names)
    assert not list(work.rglob("canary")) and not (project.folder / "canary").exists()
    if fix == "true":
        for name in names:
            assert (work / name).read_text(encoding="utf-8").startswith("import flax.nnx")
        fixed = {name: (work / name).read_bytes() for name in names}
        git(work, "apply", "--reverse", done.outputs["patch-file"])
        git(work, "apply", done.outputs["patch-file"])
        assert {name: (work / name).read_bytes() for name in names} == fixed


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_messages_and_every_rule(data: bytes) -> None:
    span = Span(Position(1, 0), Position(1, 4))
    message = os.fsdecode(data)
    codes = [rule.code for rule in all_rules()]
    found = [Shown(code, message, span, span, False) for code in codes]
    results = [FileResult(Path("x.py"), found)]

    commands = Done(out="".join(github.render(results, Options()))).commands
    assert [command.properties["title"] for command in commands] == [
        f"jaxport {code}" for code in codes
    ]
    assert {command.message.partition(" ")[2][7:] for command in commands} == {shown(message)}

    text = summary.render(results)
    page = rendered(text)
    assert {item.tag for item in page.iter()} <= TAGS
    assert len(list(page.iter("details"))) == len(codes) + 1
    plain = shown(message)
    if plain.count("`") % 2 == 0:
        plain = plain.replace("`", "")
    _, _, every = tables(text)
    assert [row[1] for row in every] == codes
    assert {row[2] for row in every} == {plain.strip()}


def test_hostile_names_as_inputs(hostile: tuple[Project, Path, list[str]]) -> None:
    project, work, names = hostile
    names = [name for name in names if name.isascii()]
    done = project.use({"paths": shlex.join(names)}, work)
    assert (done.code, done.outputs["findings"]) == (1, str(len(names)))
    for text in ("$(touch canary)", "`touch canary`", "; touch canary", "a && touch canary",
                 "\"$(touch canary)\"", "x\ntouch canary\n", "${{ github.token }}"):  # fmt: skip
        for name in ("paths", "args", "select", "sarif-file", "annotations", "fix"):
            done = project.use({name: text}, work)
            assert len(done.commands) == len([line for line in done.lines if "::" in line])
    assert not list(work.rglob("canary"))


def test_outputs_can_not_be_forged(project: Project) -> None:
    work = project.checkout("refs/heads/main")
    name = "x.sarif\nfindings=0\nexit-code<<EOF\n0\nEOF"
    done = project.use({"sarif-file": name}, work)
    assert done.outputs["sarif-file"] == str(work / name)
    assert (done.outputs["findings"], done.outputs["exit-code"]) == ("3", "1")


def test_hostile_code_in_the_patch(project: Project) -> None:
    code = NET + '        """`````\n</details><script>\n        ```\n        ::error::x"""\n'
    (project.origin / "net.py").write_bytes(b"# coding: latin-1\n# \xe9\n" + code.encode())
    commit(project.origin)
    work = project.checkout("refs/heads/main")
    done = project.use({"fix": "true", "paths": "net.py"}, work)
    (shown,) = rendered(done.summary).xpath("//code[@class='language-diff']")
    assert "</details><script>" in shown.text_content()
    assert not rendered(done.summary).xpath("//script")
    assert done.commands == []
    again = project.checkout("refs/heads/main")
    git(again, "apply", done.outputs["patch-file"])
    assert (again / "net.py").read_bytes() == (work / "net.py").read_bytes()


def test_modules_of_the_repository_are_not_run(project: Project) -> None:
    names = ("argparse", "json", "jaxport", "sitecustomize", "pip", "venv")
    write(project.origin, {f"{name}.py": "open('canary', 'w')\n" for name in names})
    write(project.origin, {"jaxport/__init__.py": "open('canary', 'w')\n"})
    commit(project.origin)
    work = project.checkout("refs/heads/main")
    runner = project.runner(work, None, PYTHONPATH=str(work))
    assert runner.action({"paths": "net.py"}).outputs["findings"] == "1"
    assert not (work / "canary").exists()


# The project's own workflow


def test_the_action_job_of_our_own_workflow(project: Project, tmp_path: Path) -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    work = project.checkout("refs/heads/main")
    git(work, "checkout", "--quiet", "-b", "ours")
    for name in ("examples/dqn.py", "examples/gpt/before.py", "pyproject.toml"):
        write(work, {name: (ROOT / name).read_text(encoding="utf-8")})
    base = commit(work)
    write(work, {"src/clean.py": "x = 1\n"})
    event = {"pull_request": {"base": {"sha": base}, "head": {"sha": commit(work)}}}
    uses: list[Done] = []

    def use(step: dict[str, Any]) -> Done:
        given = {key: str(value).lower() if isinstance(value, bool) else str(value)
                 for key, value in step["with"].items()}  # fmt: skip
        uses.append(project.use(given, work, event))
        return uses[-1]

    runner = project.runner(work, event)
    done = runner.job(workflow["jobs"]["action"]["steps"], use)
    assert done.code == 0, done.out
    everything, new = uses
    assert {command.name for command in everything.commands} == {"notice"}
    assert len(everything.commands) == int(everything.outputs["findings"]) > 10
    assert (new.outputs["findings"], new.outputs["new-findings"]) == ("0", "0")
