"""transformers' Trainer on a tiny random GPT-2: optimizers by name, accumulation, checkpoints,
resume.
"""

# judged: transformers, accelerate

import tempfile

import torch
from transformers import (
    EarlyStoppingCallback,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainingArguments,
    set_seed,
)

set_seed(0)
config = GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2)
rows = [{"input_ids": (ids := torch.randint(0, 50, (8,))), "labels": ids} for _ in range(16)]
runs = [
    {"optim": "adamw_torch", "lr_scheduler_type": "cosine", "gradient_accumulation_steps": 2},
    {"optim": "adafactor", "lr_scheduler_type": "polynomial", "label_smoothing_factor": 0.1},
    {"optim": "sgd", "lr_scheduler_type": "inverse_sqrt", "max_grad_norm": 0.0},
    {"optim": "adagrad", "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 1},
    {"optim": "rmsprop", "lr_scheduler_type": "cosine_with_restarts", "bf16": True},
    {"optim": "adamw_torch", "lr_scheduler_type": "reduce_lr_on_plateau"},
    {"optim": "adamw_torch", "gradient_checkpointing": True, "neftune_noise_alpha": 5.0},
]

for options in runs:
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=4, per_device_train_batch_size=4, save_steps=2, logging_steps=1,
            eval_strategy="steps", eval_steps=2, use_cpu=True, report_to="none", disable_tqdm=True,
            load_best_model_at_end=True, save_total_limit=1, **options,
        )
        trainer = Trainer(GPT2LMHeadModel(config), arguments, train_dataset=rows, eval_dataset=rows,
                          callbacks=[EarlyStoppingCallback(2)])
        trainer.train()
        trainer.args.max_steps = 6
        trainer.train(resume_from_checkpoint=True)
        trainer.save_model(folder + "/model")
        GPT2LMHeadModel.from_pretrained(folder + "/model")
        trainer.predict(rows)
