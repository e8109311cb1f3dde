#!/usr/bin/env python3
"""Times tallrec against HF transformers + PEFT on this CPU: the same shapes and rows, rounds in turn, both processes warm.

usage: compare_cpu.py BENCHMARKS_JAR MODEL_DIR MOVIE_DIR [--rounds 7] [--java JAVA] [--only NAME]
                      [--onednn] [--products] [--decode] [--m110] [--bf16 LIB] [--threads N] [--processor-time] [--memory] [--malloc-as-installed]
                      [--compile]
MODEL_DIR is models/tallrec-mini-base, MOVIE_DIR a directory with the movie train.json.gz and test.json.gz.
Needs torch, transformers, peft. Prints, per work, the ratio of medians and a 95 % bootstrap interval, as Markdown.

Works: dense training steps and forward passes (equal length, loss everywhere: pure compute, fp32); real movie rows in training
(padded for the peer as its collator does) with answer-only loss and with train_on_inputs; scoring (one batched forward of the peer),
and the paper's way (generate, then read the first score) on a tenth of the rows: with the base, which stops after its answer, and with all of the
128 tokens that the paper's script allows, as by a model that goes on after the answer.

--onednn adds a second peer, the same model with its frozen linears on oneDNN, in the same rounds (dense works, decoding, products); --products adds
the fp32 products of one layer alone, against PyTorch's and against oneDNN's with weights laid out by it beforehand; --m110 adds the
dense steps of a 110M model; --decode adds generation of one sequence with a K/V cache, the likeliest token each time. --bf16 adds the
larger dense works in bf16: the peer's whole model in torch.bfloat16 (PEFT keeps the adapter in fp32), our products with frozen weights by LIB,
oneDNN's library. --processor-time counts what each process was given instead of what a clock shows, with one thread each: for a machine that is
busy otherwise, where threads that wait for each other measure the scheduler (Linux only). --memory ends with the most memory that each process had during a work,
all of it, interpreter and JVM included (Linux only; with --only for one work, since what a process has freed it may still hold).

The peer keeps the memory that it has freed. As glibc's malloc comes, it hands large blocks back and gets them again, page by page, at every step,
which took up to two thirds of the peer's time where a page is dear. --malloc-as-installed leaves it so, and so does --memory. --compile runs the
first peer's dense works by torch.compile.
"""
import argparse, ctypes, gc, gzip, json, os, random, statistics, subprocess, time
import numpy as np, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from tokenizers import Tokenizer
from onednn import product, with_onednn

ap = argparse.ArgumentParser()
ap.add_argument("jar"); ap.add_argument("model"); ap.add_argument("movies")
ap.add_argument("--rounds", type=int, default=7); ap.add_argument("--java", default="java"); ap.add_argument("--only", default="")
ap.add_argument("--onednn", action="store_true"); ap.add_argument("--products", action="store_true")
ap.add_argument("--m110", action="store_true"); ap.add_argument("--decode", action="store_true")
ap.add_argument("--bf16", metavar="LIB", default="", help="oneDNN's library: adds dense works in bf16")
ap.add_argument("--threads", type=int, default=0, help="of each side (default: one per processor)")
ap.add_argument("--processor-time", action="store_true"); ap.add_argument("--memory", action="store_true")
ap.add_argument("--malloc-as-installed", action="store_true", help="let the peer's malloc give large blocks back to the system")
ap.add_argument("--compile", action="store_true", help="compile the first peer's model in dense works")
args = ap.parse_args()
if args.processor_time and args.threads not in (0, 1): ap.error("--processor-time goes with one thread: those that spin would count")
threads = 1 if args.processor_time else args.threads or os.cpu_count()
torch.set_num_threads(threads)
torch.manual_seed(0)
keeps_memory = not (args.malloc_as_installed or args.memory)
if keeps_memory:
    M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4   # mallopt(3): no block by mmap, nothing given back from the end of the heap
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "mallopt") and libc.mallopt(M_MMAP_MAX, 0) and libc.mallopt(M_TRIM_THRESHOLD, -1)):
        ap.error("this C library's malloc cannot be told to keep memory (no mallopt): pass --malloc-as-installed, and say so beside the figures")

SHAPES = dict(MINI=(256, 688, 8, 4, 6, 8192), M15=(288, 768, 6, 6, 6, 32000))
if args.m110: SHAPES["M110"] = (768, 2048, 12, 12, 12, 32000)
PROMPT_TOKENS, NEW_TOKENS = 16, 128
WARM_UP_SECONDS = 5
PRODUCT_TOKENS = 512
memory = []   # of each work: its name, the peer's peak and ours, in MiB
PROMPT = ("Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately "
          "completes the request.  # noqa: E501\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n")


