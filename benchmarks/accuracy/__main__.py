"""The table of jaxport's accuracy on calls that real programs make.

    python -m benchmarks.accuracy [--work FOLDER] [--programs NAME,…] [--jobs N] [--judge-only]

makes an environment in the work folder, runs the programs there under the recorder, runs jaxport
on a copy of each package, and prints one row for each rule, then each miss and false alarm. What is
recorded is kept: a second call runs only what is new. Exits with 1 if a goal is not met.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks.accuracy import environment, running
from benchmarks.accuracy.judge import (
    RULES,
    Findings,
    Verdict,
    copy_alone,
    judge,
    reported,
    source_line,
)

RECALL, PRECISION = 0.98, 0.995
FAMILIES, TRAININGS = 150, 10


def main() -> int:
    """Record what is not recorded yet, judge, print."""
    parser = argparse.ArgumentParser(description="Measure jaxport against what programs do.")
    parser.add_argument("--work", type=Path, default=Path("accuracy-work"))
    parser.add_argument("--programs", default="", help="names with commas; all by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--python", type=Path, help="of an environment that is there already")
    parser.add_argument("--judge-only", action="store_true", help="judge what is recorded")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    chosen = running.programs()
    if options.programs:
        names = options.programs.split(",")
        chosen = [program for program in chosen if program.name in names]
    python = options.python or environment.prepare(work / "environment")
    if not options.judge_only:
        for name, share in running.record(python, chosen, work / "recorded", options.jobs):
            print(f"{share:4.0%} {name}", file=sys.stderr)
    records = [running.recorded(program, work / "recorded") for program in chosen]
    packages = sorted({name for program in chosen for name in program.judged})
    copies = copy_alone(environment.packages(python), packages, work / "packages")
    findings: Findings = defaultdict(dict)
    for copy in copies.values():
        for code, places in reported(copy).items():
            findings[code].update(places)
    verdicts = judge(records, findings, packages)
    _print_table(verdicts)
    met = _print_programs(records)
    _print_differences(verdicts, copies)
    good = all(
        item.right and item.recall >= RECALL and item.precision >= PRECISION for item in verdicts
    )
    return 0 if good and met else 1


def _print_table(verdicts: list[Verdict]) -> None:
    print(
        "| rule | kind of call | recorded | reported, ran | missed | false alarms | recall "
        "| precision |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for item in verdicts:
        right, missed, false = len(item.right), len(item.missed), len(item.false)
        print(
            f"| {item.code} | {RULES[item.code]} | {right + missed} | {right + false} | {missed} "
            f"| {false} | {item.recall:.1%} | {item.precision:.1%} |"
        )


def _print_programs(records: list[running.Recorded]) -> bool:
    """What ran and what failed; whether that is as much as the goal asks for."""
    families = sum(
        not error
        for item in records if item.program.has_models
        for error in item.families.values()
    )
    trainings = [item for item in records if item.program.is_training]
    ran = sum(not item.error for item in trainings)
    print(f"\n{families} model families and {ran} training programs ran.")
    for item in records:
        failed = {name: error for name, error in item.families.items() if error}
        if item.families:
            count = len(item.families) - len(failed)
            print(f"\n{item.program.name}: {count} of {len(item.families)} ran")
        if item.error:
            print(f"  {item.program.name} failed: {item.error}")
        for name, error in sorted(failed.items()):
            print(f"  {name} failed: {error}")
    return families >= FAMILIES and ran >= TRAININGS


def _print_differences(verdicts: list[Verdict], copies: dict[str, Path]) -> None:
    for item in verdicts:
        for title, places in (("missed", item.missed), ("false alarm", item.false)):
            for file, row, _ in sorted(places):
                text = source_line(copies[file.split("/")[0]] / file, row).strip()
                print(f"{item.code} {title} {file}:{row}  {text}")


if __name__ == "__main__":
    sys.exit(main())
