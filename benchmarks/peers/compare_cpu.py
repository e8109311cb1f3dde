#!/usr/bin/env python3
"""Times tallrec against HF transformers + PEFT on this CPU: the same shapes and rows, rounds in turn, both processes warm.

usage: compare_cpu.py BENCHMARKS_JAR MODEL_DIR MOVIE_DIR [--rounds 7] [--java JAVA] [--only NAME]
MODEL_DIR is models/tallrec-mini-base, MOVIE_DIR a directory with the movie train.json.gz and test.json.gz.
Needs torch, transformers, peft. Prints, per work, the ratio of medians and a 95 % bootstrap interval, as Markdown.

Works: dense training steps and forward passes (equal length, loss everywhere: pure compute, fp32); real movie rows in training
(padded for the peer as its collator does) with answer-only loss and with train_on_inputs; scoring (one batched forward of the peer),
and the paper's way (generate, then read the first score) on a tenth of the rows.
"""
import argparse, gzip, json, os, random, statistics, subprocess, time
import numpy as np, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from tokenizers import Tokenizer

ap = argparse.ArgumentParser()
ap.add_argument("jar"); ap.add_argument("model"); ap.add_argument("movies")
ap.add_argument("--rounds", type=int, default=7); ap.add_argument("--java", default="java"); ap.add_argument("--only", default="")
args = ap.parse_args()
torch.set_num_threads(os.cpu_count())
torch.manual_seed(0)

SHAPES = dict(MINI=(256, 688, 8, 4, 6, 8192), M15=(288, 768, 6, 6, 6, 32000))
PROMPT = ("Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately "
          "completes the request.  # noqa: E501\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n")


class Ours:
    def __init__(self, *work):
        self.process = subprocess.Popen(
            [args.java, "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", args.jar,
             "dev.tallrec.benchmarks.PeerServer", *map(str, work)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __call__(self):
        self.process.stdin.write("\n"); self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close(); self.process.wait()


def timed(work):
    start = time.perf_counter(); work()
    return time.perf_counter() - start


def lora(model):
    return get_peft_model(model, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))


def dense(shape, rows, train):
    h, inner, heads, kv, layers, vocab = SHAPES[shape]
    model = lora(LlamaForCausalLM(LlamaConfig(hidden_size=h, intermediate_size=inner, num_attention_heads=heads, num_key_value_heads=kv,
                                              num_hidden_layers=layers, vocab_size=vocab, max_position_embeddings=1024, tie_word_embeddings=True)))
    for module in model.modules():   # ours has dropout off there, too
        if isinstance(module, torch.nn.Dropout): module.p = 0
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    ids = torch.randint(3, vocab, (rows, 256))

    def step():
        if not train:
            with torch.no_grad(): model(input_ids=ids, labels=ids, use_cache=False)
            return
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step(); optimizer.zero_grad(set_to_none=True)
    return step


tokenizer = Tokenizer.from_file(args.model + "/tokenizer.json")
movies = lambda part: json.load(gzip.open(f"{args.movies}/{part}.json.gz"))
encode = lambda text: tokenizer.encode(text).ids
base = lambda: AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)


def pad_left(rows, fill):
    width = (max(map(len, rows)) + 7) // 8 * 8
    return torch.tensor([[fill] * (width - len(r)) + r for r in rows])


def movie_train(on_inputs):
    model = lora(base()); optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    train = movies("train"); chosen = np.random.default_rng(0).permutation(len(train))[:64]
    rows = [(encode(PROMPT.format(**train[i])), encode(PROMPT.format(**train[i]) + train[i]["output"]) + [2]) for i in chosen]

    def epoch():
        order = sorted(rows, key=lambda r: len(r[1])) if on_inputs is None else rows
        for at in range(0, 64, 16):
            batch = order[at:at + 16]
            ids = pad_left([r for _, r in batch], 0); mask = pad_left([[1] * len(r) for _, r in batch], 0)
            labels = pad_left([r if on_inputs else [-100] * len(p) + r[len(p):] for p, r in batch], -100)
            model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss.backward()
            torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
            optimizer.step(); optimizer.zero_grad(set_to_none=True)
    return epoch


def movie_score(limit=1000, generate=False):
    model = base().eval(); prompts = [encode(PROMPT.format(**x)) for x in movies("test")[:limit]]

    @torch.no_grad()
    def score():
        for at in range(0, len(prompts), 32):
            batch = prompts[at:at + 32]; ids = pad_left(batch, 0); mask = pad_left([[1] * len(p) for p in batch], 0)
            if generate:
                model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=128, do_sample=False, output_scores=True,
                               return_dict_in_generate=True, pad_token_id=0)
            else:
                model(input_ids=ids, attention_mask=mask, logits_to_keep=1, use_cache=False).logits[:, -1].softmax(-1)
    return score


def compare(name, theirs, ours, scale=1.0):
    if args.only and args.only not in name: return
    peer, our = theirs(), ours()
    for _ in range(2): timed(peer) if scale == 1 else None; our()
    for _ in range(3): our()
    pairs = [(scale * timed(peer), our()) for _ in range(args.rounds if scale == 1 else 2)]
    our_process.close()
    ratio = lambda sample: statistics.median(p for p, _ in sample) / statistics.median(o for _, o in sample)
    rng = random.Random(0); drawn = sorted(ratio(rng.choices(pairs, k=len(pairs))) for _ in range(2000))
    print(f"| {name} | {statistics.median(p for p, _ in pairs):.3f} s | {statistics.median(o for _, o in pairs):.3f} s | "
          f"**{ratio(pairs):.2f}** | {drawn[50]:.2f} to {drawn[1949]:.2f} |", flush=True)


def server(*work):
    def start():
        global our_process
        our_process = Ours(*work)
        return our_process
    return start


print(f"torch {torch.__version__}, {os.cpu_count()} processors, {args.rounds} rounds in turn\n\n"
      "| work | HF + PEFT | tallrec | times as fast | 95 % interval |\n|---|---|---|---|---|", flush=True)
for shape in SHAPES:
    compare(f"training step, dense, {shape}, 8 x 256, fp32", lambda: dense(shape, 8, True), server("train", shape, 8))
    compare(f"forward and loss, dense, {shape}, 8 x 256, fp32", lambda: dense(shape, 8, False), server("forward", shape, 8))
compare("movie rows, training, answer-only loss, 64 examples", lambda: movie_train(False), server("movie-train", "false"))
compare("movie rows, training, train_on_inputs, 64 examples", lambda: movie_train(True), server("movie-train", "true"))
compare("movie test set, scoring, one forward", movie_score, server("movie-score"))
compare("movie test set, scoring, the paper's way (generate)", lambda: movie_score(96, True), server("movie-score"), 1000 / 96)
