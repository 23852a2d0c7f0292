"""jaxport finds what keeps PyTorch code from running on JAX, and ports what it can."""

__version__ = "0.1.0"
