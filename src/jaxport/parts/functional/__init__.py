"""Functions of layers: `torch.nn.functional`."""
