"""TabNet: classifier, regressor, multi-task and pretrainer; warm start, schedulers,
saved and loaded.
"""

# judged: pytorch_tabnet

import tempfile

import numpy as np
import torch
from pytorch_tabnet.multitask import TabNetMultiTaskClassifier
from pytorch_tabnet.pretraining import TabNetPretrainer
from pytorch_tabnet.tab_model import TabNetClassifier, TabNetRegressor

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = (x[:, 0] > 0).astype(int)
common = {"n_d": 4, "n_a": 4, "verbose": 0}
fit = {"max_epochs": 2, "batch_size": 16, "virtual_batch_size": 8}

pretrained = TabNetPretrainer(**common)
pretrained.fit(x, eval_set=[x], **fit)
with tempfile.TemporaryDirectory() as folder:
    pretrained.load_model(pretrained.save_model(folder + "/before"))
    for kind, target in (
        (TabNetClassifier, y),
        (TabNetRegressor, x[:, :1]),
        (TabNetMultiTaskClassifier, np.stack([y, 1 - y], 1)),
    ):
        model = kind(optimizer_fn=torch.optim.AdamW, scheduler_fn=torch.optim.lr_scheduler.StepLR,
                     scheduler_params={"step_size": 1}, mask_type="entmax", **common)
        model.fit(x, target, eval_set=[(x, target)], patience=2, **fit)
        model.fit(x, target, warm_start=True, **fit)
        model.explain(x)
        again = kind()
        again.load_model(model.save_model(folder + "/model"))
        again.predict(x)
    TabNetClassifier(**common).fit(x, y, from_unsupervised=pretrained, **fit)
