#!/usr/bin/env python3
"""Makes frequencies.json: what transformers computes for kinds of RoPE scaling.

usage: make_frequencies.py   (transformers 5; writes beside itself)

Each case holds a config.json's fields ("config"), the inverse frequencies ("inv_freq") and the factor on
cosines and sines ("attention_scaling").
"""
import json, os
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

SHAPE = dict(vocab_size=128, hidden_size=256, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
             max_position_embeddings=8192)
CASES = {
    "linear": dict(rope_type="linear", factor=4.0),
    "dynamic": dict(rope_type="dynamic", factor=2.0),
    "llama3": dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=1024),
    "yarn": dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=1024),
    "yarn, factor from positions": dict(rope_type="yarn", factor=None, original_max_position_embeddings=2048),
    "yarn, ramp as asked": dict(rope_type="yarn", factor=16.0, original_max_position_embeddings=512, beta_fast=20.0,
                                beta_slow=2.0, truncate=False),
    "yarn, attention as asked": dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=1024,
                                     attention_factor=1.25),
    "yarn, mscale": dict(rope_type="yarn", factor=40.0, original_max_position_embeddings=4096, mscale=1.0,
                         mscale_all_dim=0.707),
    "yarn, short context": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32),
}

cases = []
for theta in (10000.0, 500000.0):
    for name, scaling in CASES.items():
        fields = dict(SHAPE, rope_parameters=dict(scaling, rope_theta=theta))
        rope = LlamaRotaryEmbedding(LlamaConfig(**fields))
        cases.append(dict(name=f"{name}, theta {theta:.0f}", config=dict(fields, model_type="llama"),
                          inv_freq=rope.inv_freq.tolist(), attention_scaling=rope.attention_scaling))
with open(os.path.join(os.path.dirname(__file__), "frequencies.json"), "w") as out:
    json.dump(cases, out, indent=1)
    out.write("\n")