class Ours:
    def __init__(self, *work):
        self.process = subprocess.Popen(
            # The launcher's own options, and as many threads as the peer.
            [args.java, "-XX:+UseSerialGC", "-XX:-UseFPUForSpilling", f"-XX:ActiveProcessorCount={threads}", "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", args.jar,
             "dev.tallrec.benchmarks.PeerServer", *map(str, work)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __call__(self):
        before = used(self.process.pid)
        self.process.stdin.write("\n"); self.process.stdin.flush()
        seconds = float(self.process.stdout.readline())
        return used(self.process.pid) - before if args.processor_time else seconds

    def close(self):
        self.process.stdin.close(); self.process.wait()


def used(process):
    """Seconds of processors that a process was given so far."""
    if not args.processor_time: return 0
    fields = open(f"/proc/{process}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak(process):
    """Most memory that a process has had, in MiB."""
    return int(next(line for line in open(f"/proc/{process}/status") if line.startswith("VmHWM")).split()[1]) // 1024


def timed(work):
    clock = time.process_time if args.processor_time else time.perf_counter
    start = clock(); work()
    return clock() - start


def lora(model):
    return get_peft_model(model, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))


def random_model(shape):
    h, inner, heads, kv, layers, vocab = SHAPES[shape]
    return LlamaForCausalLM(LlamaConfig(hidden_size=h, intermediate_size=inner, num_attention_heads=heads, num_key_value_heads=kv,
                                        num_hidden_layers=layers, vocab_size=vocab, max_position_embeddings=1024, tie_word_embeddings=True))


def dense_rows(shape):
    return 4 if shape == "M110" else 8


def random_ids(shape, rows, length):
    return torch.randint(3, SHAPES[shape][-1], (rows, length))


def dense(shape, rows, train, onednn=False, dtype=torch.float32):
    model = lora(random_model(shape).to(dtype))
    ids = random_ids(shape, rows, 256)
    if onednn: model = with_onednn(model, ids[:1])
    for module in model.modules():   # ours has dropout off there, too
        if isinstance(module, torch.nn.Dropout): module.p = 0
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    if args.compile and not onednn: model = torch.compile(model)

    def step():
        if not train:
            with torch.no_grad(): model(input_ids=ids, labels=ids, use_cache=False)
            return
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step(); optimizer.zero_grad(set_to_none=True)
    return step


def products(shape, times, onednn=False):
    """Products of a layer's frozen weights, forward: q, k, v as one, o, gate and up, down."""
    hidden, inner, heads, kv = SHAPES[shape][:4]
    head = hidden // heads
    work = []
    for inputs, outputs in ((hidden, hidden + 2 * kv * head), (hidden, hidden), (hidden, 2 * inner), (inner, hidden)):
        x, weight = torch.full((PRODUCT_TOKENS, inputs), 0.5), torch.rand(outputs, inputs) * 2 - 1
        if onednn:
            weight = torch.ops.mkldnn._reorder_linear_weight(weight, PRODUCT_TOKENS)
            work.append(lambda x=x, weight=weight: product(x, weight))
        else:
            work.append(lambda x=x, weight=weight: torch.nn.functional.linear(x, weight))

    @torch.no_grad()
    def run():
        for _ in range(times):
            for multiply in work: multiply()
    return run


def decode(shape, onednn=False):
    model = random_model(shape).requires_grad_(False).eval()
    ids = random_ids(shape, 1, PROMPT_TOKENS)
    if onednn: model = with_onednn(model, ids)
    # No token ends a sequence: both sides write as many.
    model.generation_config.eos_token_id = None

    def generate():
        written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False, use_cache=True, pad_token_id=0)
        assert written.shape[1] == PROMPT_TOKENS + NEW_TOKENS
    return torch.no_grad()(generate)


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


def movie_score(limit=1000, generate=False, at_least=0):
    model = base().eval(); prompts = [encode(PROMPT.format(**x)) for x in movies("test")[:limit]]

    @torch.no_grad()
    def score():
        for at in range(0, len(prompts), 32):
            batch = prompts[at:at + 32]; ids = pad_left(batch, 0); mask = pad_left([[1] * len(p) for p in batch], 0)
            if generate:
                model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=128, min_new_tokens=at_least, do_sample=False, output_scores=True,
                               return_dict_in_generate=True, pad_token_id=0)
            else:
                model(input_ids=ids, attention_mask=mask, logits_to_keep=1, use_cache=False).logits[:, -1].softmax(-1)
    return score


