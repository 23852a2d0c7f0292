"""Checking stays light: what only a rewrite needs is not loaded to find something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_check_loads_neither_libcst_nor_flake8_nor_torch() -> None:
    program = (
        "import sys; from jaxport.cli import main; code = main(['check', 'examples/dqn.py']); "
        "print({'libcst', 'flake8', 'torch', 'jax', 'rich', 'multiprocessing', 'jaxport.notebook'}"
        " & set(sys.modules), code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set() 1"


def test_a_clean_file_takes_neither_its_meaning_nor_what_other_commands_need(
    tmp_path: Path,
) -> None:
    (tmp_path / "clean.py").write_text("x = 1\n")
    slow = {
        "dataclasses", "inspect", "pkgutil", "shutil", "tempfile", "tokenize", "typing",
        "jaxport.commands.port", "jaxport.formats.sarif", "jaxport.semantics.model",
    }  # fmt: skip
    program = (
        "import sys; before = set(sys.modules); from jaxport.cli import main; "
        "main(['check', '--no-cache', 'clean.py']); "
        f"print(sorted(({slow!r} & set(sys.modules)) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
