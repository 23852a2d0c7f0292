"""Layers: `torch.nn`."""
