"""Initial values: `torch.nn.init`."""
