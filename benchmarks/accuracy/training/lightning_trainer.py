"""Lightning's Trainer: accumulation, clipping, SWA, EMA,
checkpoints and resume; then manual optimization.
"""

# judged: lightning, torchmetrics

import tempfile

import lightning as L
import torch
from lightning.pytorch import callbacks
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import Accuracy

torch.manual_seed(0)
data = DataLoader(TensorDataset(torch.randn(64, 8), torch.randint(0, 3, (64,))), batch_size=8)


class Automatic(L.LightningModule):
    def __init__(self, width: int = 16):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(8, width), nn.BatchNorm1d(width), nn.ReLU())
        self.head = nn.Linear(width, 3)
        self.accuracy = Accuracy("multiclass", num_classes=3)

    def training_step(self, batch, index):
        x, y = batch
        out = self.head(self.net(x))
        self.log("acc", self.accuracy(out, y), on_step=False, on_epoch=True)
        return nn.functional.cross_entropy(out, y)

    def validation_step(self, batch, index):
        self.log("loss", self.training_step(batch, index))

    test_step = validation_step

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-2)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "loss"}}


class Manual(Automatic):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, index):
        first, second = self.optimizers()
        for optimizer in (first, second):
            self.toggle_optimizer(optimizer)
            loss = super().training_step(batch, index)
            optimizer.zero_grad()
            self.manual_backward(loss)
            self.clip_gradients(optimizer, gradient_clip_val=1.0)
            optimizer.step()
            self.untoggle_optimizer(optimizer)
        for scheduler in self.lr_schedulers():
            scheduler.step()

    def validation_step(self, batch, index):
        self.log("loss", super().training_step(batch, index))

    def configure_optimizers(self):
        optimizers = [torch.optim.SGD(part.parameters(), lr=0.1) for part in (self.net, self.head)]
        return optimizers, [torch.optim.lr_scheduler.StepLR(o, 4) for o in optimizers]


class Freezing(callbacks.BaseFinetuning):
    def freeze_before_training(self, module):
        self.freeze(module.net)

    def finetune_function(self, module, epoch, optimizer):
        if epoch == 1:
            self.unfreeze_and_add_param_group(module.net, optimizer)


def trainer(folder, *extra, epochs=2, **options):
    return L.Trainer(default_root_dir=folder, accelerator="cpu", max_epochs=epochs, logger=False,
                     enable_progress_bar=False, callbacks=list(extra), **options)


with tempfile.TemporaryDirectory() as folder:
    saving = callbacks.ModelCheckpoint(folder, monitor="loss", save_last=True, save_top_k=2)
    fitting = trainer(folder, saving, callbacks.EarlyStopping("loss"), callbacks.ModelSummary(2),
                      accumulate_grad_batches=2, gradient_clip_val=1.0)
    fitting.fit(Automatic(), data, data)
    fitting.test(ckpt_path="best", dataloaders=data)
    trainer(folder, epochs=3).fit(Automatic(), data, data, ckpt_path=folder + "/last.ckpt")
    Automatic.load_from_checkpoint(folder + "/last.ckpt")
    averaging = callbacks.StochasticWeightAveraging(1e-2, swa_epoch_start=1, annealing_epochs=1)
    trainer(folder, averaging, epochs=4).fit(Automatic(), data, data)
    trainer(folder, callbacks.EMAWeightAveraging(), saving).fit(Automatic(), data, data)
    trainer(folder, Freezing(), callbacks.LambdaCallback()).fit(Automatic(), data, data)
    trainer(folder, precision="bf16-mixed").fit(Manual(), data, data)
    trainer(folder, overfit_batches=2, detect_anomaly=True).fit(Manual(), data)
