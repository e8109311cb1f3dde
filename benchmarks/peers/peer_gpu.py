#!/usr/bin/env python3
"""Hugging Face transformers + PEFT on the works that StepTimer times: a model of LLaMA-7B's shape with random weights, fp16, sdpa attention.

usage: peer_gpu.py MOVIE_ROWS [--device cuda|cpu] [--shape LLAMA_7B|MINI] [--rows 1,2,4,8,16,32]
MOVIE_ROWS is what dev.tallrec.benchmarks.MovieRows prints. One JSON object a line, the first of which tells the versions: dense training steps of rows of 512
tokens and the movie rows in training, scoring a part of the rows by one forward pass and the paper's way (generate, then read the first score) by the 3 tokens of
"Yes." and its end, as a tuned model writes them, the training again with gradient checkpointing, and scoring by all 128 tokens that the paper's script allows.
A work that fails says why in its line, and the next one is timed if the device still answers; the exit code is then 1.

--device cpu --shape MINI is for trying this script where there is no GPU: fp32, and no figure of a GPU.
"""
import argparse, contextlib, json, sys, time
import peft, torch, transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

SHAPES = dict(LLAMA_7B=(4096, 11008, 32, 32, 32, 32000), MINI=(256, 688, 8, 4, 6, 8192))
LENGTH, BATCH, SCORE_BATCH, SCORED, GENERATED, ANSWER_TOKENS, MOST_TOKENS = 512, 16, 32, 256, 96, 3, 128
# The fastest of so many, or of fewer if they take so long, after a first one, and before all of them work that is not timed: as StepTimer.
REPETITIONS, PATIENCE_SECONDS, WARM_UP_SECONDS = 5, 8, 2

ap = argparse.ArgumentParser()
ap.add_argument("movies"); ap.add_argument("--device", default="cuda"); ap.add_argument("--shape", default="LLAMA_7B", choices=SHAPES)
ap.add_argument("--rows", default="1,2,4,8,16,32")
args = ap.parse_args()
cuda = args.device == "cuda"
movies = json.load(open(args.movies))
PEER = "HF + PEFT"
print(json.dumps(dict(peer=PEER, versions=dict(torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__))), flush=True)

torch.manual_seed(0)
torch.set_default_dtype(torch.float16 if cuda else torch.float32)
hidden, inner, heads, kv_heads, layers, vocab = SHAPES[args.shape]
with torch.device(args.device):
    base = LlamaForCausalLM(LlamaConfig(hidden_size=hidden, intermediate_size=inner, num_attention_heads=heads, num_key_value_heads=kv_heads,
                                        num_hidden_layers=layers, vocab_size=vocab, attn_implementation="sdpa"))
model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
trained = [p for p in model.parameters() if p.requires_grad]
for p in trained: p.data = p.data.float()
optimizer = torch.optim.AdamW(trained, lr=1e-4)
scaler = torch.amp.GradScaler("cuda", enabled=cuda)
warm, failed = False, False
out_of_memory = torch.cuda.OutOfMemoryError if cuda else MemoryError


def synchronize():
    if cuda: torch.cuda.synchronize()


def step(**batch):
    with torch.autocast("cuda", torch.float16) if cuda else contextlib.nullcontext(): loss = model(**batch, use_cache=False).loss
    scaler.scale(loss).backward(); scaler.unscale_(optimizer); torch.nn.utils.clip_grad_norm_(trained, 1.0)
    scaler.step(optimizer); scaler.update(); optimizer.zero_grad(set_to_none=True)


def pad_left(rows, fill):
    width = (max(map(len, rows)) + 7) // 8 * 8
    return torch.tensor([[fill] * (width - len(r)) + r for r in rows], device=args.device)


def padded(rows):
    return dict(input_ids=pad_left(rows, 0), attention_mask=pad_left([[1] * len(r) for r in rows], 0))


def movie_epoch(whole):
    for at in range(0, len(movies["train"]), BATCH):
        rows, answers = movies["train"][at:at + BATCH], movies["answers"][at:at + BATCH]
        labels = rows if whole else [[-100] * begin + r[begin:] for r, begin in zip(rows, answers)]
        step(**padded(rows), labels=pad_left(labels, -100))


@torch.no_grad()
def score():
    for at in range(0, SCORED, SCORE_BATCH):
        base(**padded(movies["test"][at:at + SCORE_BATCH]), logits_to_keep=1, use_cache=False).logits[:, -1].softmax(-1)


@torch.no_grad()
def generate(tokens):
    for at in range(0, GENERATED, SCORE_BATCH):
        base.generate(**padded(movies["test"][at:at + SCORE_BATCH]), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False,
                      output_scores=True, return_dict_in_generate=True, pad_token_id=0)


def warm_up(run):
    global warm
    begin = time.perf_counter()
    while not warm:
        run(); synchronize()
        warm = time.perf_counter() - begin > WARM_UP_SECONDS


def report(work, run, examples=0, tokens=0, **about):
    global failed
    result = dict(peer=PEER, work=work, **about)
    try:
        warm_up(run)
        if cuda: torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats()
        best, spent, done = float("inf"), 0, 0
        while done <= 1 or (done <= REPETITIONS and spent < PATIENCE_SECONDS):
            synchronize(); start = time.perf_counter(); run(); synchronize()
            seconds = time.perf_counter() - start
            if done > 0: best = min(best, seconds)
            done, spent = done + 1, spent + seconds
        result.update(seconds=best)
        if examples: result.update(examples=examples, examples_per_second=examples / best)
        if tokens: result.update(tokens_per_second=tokens / best)
        if cuda: result.update(peak_gib=torch.cuda.max_memory_allocated() / 2**30)
    except out_of_memory as e:
        optimizer.zero_grad(set_to_none=True)
        result.update(does_not_fit=str(e).splitlines()[0])
    except Exception as e:
        failed = True
        optimizer.zero_grad(set_to_none=True)
        result.update(failed=repr(e))
    print(json.dumps(result), flush=True)
    # An error of the device that stays ends it here: every later work would fail of it.
    if "failed" in result: synchronize()


def train(checkpointing):
    for rows in map(int, args.rows.split(",")):
        ids = torch.randint(3, vocab, (rows, LENGTH), device=args.device)
        report("dense", lambda: step(input_ids=ids, labels=ids), tokens=rows * LENGTH, checkpointing=checkpointing, rows=rows, length=LENGTH)
    for whole in (False, True):
        report(f"movie-train:{'whole' if whole else 'answers'}", lambda: movie_epoch(whole), examples=len(movies["train"]),
               tokens=sum(map(len, movies["train"])), checkpointing=checkpointing)


def generated(tokens):
    report(f"movie-score, the paper's way, {tokens} tokens", lambda: generate(tokens), examples=GENERATED)


# What takes longest comes last: time may be short.
model.train()
train(checkpointing=False)
# As users evaluate: nothing is learned, and the adapter is not there.
model.eval()
with model.disable_adapter():
    report("movie-score", score, examples=SCORED, tokens=sum(map(len, movies["test"][:SCORED])))
    generated(ANSWER_TOKENS)
model.train()
model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=dict(use_reentrant=False)); model.enable_input_require_grads()
train(checkpointing=True)
model.gradient_checkpointing_disable(); model.eval()
with model.disable_adapter():
    generated(MOST_TOKENS)
sys.exit(1 if failed else 0)