def compare(name, theirs, ours, scale=1.0, stronger=None, tokens=0):
    if args.only and args.only not in name: return
    if args.memory:
        gc.collect()
        with open("/proc/self/clear_refs", "w") as reset: reset.write("5")
    peers = [theirs()] + ([stronger()] if stronger and args.onednn else [])
    our = ours()
    sides = [lambda peer=peer: scale * timed(peer) for peer in peers] + [our]
    until, warmed = time.monotonic() + WARM_UP_SECONDS, 0
    for _ in range(3): our()
    while warmed < 2 or time.monotonic() < until:
        for side in sides: side()
        warmed += 1
    rounds = []
    for number in range(args.rounds):
        # Each goes first in turn: what one leaves in caches and clocks hits all the others alike.
        order = [(number + at) % len(sides) for at in range(len(sides))]
        # Without a pause: after one, a virtual processor needs up to a tenth of a second to be itself again.
        took = {side: sides[side]() for side in order}
        rounds.append([took[side] for side in range(len(sides))])
    if args.memory: memory.append((name, peak("self"), peak(our_process.process.pid)))
    our_process.close()
    median = lambda sample, side: statistics.median(r[side] for r in sample)
    shown = lambda side: f"{median(rounds, side):.3f} s" + (f", {tokens / median(rounds, side):.0f} tokens/s" if tokens else "")
    cells = []
    for side in range(len(peers)):
        ratio = lambda sample: median(sample, side) / median(sample, -1)
        rng = random.Random(0); drawn = sorted(ratio(rng.choices(rounds, k=len(rounds))) for _ in range(2000))
        cells += [f"**{ratio(rounds):.2f}**", f"{drawn[50]:.2f} to {drawn[1949]:.2f}"]
    if args.onednn and len(peers) == 1: cells += ["", ""]
    times = [shown(0)] + ([shown(1) if len(peers) == 2 else ""] if args.onednn else []) + [shown(-1)]
    print("| " + " | ".join([name] + times + cells) + " |", flush=True)


def server(*work):
    def start():
        global our_process
        our_process = Ours(*work)
        return our_process
    return start


head = ["work", "HF + PEFT", "tallrec", "times as fast", "95 % interval"]
if args.onednn: head = ["work", "HF + PEFT", "HF + PEFT, oneDNN", "tallrec", "times as fast as HF + PEFT", "95 % interval", "as with oneDNN", "95 % interval"]
print(f"torch {torch.__version__}, {os.cpu_count()} processors, {threads} threads a side, {args.rounds} rounds in turn, "
      f"{'processor' if args.processor_time else 'wall-clock'} time, malloc {'that keeps memory' if keeps_memory else 'as installed'}"
      f"{', HF + PEFT compiled' if args.compile else ''}\n\n"
      f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
for shape in SHAPES:
    rows = dense_rows(shape)
    compare(f"training step, dense, {shape}, {rows} x 256, fp32", lambda: dense(shape, rows, True), server("train", shape, rows),
            stronger=lambda: dense(shape, rows, True, onednn=True))
    compare(f"forward and loss, dense, {shape}, {rows} x 256, fp32", lambda: dense(shape, rows, False), server("forward", shape, rows),
            stronger=lambda: dense(shape, rows, False, onednn=True))
for shape in [shape for shape in SHAPES if shape != "MINI"] if args.bf16 else ():
    rows = dense_rows(shape)
    compare(f"training step, dense, {shape}, {rows} x 256, bf16", lambda: dense(shape, rows, True, dtype=torch.bfloat16),
            server("train", shape, rows, args.bf16))
    compare(f"forward and loss, dense, {shape}, {rows} x 256, bf16", lambda: dense(shape, rows, False, dtype=torch.bfloat16),
            server("forward", shape, rows, args.bf16))
for shape in SHAPES if args.products else ():
    times = 10 if shape == "M110" else 100
    compare(f"products of a layer, {shape}, {PRODUCT_TOKENS} tokens, {times} times, fp32", lambda: products(shape, times),
            server("products", shape, PRODUCT_TOKENS, times), stronger=lambda: products(shape, times, onednn=True))
for shape in SHAPES if args.decode else ():
    compare(f"decoding, {shape}, {NEW_TOKENS} tokens after {PROMPT_TOKENS}, fp32", lambda: decode(shape), server("decode", shape, PROMPT_TOKENS, NEW_TOKENS),
            stronger=lambda: decode(shape, onednn=True), tokens=NEW_TOKENS)
compare("movie rows, training, answer-only loss, 64 examples", lambda: movie_train(False), server("movie-train", "false"))
compare("movie rows, training, train_on_inputs, 64 examples", lambda: movie_train(True), server("movie-train", "true"))
compare("movie test set, scoring, one forward", movie_score, server("movie-score"))
compare("movie test set, scoring, the paper's way (generate)", lambda: movie_score(96, True), server("movie-score"), 1000 / 96)
compare("movie test set, scoring, the paper's way, of a model that does not stop", lambda: movie_score(96, True, at_least=128), server("movie-score"), 1000 / 96)
if memory:
    print("\n| peak memory | HF + PEFT | tallrec |\n|---|---|---|")
    for name, theirs, ours in memory: print(f"| {name} | {theirs:,} MiB | {ours:,} MiB |")
