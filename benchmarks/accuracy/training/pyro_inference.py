"""Pyro: stochastic variational inference with several optimizers and guides,
the saved parameter store.
"""

# judged: pyro

import tempfile

import pyro
import pyro.distributions as dist
import torch
from pyro import optim
from pyro.infer import SVI, Trace_ELBO, TraceGraph_ELBO, TraceMeanField_ELBO, autoguide
from pyro.nn import PyroModule, PyroParam, PyroSample
from torch import nn

pyro.set_rng_seed(0)
x = torch.randn(20, 3)
y = x.sum(-1)


class Regression(PyroModule):
    def __init__(self):
        super().__init__()
        self.linear = PyroModule[nn.Linear](3, 1)
        self.linear.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 3]).to_event(2))
        self.scale = PyroParam(torch.tensor(1.0), constraint=dist.constraints.positive)

    def forward(self, x, y=None):
        mean = self.linear(x).squeeze(-1)
        with pyro.plate("data", len(x)):
            return pyro.sample("y", dist.Normal(mean, self.scale), obs=y)


guides = [
    autoguide.AutoNormal, autoguide.AutoDiagonalNormal, autoguide.AutoMultivariateNormal,
    autoguide.AutoDelta, autoguide.AutoLowRankMultivariateNormal, autoguide.AutoIAFNormal,
    autoguide.AutoLaplaceApproximation, autoguide.AutoNormalMessenger,
]
optimizers = [
    optim.Adam({"lr": 0.01}), optim.ClippedAdam({"lr": 0.01, "clip_norm": 1.0, "lrd": 0.9}),
    optim.AdagradRMSProp({}), optim.DCTAdam({"lr": 0.01}), optim.SGD({"lr": 1e-3}),
    optim.PyroOptim(torch.optim.AdamW, {"lr": 0.01}, {"clip_norm": 1.0}),
    optim.ExponentialLR({"optimizer": torch.optim.Adam, "optim_args": {}, "gamma": 0.9}),
    optim.Adam(lambda name: {"lr": 0.01}, {"clip_value": 1.0}),
]

with tempfile.TemporaryDirectory() as folder:
    for guide, optimizer in zip(guides, optimizers, strict=True):
        pyro.clear_param_store()
        model = Regression()
        inference = SVI(model, guide(model), optimizer, Trace_ELBO(num_particles=2))
        for _ in range(5):
            inference.step(x, y)
            if hasattr(optimizer, "step"):
                optimizer.step()
        inference.evaluate_loss(x, y)
        optimizer.save(folder + "/optimizer.pt")
        optimizer.load(folder + "/optimizer.pt")
        inference.step(x, y)
        pyro.get_param_store().set_state(pyro.get_param_store().get_state())
        model.load_state_dict(model.state_dict())
    for loss in (TraceGraph_ELBO(), TraceMeanField_ELBO()):
        SVI(model, autoguide.AutoNormal(model), optim.Adam({}), loss).step(x, y)
