"""Several processes, and runs that end early: by Ctrl-C, by the system, in the middle of a fix."""

from __future__ import annotations

import contextlib
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jaxport.cli import main

ROOT = Path(__file__).parents[1]
NET = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n"
BUFFER = '        self.register_buffer("n{0}", t)\n'
JAXPORT = [sys.executable, "-m", "jaxport", "check"]
# The same, but each file takes a while, as large ones do.
SLOW = [sys.executable, "-c", """
import os, sys, time
from jaxport import check, cli
original = check.check_path

def slowly(path, *rest):
    time.sleep(float(os.environ.get("PAUSE", "0.025")))
    return original(path, *rest)

check.check_path = slowly
sys.exit(cli.main(["check", *sys.argv[1:]]))
"""]


def write(folder: Path, count: int, buffers: int = 1) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        text = NET + ("".join(map(BUFFER.format, range(buffers))) or "        pass\n")
        (folder / f"net{number:03}.py").write_text(text + "#" * number)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that takes three seconds to check slowly."""
    folder = tmp_path_factory.mktemp("long") / "project"
    write(folder, 120)
    return folder


def environment() -> dict[str, str]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    variables.pop("CI", None)
    return variables


@contextmanager
def started(
    folder: Path, *options: str, command: list[str] = SLOW, pause: str = "0.025"
) -> Iterator[subprocess.Popen[str]]:
    """A run in a group of its own, as a terminal starts it."""
    run = subprocess.Popen(
        [*command, *options, str(folder)], env=environment() | {"PAUSE": pause}, text=True,
        start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with run:
        try:
            yield run
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


def children(run: subprocess.Popen[str], count: int) -> list[int]:
    """The processes that the run has started, once there are as many."""
    for _ in range(500):
        found = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        if len(found) == count:
            time.sleep(0.3)
            return [int(pid) for pid in found]
        time.sleep(0.02)
    raise AssertionError("the processes were not started")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_several_processes_say_the_same_in_the_same_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "p", 150)
    (tmp_path / "p" / "broken.py").write_text("x = (\n")
    outputs = []
    for jobs in ("-j1", "-j2", "-j3", "-j0"):
        code = main(["check", jobs, str(tmp_path / "p")])
        outputs.append((code, capsys.readouterr()))
    assert outputs[0][1].out.count("\n") == 151
    assert outputs == outputs[:1] * 4


@pytest.mark.parametrize(("count", "starts"), [(60, False), (70, True)])
def test_few_files_start_no_processes(tmp_path: Path, count: int, starts: bool) -> None:
    write(tmp_path / "p", count)
    program = (
        "import sys; from jaxport.cli import main; main(['check', '-j2', sys.argv[1]]); "
        "print('concurrent.futures.process' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "p")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(starts)


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@linux
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted(project: Path, jobs: int) -> None:
    with started(project, f"-j{jobs}", pause="0.1") as run:
        if jobs > 1:
            children(run, jobs)
        else:
            assert run.stdout is not None
            run.stdout.readline()
        os.killpg(run.pid, signal.SIGINT)
        since = time.monotonic()
        _, err = run.communicate(timeout=30)
        assert (run.returncode, err) == (2, "jaxport: interrupted\n")
        assert time.monotonic() - since < 5


@linux
def test_one_process_is_killed(project: Path) -> None:
    with started(project, "-j2", pause="0.1") as run:
        os.kill(children(run, 2)[0], signal.SIGKILL)
        _, err = run.communicate(timeout=30)
        assert run.returncode == 2
        assert re.fullmatch(r"jaxport: one of the processes was killed, .*\n", err)


@linux
def test_the_first_process_is_killed(project: Path) -> None:
    with started(project, "-j2", pause="0.1") as run:
        pids = children(run, 2)
        run.kill()
        run.wait()
        until = time.monotonic() + 20
        while any(map(is_alive, pids)) and time.monotonic() < until:
            time.sleep(0.05)
        assert [pid for pid in pids if is_alive(pid)] == []


@linux
def test_nobody_reads_on(tmp_path: Path) -> None:
    write(tmp_path / "p", 150, buffers=30)
    with started(tmp_path / "p", "-j2") as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        assert run.stderr.read() == ""
        assert run.wait(timeout=30) == 1


# In the middle of a fix

# Runs that are killed at random moments; what they need is loaded once, before they fork.
KILLS = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from jaxport.cli import main
import jaxport.fix

original, fixed, work = map(Path, sys.argv[1:])
before = {path.name: path.read_bytes() for path in original.iterdir()}
after = {path.name: path.read_bytes() for path in fixed.iterdir()}

def begun():
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(original, work)
    pid = os.fork()
    if not pid:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os._exit(main(["check", "--fix", "-j1", str(work)]))
    return pid

since = time.monotonic()
os.waitpid(begun(), 0)
length = time.monotonic() - since
partly = strays = 0
for _ in range(100):
    pid = begun()
    time.sleep(random.uniform(0, length))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for name in before:
        assert (work / name).read_bytes() in (before[name], after[name]), name
    partly += 0 < sum((work / name).read_bytes() == after[name] for name in before) < len(before)
    strays += len(list(work.iterdir())) > len(before)
print(partly, strays)
"""


