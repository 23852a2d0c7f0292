import contextlib
import time

import torch

from parts import Classifier, DataLoader, classification_dataset, cross_entropy

timings = {}


@contextlib.contextmanager
def timer(name):
    start = time.time()
    yield
    timings[name] = timings.get(name, 0.0) + time.time() - start


net = Classifier(hidden=8)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
losses = []
for epoch in range(5):
    for x, y in DataLoader(classification_dataset(), 8):
        with timer("step"):
            loss = cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            # jaxport: JXP202 not ported: the step is left (await, yield) and gone on
            optimizer.step()
        losses.append(loss.item())

MODELS = [net]
