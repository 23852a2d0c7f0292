"""The environment that programs run in: torch's CPU build and pinned packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TORCH = "torch==2.13.0"
# Without dependencies, which are all listed: torchvision asks for another torch.
REQUIREMENTS = (HERE / "requirements.txt", HERE / "training" / "requirements.txt")


def prepare(folder: Path) -> Path:
    """The Python of the environment in `folder`, which is made or completed if need be.

    Raises CalledProcessError if that fails.
    """
    python = folder / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    files = [path for path in REQUIREMENTS if path.is_file()]
    wanted = "\n".join([TORCH, *(path.read_text(encoding="utf-8") for path in files)])
    done = folder / "installed.txt"
    if not (done.is_file() and done.read_text(encoding="utf-8") == wanted):
        _install(python, TORCH)
        for path in files:
            _install(python, "--no-deps", "--requirement", str(path))
        done.write_text(wanted, encoding="utf-8")
    return python


def packages(python: Path) -> Path:
    """The folder that the environment's packages are in."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


def _install(python: Path, *arguments: str) -> None:
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *arguments], check=True)
