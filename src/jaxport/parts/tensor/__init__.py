"""Functions and methods of tensors: `torch` and `torch.Tensor`."""