def test_killed_in_the_middle_of_a_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original, fixed, work = (tmp_path / name for name in ("original", "fixed", "work"))
    write(original, 20)
    shutil.copytree(original, fixed)
    main(["check", "--fix", str(fixed)])
    assert "setattr" in (fixed / "net019.py").read_text()
    command = [sys.executable, "-c", KILLS, *map(str, (original, fixed, work))]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.stderr == ""
    partly, _ = map(int, done.stdout.split())
    assert partly > 2
    # What a killed run may leave beside the files is no file to check.
    (work / ".net000.py.x1y2z3").write_text("half of (")
    capsys.readouterr()
    assert main(["check", "--fix", str(work)]) == 0
    assert capsys.readouterr().out == ""
    for path in fixed.iterdir():
        assert (work / path.name).read_bytes() == path.read_bytes()


def test_two_fixes_at_once(tmp_path: Path) -> None:
    original, fixed = tmp_path / "original", tmp_path / "fixed"
    write(original, 70, buffers=2)
    shutil.copytree(original, fixed)
    main(["check", "--fix", str(fixed)])
    expected = {path.name: path.read_bytes() for path in fixed.iterdir()}
    for turn in range(3):
        work = tmp_path / f"work{turn}"
        shutil.copytree(original, work)
        with started(work, "--fix", f"-j{1 + turn % 2}", command=JAXPORT) as one:
            time.sleep(random.uniform(0, 0.5))
            with started(work, "--fix", "-j2", command=JAXPORT) as two:
                for run in (one, two):
                    out, err = run.communicate(timeout=60)
                    assert (run.returncode, out) == (0, "")
                    assert re.fullmatch(r"Found 0 findings in 70 files\.( Fixed \d+\.)?\n", err)
        assert {path.name: path.read_bytes() for path in work.iterdir()} == expected


# The progress bar


def on_terminal(
    folder: Path, command: list[str] = SLOW, both: bool = False, **variables: str
) -> str:
    """What a run writes on a terminal: its standard error, or both."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*command, "-j1", str(folder)], env=environment() | {"TERM": "xterm", **variables},
        stdout=follower if both else subprocess.DEVNULL, stderr=follower,
    ) as run:  # fmt: skip
        os.close(follower)
        written = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while data := os.read(leader, 65536):
                written += data
        os.close(leader)
        assert run.wait() == 1
    return written.decode()


SUMMARY = "Found {0} findings in {0} files. {0} can be fixed with --fix [*].\r\n"
CLEARED = "\x1b[2K"


def test_a_long_run_shows_how_far_it_is(project: Path) -> None:
    written = on_terminal(project)
    counts = [int(count) for count in re.findall(r"(\d+)/120", written)]
    assert counts == sorted(counts)
    assert 1 < counts[0] < 80  # not at once
    assert len(set(counts)) > 5
    assert "Checking" in written
    assert written.rpartition(CLEARED)[2] == SUMMARY.format(120)


def test_where_no_bar_is_shown(project: Path, tmp_path: Path) -> None:
    write(tmp_path / "small", 4)
    assert on_terminal(tmp_path / "small", JAXPORT) == SUMMARY.format(4)  # quick
    assert on_terminal(project, CI="true") == SUMMARY.format(120)
    assert on_terminal(project, TERM="dumb") == SUMMARY.format(120)


def test_the_bar_makes_room_for_findings(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    write(folder, 120, buffers=0)
    write(folder, 1)
    (folder / "z.py").write_bytes((folder / "net000.py").read_bytes())
    written = on_terminal(folder, both=True, NO_COLOR="1", COLUMNS="80")
    assert "/121" in written
    lines = [line.rpartition(CLEARED)[2] for line in written.split("\r\n") if "JXP101" in line]
    assert [line.partition(" ")[0] for line in lines] == [
        f"{folder / name}:7:9:" for name in ("net000.py", "z.py")
    ]
