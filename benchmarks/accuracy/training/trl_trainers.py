"""TRL's SFT, DPO, reward and GRPO trainers on a tiny random Llama with a made-up tokenizer."""

# judged: trl

import tempfile

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)

words = ["<pad>", "<unk>", "<eos>", "a", "red", "blue", "dog", "cat", "runs", "sleeps"]
words = {word: number for number, word in enumerate(words)}
raw = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
raw.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
config = LlamaConfig(
    vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_labels=1,
    num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0,
    eos_token_id=2)
texts = Dataset.from_dict({"text": ["a red dog runs", "a blue cat sleeps"] * 4})
pairs = Dataset.from_dict({"prompt": ["a red"] * 8, "chosen": [" dog runs"] * 8,
                           "rejected": [" cat sleeps"] * 8})
prompts = Dataset.from_dict({"prompt": ["a red dog"] * 8})
common = {"max_steps": 2, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False,
          "report_to": "none", "disable_tqdm": True, "save_steps": 1, "logging_steps": 1,
          "gradient_checkpointing": False}


def reward(completions, **rest):
    return [float(len(text)) for text in completions]


with tempfile.TemporaryDirectory() as folder:
    for kind in (LlamaForSequenceClassification, LlamaForCausalLM):
        kind(config).save_pretrained(folder + "/" + kind.__name__)
        tokenizer.save_pretrained(folder + "/" + kind.__name__)
    lm, scorer = folder + "/LlamaForCausalLM", folder + "/LlamaForSequenceClassification"
    for trainer in (
        SFTTrainer(lm, SFTConfig(folder + "/sft", **common), train_dataset=texts,
                   processing_class=tokenizer),
        DPOTrainer(lm, args=DPOConfig(folder + "/dpo", **common), train_dataset=pairs,
                   processing_class=tokenizer),
        RewardTrainer(scorer, RewardConfig(folder + "/reward", **common), train_dataset=pairs,
                      processing_class=tokenizer),
        GRPOTrainer(lm, reward, args=GRPOConfig(
            folder + "/grpo", num_generations=2, max_completion_length=4, beta=0.1, **common),
            train_dataset=prompts, processing_class=tokenizer),
    ):
        trainer.train()
        trainer.args.max_steps = 3
        trainer.train(resume_from_checkpoint=True)
