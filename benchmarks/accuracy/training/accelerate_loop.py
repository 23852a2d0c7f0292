"""accelerate's Accelerator: accumulation, clipping, schedulers, saved and loaded state,
local SGD.
"""

# judged: accelerate

import tempfile

import torch
from accelerate import Accelerator
from accelerate.local_sgd import LocalSGD
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

set_seed(0)


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))


for precision in ("no", "bf16"):
    AcceleratorState._reset_state(True)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2, mixed_precision=precision)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    data = DataLoader(TensorDataset(torch.randn(32, 4)), batch_size=4)
    model, optimizer, data, scheduler = accelerator.prepare(model, optimizer, data, scheduler)
    with LocalSGD(accelerator=accelerator, model=model, local_sgd_steps=2) as local:
        for (x,) in data:
            with accelerator.accumulate(model), accelerator.autocast():
                accelerator.backward(model(x).pow(2).mean())
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
                accelerator.clip_grad_value_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            local.step()
    accelerator.gather_for_metrics(model(x))
    with tempfile.TemporaryDirectory() as folder:
        accelerator.register_for_checkpointing(torch.optim.lr_scheduler.StepLR(optimizer, 1))
        accelerator.save_state(folder + "/safe")
        accelerator.load_state(folder + "/safe")
        accelerator.save_state(folder + "/plain", safe_serialization=False)
        accelerator.load_state(folder + "/plain")
        accelerator.save_model(model, folder + "/model", max_shard_size="1KB")
        whole = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        accelerator.get_state_dict(whole)
    accelerator.free_memory(model, optimizer)
