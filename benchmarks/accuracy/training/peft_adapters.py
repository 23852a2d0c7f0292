"""peft: every kind of adapter on a tiny random Llama, trained by transformers' Trainer, saved,
merged.
"""

# judged: peft

import tempfile

import peft
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

torch.manual_seed(0)
config = LlamaConfig(vocab_size=40, hidden_size=16, intermediate_size=16, num_hidden_layers=2,
                     num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=32)
rows = [{"input_ids": (ids := torch.randint(0, 40, (6,))), "labels": ids} for _ in range(8)]
task = {"task_type": "CAUSAL_LM"}
at = {**task, "target_modules": ["q_proj", "v_proj"]}
kinds = [
    peft.LoraConfig(r=2, lora_dropout=0.1, modules_to_save=["lm_head"], **at),
    peft.LoraConfig(r=2, use_dora=True, use_rslora=True, **at),
    peft.LoraConfig(r=2, target_modules=["embed_tokens", "q_proj"], **task),
    peft.AdaLoraConfig(init_r=4, target_r=2, total_step=20, tinit=1, tfinal=1, **at),
    peft.LoHaConfig(r=2, **at),
    peft.LoKrConfig(r=2, **at),
    peft.OFTConfig(oft_block_size=4, r=0, **at),
    peft.BOFTConfig(boft_block_size=4, **at),
    peft.VeraConfig(r=2, **at),
    peft.HRAConfig(r=2, **at),
    peft.FourierFTConfig(n_frequency=8, **at),
    peft.VBLoRAConfig(r=2, num_vectors=8, vector_length=4, topk=2, **at),
    peft.MissConfig(r=2, **at),
    peft.LNTuningConfig(target_modules=["input_layernorm"], **task),
    peft.IA3Config(target_modules=["v_proj", "down_proj"],
                   feedforward_modules=["down_proj"], **task),
    peft.PromptTuningConfig(num_virtual_tokens=2, **task),
    peft.PrefixTuningConfig(num_virtual_tokens=2, **task),
    peft.PromptEncoderConfig(num_virtual_tokens=2, encoder_hidden_size=8, **task),
]

for kind in kinds:
    with tempfile.TemporaryDirectory() as folder:
        model = peft.get_peft_model(LlamaForCausalLM(config), kind)
        arguments = TrainingArguments(folder, max_steps=2, per_device_train_batch_size=4,
                                      use_cpu=True, report_to="none", disable_tqdm=True)
        Trainer(model, arguments, train_dataset=rows).train()
        model.save_pretrained(folder + "/adapter")
        again = peft.PeftModel.from_pretrained(LlamaForCausalLM(config), folder + "/adapter")
        if not kind.is_prompt_learning:
            again.load_adapter(folder + "/adapter", "second")
            again.set_adapter("second")
            again.delete_adapter("default")
            again.merge_and_unload()
