import flax.nnx

class Böse(__import__("torch").nn.Module):
    pass


from torch import nn

class Net(nn.Module):
	def __init__(self, t):
		self.name = "größe"; setattr(self, "größe", flax.nnx.BatchStat(t))  # kept
