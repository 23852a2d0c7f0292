"""Port the files of a package, then tell whether the ports compute what torch computes.

    python -m benchmarks.port.judge                            vit-pytorch, downloaded
    python -m benchmarks.port.judge --package timm --corpus FOLDER --jobs 2
    python -m benchmarks.port.judge --files vit,simple_vit     these files only
    python -m benchmarks.port.judge --keep FOLDER              the ports are kept there
    python -m benchmarks.port.judge --ported FOLDER            judge ports that are there already
    python -m benchmarks.port.judge --gradients                compare gradients as well
    python -m benchmarks.port.judge --torch-only               check the constructions themselves
    python -m benchmarks.port.judge --self-test                check that a difference is seen

Needs torch, jax and flax. For each file: was it ported, how many constructions it has, how far
outputs, parameters and buffers of the port are from torch's at most (relative to the largest
magnitude of the tensor), whether all calls can be traced for `jax.jit`, and a verdict: ok, DIFFERS
(by more than 1e-4), or fails (does not run).
Then come the reasons, and what kept files from being ported, commonest first.

Exit code 1 if a ported file differs or fails.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.port.construction import Construction
from benchmarks.port.corpus import PACKAGES, Package, download
from benchmarks.port.porting import Blocker, port_files

if TYPE_CHECKING:
    from benchmarks.port.compare import Outcome

# One thread a process, as the models are tiny and `--jobs` says how many cores to use. The models
# have many operations in common, so compiled ones are kept for other processes.
SETTINGS = {
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
TABLES = {"vit-pytorch": "constructions", "timm": "constructions_timm"}
SECONDS = 600


@dataclass(frozen=True)
class Row:
    """What came out of porting and judging a file; `why` it has no constructions if so."""

    name: str
    cases: int
    blockers: Sequence[Blocker] = ()
    outcomes: Sequence[Outcome] = ()
    error: str = ""
    why: str = ""

    @property
    def verdict(self) -> str:
        if self.blockers:
            return "not ported"
        verdicts = {outcome.verdict for outcome in self.outcomes}
        if self.error or "fails" in verdicts:
            return "fails"
        if "DIFFERS" in verdicts:
            return "DIFFERS"
        return "ok" if verdicts else "not judged"

    @property
    def remark(self) -> str:
        if self.blockers:
            return f" ({len(self.blockers)} blockers)"
        return f": {self.why}" if self.why else ""

    @property
    def traced(self) -> str:
        """Whether all calls that ran can be traced as well."""
        ran = [outcome for outcome in self.outcomes if outcome.differences]
        return ("no" if any(outcome.untraced for outcome in ran) else "yes") if ran else ""

    def difference(self, mode: str) -> str:
        """The largest difference in a mode over all constructions."""
        known = [o.differences[mode] for o in self.outcomes if mode in o.differences]
        return f"{max(known):.1e}" if known else ""


def main() -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="judge", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--package", choices=PACKAGES, default="vit-pytorch")
    parser.add_argument("--corpus", type=Path, help="where the package is unpacked")
    parser.add_argument("--ported", type=Path, help="the same folder with files ported already")
    parser.add_argument("--keep", type=Path, help="a new folder to write the ported files to")
    parser.add_argument("--files", help="names of files, with commas between them")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--gradients", action="store_true", help="compare gradients as well")
    parser.add_argument("--torch-only", action="store_true", help="check the constructions")
    parser.add_argument("--self-test", action="store_true", help="check the judge")
    arguments = parser.parse_args()
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if arguments.self_test:
        from benchmarks.port import selftest

        return selftest.main()
    package = PACKAGES[arguments.package]
    table = importlib.import_module(f"benchmarks.port.{TABLES[arguments.package]}")
    with _corpus(package, arguments.corpus) as originals, tempfile.TemporaryDirectory() as own:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(own, "compiled")))
        names = [path.stem for path in sorted(package.folder(originals).glob("*.py"))]
        names = [name for name in names if name != "__init__"]
        blockers: dict[str, list[Blocker]] = {name: [] for name in names}
        ports: Path | None = None
        if arguments.ported:
            ports = package.root(arguments.ported)
            same = [name for name in names if _is_unported(package, originals, ports, name)]
            blockers.update((name, [Blocker(1, "", "the file is still torch's")]) for name in same)
        elif not arguments.torch_only:
            ports = arguments.keep or Path(own, "ports")
            shutil.copytree(originals, ports)
            files = {package.folder(ports) / f"{name}.py": name for name in names}
            blockers = {files[path]: found for path, found in port_files([*files]).items()}
        chosen = arguments.files.split(",") if arguments.files else names
        unknown = set(chosen) - set(names)
        if unknown:
            parser.error(f"no such files: {', '.join(sorted(unknown))}")
        judging = partial(_judge_file, package.name, originals, ports, arguments.gradients, table)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            code = _report(pool.map(judging, chosen, [blockers[name] for name in chosen]))
    if arguments.torch_only:
        print("\nleft out:")
        for name, why in table.LEFT_OUT.items():
            print(f"    {name}: {why}")
    return code


def _is_unported(package: Package, originals: Path, ports: Path, name: str) -> bool:
    """Whether the file among the ports is the original, and uses torch."""
    text, port = ((package.folder(root) / f"{name}.py").read_bytes() for root in (originals, ports))
    return text == port and b"torch" in text


def _judge_file(
    package: str,
    originals: Path,
    ports: Path | None,
    gradients: bool,
    table: Any,
    name: str,
    blockers: Sequence[Blocker],
) -> Row:
    """Judge one file in a process of its own, unless it was not ported or has no construction."""
    own = [construction for construction in table.CONSTRUCTIONS if construction.module == name]
    if blockers or not own:
        return Row(name, len(own), blockers, why=table.LEFT_OUT.get(name, ""))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.port.compare"])
    receiver, sender = context.Pipe(duplex=False)
    arguments = (sender, package, originals, ports, own, gradients)
    process = context.Process(target=_work, args=arguments)
    process.start()
    sender.close()
    try:
        if not receiver.poll(SECONDS):
            return Row(name, len(own), error=f"took more than {SECONDS} seconds")
        return Row(name, len(own), outcomes=receiver.recv())
    except EOFError:
        process.join()
        return Row(name, len(own), error=f"the process ended with code {process.exitcode}")
    finally:
        process.kill()
        process.join()
        receiver.close()


def _work(
    answer: Connection,
    package: str,
    originals: Path,
    ports: Path | None,
    constructions: Sequence[Construction],
    gradients: bool,
) -> None:
    """In a process of its own: judge, and send the outcomes."""
    from benchmarks.port.compare import judge

    sys.stdout = sys.stderr  # what judged files print
    answer.send(judge(package, originals, ports, constructions, gradients))


def _report(found: Iterator[Row]) -> int:
    """Print the rows as they come, then reasons, blockers and totals; the exit code."""
    rows = []
    print(f"{'file':<40}{'cases':>6}{'eval':>9}{'train':>9}{'gradient':>9}{'jit':>5}  verdict")
    for row in found:
        rows.append(row)
        numbers = "".join(f"{row.difference(mode):>9}" for mode in ("eval", "train", "gradient"))
        left = f"{row.name:<40}{row.cases:>6}{numbers}{row.traced:>5}"
        print(f"{left}  {row.verdict}{row.remark}", flush=True)
    _print_reasons(rows)
    _print_blockers([blocker for row in rows for blocker in row.blockers])
    counts = Counter(row.verdict for row in rows)
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return int(counts["DIFFERS"] + counts["fails"] > 0)


def _print_reasons(rows: Sequence[Row]) -> None:
    for found in rows:
        if found.error:
            print(f"\n{found.name}: {found.error}")
        for outcome in found.outcomes:
            untraced = f"jit: {outcome.untraced}" if outcome.untraced else ""
            lines = [line for line in (*outcome.remarks, outcome.error, untraced) if line]
            if lines:
                print(f"\n{found.name}: {outcome.label} {outcome.verdict}")
            for line in lines[:8]:
                print(f"    {line}")
            if len(lines) > 8:
                print(f"    and {len(lines) - 8} more")


def _print_blockers(blockers: Sequence[Blocker]) -> None:
    counts = Counter(f"{blocker.code} {blocker.message}" for blocker in blockers)
    if counts:
        print("\nwhat kept files from being ported:")
    for message, count in counts.most_common():
        print(f"{count:6} {message}")


@contextmanager
def _corpus(package: Package, folder: Path | None) -> Iterator[Path]:
    """The folder that the distribution is unpacked in, downloaded if none is given."""
    if folder is not None:
        yield package.root(folder)
        return
    with tempfile.TemporaryDirectory() as fresh:
        download(package, Path(fresh))
        yield Path(fresh)


if __name__ == "__main__":
    raise SystemExit(main())
