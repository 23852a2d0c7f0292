"""PyKEEN: pipelines over a made-up graph, both training loops, checkpoints, schedulers,
early stopping.
"""

# judged: pykeen

import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["PYSTOW_HOME"] = folder.name

import numpy as np  # noqa: E402
from pykeen.pipeline import pipeline  # noqa: E402
from pykeen.triples import TriplesFactory  # noqa: E402

numbers = np.random.default_rng(0).integers(0, 12, (120, 3)) % [12, 3, 12]
triples = np.array([[f"e{h}", f"r{r}", f"e{t}"] for h, r, t in numbers])
whole = TriplesFactory.from_labeled_triples(triples)
training, validation, testing = whole.split([0.8, 0.1, 0.1], random_state=0)

with folder:
    for name, loop, optimizer in (
        ("TransE", "sLCWA", "Adam"), ("DistMult", "LCWA", "Adagrad"), ("ComplEx", "LCWA", "SGD"),
        ("RotatE", "sLCWA", "Adam"), ("ConvE", "LCWA", "Adam"), ("TransH", "sLCWA", "Adam"),
        ("ERMLP", "sLCWA", "Adam"), ("TuckER", "LCWA", "Adam"), ("RGCN", "sLCWA", "Adam"),
    ):
        result = pipeline(
            training=training, validation=validation, testing=testing, model=name,
            random_seed=0, model_kwargs={"embedding_dim": 16}, training_loop=loop,
            optimizer=optimizer,
            lr_scheduler="ExponentialLR", lr_scheduler_kwargs={"gamma": 0.9}, stopper="early",
            stopper_kwargs={"frequency": 1, "evaluation_batch_size": 8},
            training_kwargs={
                "num_epochs": 2, "batch_size": 16, "use_tqdm": False,
                "checkpoint_name": f"{name}.pt", "checkpoint_directory": folder.name,
                "checkpoint_frequency": 0,
            },
            evaluation_kwargs={"use_tqdm": False, "batch_size": 8}, use_tqdm=False,
        )
        result.save_to_directory(folder.name + "/" + name)
