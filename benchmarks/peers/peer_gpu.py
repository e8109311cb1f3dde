#!/usr/bin/env python3
"""Hugging Face transformers + PEFT on a GPU: LoRA training steps of LLaMA-7B's shape, random weights, fp16, sdpa attention, with and
without gradient checkpointing. One JSON object per line, as StepTimer prints them."""
import json, time
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
torch.set_default_dtype(torch.float16)
with torch.device("cuda"):
    model = LlamaForCausalLM(LlamaConfig(hidden_size=4096, intermediate_size=11008, num_attention_heads=32, num_hidden_layers=32, vocab_size=32000,
                                         attn_implementation="sdpa"))
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
trained = [p for p in model.parameters() if p.requires_grad]
for p in trained: p.data = p.data.float()
optimizer = torch.optim.AdamW(trained, lr=1e-4)
scaler = torch.amp.GradScaler("cuda")
model.train()
for checkpointing in (False, True):
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=dict(use_reentrant=False)); model.enable_input_require_grads()
    for rows in (1, 2, 4, 8, 16, 32):
        result = dict(peer="HF + PEFT", checkpointing=checkpointing, rows=rows, length=512)
        try:
            torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats()
            ids = torch.randint(3, 32000, (rows, 512), device="cuda"); best = 1e9
            for _ in range(5):
                torch.cuda.synchronize(); start = time.perf_counter()
                with torch.autocast("cuda", torch.float16): loss = model(input_ids=ids, labels=ids, use_cache=False).loss
                scaler.scale(loss).backward(); scaler.unscale_(optimizer); torch.nn.utils.clip_grad_norm_(trained, 1.0)
                scaler.step(optimizer); scaler.update(); optimizer.zero_grad(set_to_none=True)
                torch.cuda.synchronize(); best = min(best, time.perf_counter() - start)
            result.update(seconds=best, tokens_per_second=rows * 512 / best, peak_gib=torch.cuda.max_memory_allocated() / 2**30)
        except torch.OutOfMemoryError as e:
            result.update(does_not_fit=str(e).splitlines()[0])
        print(json.dumps(result), flush=True)
