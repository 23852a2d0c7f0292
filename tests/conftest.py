"""How the tests run JAX and torch: one thread a process, and what was compiled is kept."""

from __future__ import annotations

import os
from pathlib import Path

_CACHE = Path(__file__).parents[1] / ".pytest_cache" / "jax"

# No answers are kept, but where a test asks for it.
os.environ["JAXPORT_CACHE_DIR"] = os.devnull

# Set before JAX and torch are imported. The processes of pytest-xdist are what uses the cores.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
