#!/usr/bin/env python3
"""Makes fixtures of the form of make_golden.py's from shapes and options drawn by chance.

usage: make_random.py OUT_ROOT FIRST_SEED END_SEED       then: tallrec verify OUT_ROOT/*

A seed gives the same fixture each time. Drawn are head_dim, grouped queries, hidden and intermediate sizes that fill no vector, vocabularies, tied
embeddings, shards, storage types, config.json of transformers 4 and 5, rope (none, linear, dynamic, llama3, yarn), which layers are adapted (by name, by
layer, all-linear, with exclude_modules), ranks, rank_pattern, alpha_pattern, rsLoRA. What make_golden.py finds too noisy or too large, it refuses: named and left out.
"""
import os, random, shutil, sys
import torch
import make_golden


def draw(seed):
    r = random.Random(seed)
    head_dim, kv = r.choice([2, 4, 8, 10, 16, 18, 24, 32, 48]), r.choice([1, 2, 3, 4])
    heads = kv * r.choice([1, 2, 3, 4])
    hidden = head_dim * heads
    if hidden > 160 or r.random() < .4:   # a head_dim that is not hidden / heads; transformers wants a multiple of heads all the same
        hidden = heads * max(1, r.choice([24, 48, 66, 96]) // heads)
    layers = r.choice([1, 2, 3, 4])
    model = dict(hidden_size=hidden, num_attention_heads=heads, num_key_value_heads=kv, head_dim=head_dim, num_hidden_layers=layers,
                 vocab_size=r.choice([97, 128, 131, 160]), intermediate_size=r.choice([33, 64, 100, 128, 171]),
                 rms_norm_eps=r.choice([1e-5, 1e-6, 1e-8]), tie_word_embeddings=r.random() < .4, max_position_embeddings=r.choice([64, 256, 512]))
    scaling = r.choice([None, None, dict(rope_type="linear", factor=r.choice([1.5, 2.0, 4.0])), dict(rope_type="dynamic", factor=2.0),
                        make_golden.LLAMA3, dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=r.choice([32, 64]))])
    if head_dim == 2 and scaling and scaling["rope_type"] == "dynamic":   # transformers divides by head_dim - 2
        scaling = None
    longest = r.choice([20, 40, 61])
    lengths = (longest, r.randint(2, longest), r.randint(2, longest))
    return dict(seed=seed, style=r.choice(["v4", "v5"]), dtype=r.choice(list(make_golden.DT)), lens=lengths,
                prompt=tuple(r.randint(1, length - 1) for length in lengths), cfg=model, lora=draw_lora(r, layers),
                rope=make_golden.rope_v4(r.choice([100.0, 10000.0, 500000.0]), scaling), shard=r.choice(["60KB", "1GB", "1GB"]))


def draw_lora(r, layers):
    targets = r.sample(make_golden.ALL, r.randint(1, 7))
    lora = dict(r=r.choice([1, 2, 3, 5, 8, 16]), lora_alpha=r.choice([7, 8, 16, 32]), use_rslora=r.random() < .3, target_modules=targets)
    if r.random() < .15:
        lora["target_modules"] = "all-linear"   # PEFT has no layers_to_transform beside it
    elif r.random() < .2:
        lora["layers_to_transform"] = sorted(r.sample(range(layers), r.randint(1, layers)))
    elif r.random() < .2:
        lora["target_modules"] = targets = ["layers.0.self_attn.q_proj", "layers.0.mlp.down_proj", "v_proj"]
    elif r.random() < .3 and len(targets) > 1:
        lora["exclude_modules"] = [targets[0]] if layers == 1 else [r.choice(["layers.0.self_attn.", "model.layers.0.mlp."]) + targets[0]]
    name = targets[-1].split(".")[-1]
    if r.random() < .4:
        lora["rank_pattern"] = {r.choice([name, r"model\.layers\.0\..*" + name, "^model.layers.0.self_attn." + name]): r.choice([1, 4, 6])}
    if r.random() < .4:
        lora["alpha_pattern"] = {r.choice([name, "layers.0.self_attn." + name]): r.choice([3, 24])}
    return lora


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    root, first, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for seed in range(first, end):
        variant = draw(seed)
        rope = (variant["rope"]["rope_scaling"] or {}).get("rope_type", "no_scaling")
        folder = os.path.join(root, f"R{seed:04d}_{variant['dtype']}_{rope}")
        try:
            make_golden.make(folder, variant)
        except (AssertionError, ValueError) as refused:
            shutil.rmtree(folder, ignore_errors=True)
            print(os.path.basename(folder), "left out:", str(refused)[:160], flush=True)
