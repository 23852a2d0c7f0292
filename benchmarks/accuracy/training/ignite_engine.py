"""pytorch-ignite: supervised trainer, checkpoints, EMA, schedulers, accumulation, evaluation."""

# judged: ignite

import tempfile

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import (
    Checkpoint,
    CosineAnnealingScheduler,
    DiskSaver,
    EarlyStopping,
    EMAHandler,
    FastaiLRFinder,
    ModelCheckpoint,
    PiecewiseLinear,
    TerminateOnNan,
    create_lr_scheduler_with_warmup,
    global_step_from_engine,
)
from ignite.metrics import Accuracy, Loss
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
data = DataLoader(TensorDataset(torch.randn(64, 8), torch.randint(0, 3, (64,))), batch_size=8)
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loss = nn.CrossEntropyLoss()
trainer = create_supervised_trainer(model, optimizer, loss, gradient_accumulation_steps=2)
evaluator = create_supervised_evaluator(model, {"accuracy": Accuracy(), "loss": Loss(loss)})

with tempfile.TemporaryDirectory() as folder:
    average = EMAHandler(model, momentum=0.01)
    average.attach(trainer)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    warm = create_lr_scheduler_with_warmup(decay, warmup_start_value=0.0, warmup_duration=3)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, warm)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, TerminateOnNan())
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda _: evaluator.run(data))
    stopping = EarlyStopping(3, lambda engine: engine.state.metrics["accuracy"], trainer)
    evaluator.add_event_handler(Events.COMPLETED, stopping)
    kept = {"model": model, "optimizer": optimizer, "trainer": trainer, "warm": warm,
            "average": average.ema_model, "stopping": stopping}
    saving = Checkpoint(kept, DiskSaver(folder, create_dir=True), n_saved=2,
                        global_step_transform=global_step_from_engine(trainer))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, saving)
    best = ModelCheckpoint(folder, "best", require_empty=False)
    evaluator.add_event_handler(Events.COMPLETED, best, {"model": model})
    trainer.run(data, max_epochs=3)
    Checkpoint.load_objects(kept, saving.last_checkpoint)
    trainer.run(data, max_epochs=5)

for schedule in (
    CosineAnnealingScheduler(optimizer, "lr", 0.1, 0.01, 8),
    PiecewiseLinear(optimizer, "lr", [(0, 0.1), (8, 0.0)]),
):
    other = create_supervised_trainer(model, optimizer, loss, amp_mode=None)
    other.add_event_handler(Events.ITERATION_STARTED, schedule)
    other.run(data, max_epochs=1)
    schedule.load_state_dict(schedule.state_dict())

finder = FastaiLRFinder()
with finder.attach(trainer, {"model": model, "optimizer": optimizer}, num_iter=8) as finding:
    trainer.state.max_epochs = None
    finding.run(data)
