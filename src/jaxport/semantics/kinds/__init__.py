"""Which values of a file are tensors, shapes, numbers, …: what a call means depends on it."""
