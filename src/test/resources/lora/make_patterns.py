#!/usr/bin/env python3
"""Makes patterns.json: the rank and scale that PEFT gives to modules under rank_pattern and alpha_pattern.

usage: make_patterns.py   (transformers 5, peft; writes beside itself)

Each case holds adapter_config.json's fields ("config") and, by module, its rank and scale ("modules"), for three
layers of LLaMA.
"""
import json, os
from transformers import LlamaConfig, LlamaForCausalLM
from peft import LoraConfig, get_peft_model

BASE = LlamaConfig(vocab_size=16, hidden_size=64, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2)
CASES = [
    dict(rank_pattern={"q_proj": 4}),
    dict(alpha_pattern={"v_proj": 5.5}),
    dict(rank_pattern={"q_proj": 2}, alpha_pattern={"q_proj": 8}, use_rslora=True),
    dict(rank_pattern={"model.layers.1.self_attn.q_proj": 3, "layers.2.mlp.down_proj": 5, "q_proj": 7}),
    dict(rank_pattern={"q_proj": 7, "model.layers.1.self_attn.q_proj": 3}),
    dict(rank_pattern={r"layers\.[01]\..*_proj": 6, "down_proj|v_proj": 2}),
    dict(rank_pattern={"^model.layers.0.self_attn.q_proj": 9, "proj": 1}, alpha_pattern={"self_attn.*": 1}),
]

cases = []
for case in CASES:
    lora = dict(r=8, lora_alpha=16, target_modules=["down_proj", "q_proj", "v_proj"], **case)
    model = get_peft_model(LlamaForCausalLM(BASE), LoraConfig(**lora))
    modules = {name.removeprefix("base_model.model."): dict(r=m.r["default"], scale=m.scaling["default"])
               for name, m in model.named_modules() if hasattr(m, "lora_A")}
    cases.append(dict(config=dict(lora, peft_type="LORA"), modules=modules))
with open(os.path.join(os.path.dirname(__file__), "patterns.json"), "w") as out:
    json.dump(cases, out, indent=1)
    out.write("\n")
