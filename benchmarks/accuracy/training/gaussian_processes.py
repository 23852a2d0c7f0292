"""GPyTorch and BoTorch: fitting exact, variational and multi-task models, acquisition,
saved state.
"""

# judged: gpytorch, botorch, linear_operator

import gpytorch
import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll, fit_gpytorch_mll_torch
from botorch.models import MultiTaskGP, SingleTaskGP, SingleTaskVariationalGP
from botorch.models.transforms import Normalize, Standardize
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood, VariationalELBO
from gpytorch.variational import CholeskyVariationalDistribution, VariationalStrategy

torch.manual_seed(0)
x = torch.rand(12, 2, dtype=torch.double)
y = x.sum(-1, keepdim=True).sin()

exact = SingleTaskGP(x, y, input_transform=Normalize(2), outcome_transform=Standardize(1))
fit_gpytorch_mll(ExactMarginalLogLikelihood(exact.likelihood, exact))
fit_gpytorch_mll_torch(ExactMarginalLogLikelihood(exact.likelihood, exact), step_limit=5)
exact.load_state_dict(exact.state_dict())
exact.posterior(x)
exact.condition_on_observations(x[:2], y[:2])
tasks = MultiTaskGP(torch.cat([x, (x[:, :1] > 0.5).double()], -1), y, task_feature=-1)
fit_gpytorch_mll(ExactMarginalLogLikelihood(tasks.likelihood, tasks))
sparse = SingleTaskVariationalGP(x, y, inducing_points=4)
fit_gpytorch_mll(VariationalELBO(sparse.likelihood, sparse.model, 12))
sparse.model.load_state_dict(sparse.model.state_dict())
box = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.double)
optimize_acqf(LogExpectedImprovement(exact, y.max()), box, 1, 2, 8)


class Approximate(gpytorch.models.ApproximateGP):
    def __init__(self, points):
        spread = CholeskyVariationalDistribution(len(points))
        super().__init__(VariationalStrategy(self, points, spread))
        self.mean_module = gpytorch.means.LinearMean(2)
        kernel = gpytorch.kernels.RBFKernel(ard_num_dims=2) + gpytorch.kernels.PeriodicKernel()
        self.covar_module = gpytorch.kernels.ScaleKernel(kernel)

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


model, likelihood = Approximate(x[:4]).double(), gpytorch.likelihoods.GaussianLikelihood().double()
other = torch.optim.Adam([*model.parameters(), *likelihood.parameters()], lr=0.1)
bound = VariationalELBO(likelihood, model, 12)
for _ in range(3):
    other.zero_grad()
    (-bound(model(x), y[:, 0])).backward()
    other.step()
model.load_state_dict(model.state_dict())
model.eval()(x)
