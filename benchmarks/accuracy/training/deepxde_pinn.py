"""DeepXDE: a small differential equation by its own loop, several optimizers,
saved and restored.
"""

# judged: deepxde

import os
import tempfile

os.environ["DDE_BACKEND"] = "pytorch"

import deepxde as dde
import numpy as np

line = dde.geometry.Interval(-1, 1)


def equation(x, u):
    return dde.grad.hessian(u, x) + np.pi**2 * dde.backend.sin(np.pi * x)


edge = dde.icbc.DirichletBC(line, lambda x: 0.0 * x[:, :1], lambda x, on: on)
data = dde.data.PDE(line, equation, edge, 16, 2, num_test=16)

with tempfile.TemporaryDirectory() as folder:
    for name in ("adam", "adamw", "sgd", "rmsprop", "L-BFGS"):
        regular = ["l2", 1e-5] if name == "adamw" else None
        net = dde.nn.FNN([1] + [8] * 2 + [1], "tanh", "Glorot uniform", regularization=regular)
        model = dde.Model(data, net)
        if name == "L-BFGS":
            model.compile(name)
            model.train(iterations=20, display_every=10)
        else:
            model.compile(name, lr=1e-3, decay=("step", 5, 0.9))
            saver = dde.callbacks.ModelCheckpoint(folder + "/best", save_better_only=True, period=5)
            resampler = dde.callbacks.PDEPointResampler(period=5)
            model.train(iterations=20, display_every=5, callbacks=[saver, resampler])
        path = model.save(folder + "/" + name)
        model.restore(path)
        model.predict(np.zeros((3, 1)))
    unknown = dde.Variable(1.0)
    model.compile("adam", lr=1e-3, external_trainable_variables=[unknown])
    watching = dde.callbacks.VariableValue(unknown, 5, folder + "/value")
    model.train(iterations=10, callbacks=[watching])
