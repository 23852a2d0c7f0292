class Böse(__import__("torch").nn.Module):
    pass


from torch import nn

class Net(nn.Module):
	def __init__(self, t):
		self.name = "größe"; self.register_buffer("größe",
			t)  # kept
