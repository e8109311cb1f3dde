#!/bin/sh
# What the compiler makes of the kernels, as a Markdown table: registers, shared memory, spills, and what of a multiprocessor they fill; and of
# the PTX, how often tensor cores and the instructions that feed them are in it.
# usage: ptxas-report.sh ARCHITECTURE...
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for source in "$here"/kernels/*.cu; do
  ptx="target/$(basename "$source" .cu).ptx"
  make -s -C "$here" "$ptx"
  for architecture in "$@"; do
    ptxas -arch="sm_$architecture" -v -o "$work/cubin" "$here/$ptx" 2>&1 | sed "s/^/$architecture /" >>"$work/verbose"
  done
  cat "$here/$ptx" >>"$work/all.ptx"
done
# Multiprocessors of 64 K registers, given out 256 at a time to a warp; 1 KiB of shared memory more for each block.
awk -v OFS=' | ' '
  FILENAME ~ /ptx$/ && /\.entry/ { match($0, /[a-z0-9_]+\(/); kernel = substr($0, RSTART, RLENGTH - 1) }
  FILENAME ~ /ptx$/ && /ldmatrix\.sync/ { ldmatrix[kernel]++ }
  FILENAME ~ /ptx$/ && /cp\.async\.c[ag]/ { async[kernel]++ }
  FILENAME ~ /ptx$/ && /mma\.sync/ { mma[kernel]++ }
  FILENAME ~ /ptx$/ { next }
  /Compiling entry function/ { split($0, part, "\047"); kernel = part[2] }
  /spill stores/ { for (i = 1; i < NF; i++) if ($(i + 2) == "spill") { spilled = $i; break } }
  /Used .* registers/ {
    shared = 0
    for (i = 1; i < NF; i++) { if ($(i + 1) == "registers,") registers = $i; if ($(i + 2) ~ /^smem/) shared = $i }
    kernels++; all_spilled += spilled
    # bf16 is as fp16; fp32 and small heads have no rows of their own.
    if (kernel ~ /bf16|f32|_(16|32)$/) next
    threads = kernel ~ /attention_delta/ ? 256 : kernel ~ /attention_forward_f32/ ? 64 : kernel ~ /attention_backward.*_f32/ ? 32 : kernel ~ /attention|low_rank/ ? 128 : 256
    most_warps = $1 == 80 || $1 == 90 ? 64 : 48
    most_blocks = $1 == 80 || $1 == 90 ? 32 : $1 == 89 ? 24 : 16
    memory = ($1 == 90 ? 228 : $1 == 80 ? 164 : 100) * 1024
    blocks = most_blocks
    by_warps = int(most_warps * 32 / threads); if (by_warps < blocks) blocks = by_warps
    by_registers = int(65536 / (int((registers * 32 + 255) / 256) * 256) * 32 / threads); if (by_registers < blocks) blocks = by_registers
    by_memory = int(memory / (shared + 1024)); if (by_memory < blocks) blocks = by_memory
    print "| " kernel, "sm_" $1, threads, registers, shared, spilled, blocks, int(blocks * threads / 32) " of " most_warps, mma[kernel] + 0, ldmatrix[kernel] + 0, async[kernel] + 0 " |"
  }
  END { print "\nBytes spilled by all " kernels " kernels of all types and head dimensions: " all_spilled "." >"/dev/stderr" }' "$work/all.ptx" "$work/verbose" 2>"$work/sum" | sort >"$work/rows"
echo "| Kernel | For | Threads | Registers | Shared memory (bytes) | Spilled bytes | Blocks on a multiprocessor | Warps on it | mma in PTX | ldmatrix | cp.async |"
echo "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
cat "$work/rows" "$work/sum"
