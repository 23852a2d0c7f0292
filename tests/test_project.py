"""Other files of a project are found wherever the command runs, and what is found has an order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "pkg/__init__.py": "",
    "pkg/base.py": "from torch import nn\n\n\ndef make():\n    return nn.BatchNorm2d(3)\n",
    "pkg/sub/__init__.py": "",
    "pkg/sub/near.py": "from ..base import make\n\nnorm = make()\nnorm(3)\n",
    "pkg/sub/far.py": "from pkg.base import make\n\nnorm = make()\nnorm(3)\n",
    "pkg/sub/own.py": "from pkg.sub.own import norm\nfrom torch import nn\n\n"
    "norm = nn.BatchNorm2d(3)\nnorm(3)\n",
}


def jaxport(folder: Path, *arguments: str, seed: str = "0") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "jaxport", "check", *arguments], cwd=folder, capture_output=True,
        text=True, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("inside", "path"), [(".", "."), (".", "pkg"), ("pkg", "."), ("pkg/sub", "."), ("pkg", "sub")]
)
def test_imports_lead_out_of_the_folder_that_the_command_runs_in(
    tmp_path: Path, inside: str, path: str
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    lines = jaxport(tmp_path / inside, path, "--select", "JXP301").splitlines()
    names = [Path(line.split(":")[0]).name for line in lines]
    assert sorted(names) == ["far.py", "near.py", "own.py"]


def test_what_is_found_does_not_depend_on_the_hashes_of_the_run(tmp_path: Path) -> None:
    names = ["SiLU", "GELU", "ReLU", "Tanh", "Mish", "ELU"]
    text = "import sys\nfrom torch import nn\n" + "".join(
        f"if sys.argv[1] == '{name}':\n    from torch.nn import {name} as act\n" for name in names
    ) + (
        "norm = nn.Identity() if sys.argv[2] else nn.BatchNorm2d(3)\nprint(act, norm.affine)\n"
        "try:\n    from torch import vmap\nexcept ImportError:\n    from functorch import vmap\n"
        "print(vmap)\n"
    )
    (tmp_path / "choice.py").write_text(text)
    found = {jaxport(tmp_path, "choice.py", "--select", "ALL", seed=str(n)) for n in range(6)}
    assert len(found) == 1
    lines = found.pop()
    assert "`torch.nn.ELU` has no port" in lines and "`torch.vmap` has no port" in lines
    assert "`affine` of `torch.nn.BatchNorm2d` is read" in lines
