"""The packages whose files are ported, and where they come from.

    python -m benchmarks.port.corpus vit-pytorch FOLDER

downloads a package from PyPI and unpacks it in FOLDER. Nothing of it is installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A release on PyPI, and the dotted name of the package in it whose files are ported."""

    distribution: str
    version: str
    name: str

    def folder(self, root: Path) -> Path:
        """Where the files are, below the folder that the distribution was unpacked in."""
        return root.joinpath(*self.name.split("."))

    def root(self, folder: Path) -> Path:
        """The unpacked distribution, given that folder or the folder of the files themselves.

        Raises ValueError if it is neither.
        """
        parts = self.name.split(".")
        for root in (folder.resolve(), folder.resolve().parents[len(parts) - 1]):
            if self.folder(root).is_dir():
                return root
        raise ValueError(f"no {'/'.join(parts)} in {folder}")


PACKAGES = {
    "vit-pytorch": Package("vit-pytorch", "1.26.11", "vit_pytorch"),
    "timm": Package("timm", "1.0.31", "timm.layers"),
}


def download(package: Package, folder: Path) -> None:
    """Unpack the package's wheel in `folder`; raises CalledProcessError if pip fails."""
    with tempfile.TemporaryDirectory() as wheels:
        release = f"{package.distribution}=={package.version}"
        command = ["pip", "download", "--quiet", "--no-deps", "--dest", wheels, release]
        subprocess.run([sys.executable, "-m", *command], check=True)
        (wheel,) = Path(wheels).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def main() -> None:
    """Download a package of the corpus."""
    parser = argparse.ArgumentParser(description="Download a package whose files are ported.")
    parser.add_argument("package", choices=PACKAGES)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    download(PACKAGES[arguments.package], arguments.folder)


if __name__ == "__main__":
    main()
