"""Data sets and loaders: `torch.utils.data`."""
