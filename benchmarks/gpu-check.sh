#!/bin/sh
# Checks tallrec on a machine with a GPU, within 8 minutes: every operation against the CPU, PyTorch's golden values on the real device, training
# steps of LLaMA-7B's shape and the movie rows, the profile of a step, and Hugging Face + PEFT on the same work where Python has them. Needs no Java there: pack a
# runtime first.
#
#   benchmarks/gpu-check.sh pack         here: build, and put a runtime, the jar and fixtures into .gpu-check/ (below 64 MiB; needs a JDK 25)
#   benchmarks/gpu-check.sh run OUT      there: run everything, write OUT/gpu-check.json and OUT/gpu-check.md; GPU_CHECK_SECONDS for more time
set -eu

home=$(cd "$(dirname "$0")/.." && pwd)
kit="$home/.gpu-check"
# Seconds of one section at most, and of all of them; what is left then is left out, and said so.
LIMIT=240
BUDGET=${GPU_CHECK_SECONDS:-480}

pack() {
  java_home=${JAVA_HOME:?set JAVA_HOME to a JDK 25}
  (cd "$home" && mvn -B -q -DskipTests package)
  rm -rf "$kit"
  mkdir -p "$kit"
  "$java_home/bin/jlink" --add-modules java.base,java.logging,java.management,java.xml,jdk.incubator.vector,jdk.management,jdk.unsupported \
    --strip-debug --no-man-pages --no-header-files --compress zip-9 --output "$kit/runtime"
  tar -C "$kit" -czf "$kit/runtime.tar.gz" runtime
  rm -rf "$kit/runtime"
  cp "$home/benchmarks/target/benchmarks.jar" "$kit/"
  cp -r "$home/src/test/resources/golden" "$kit/"
  du -sh "$kit"
}

run() {
  out=$1
  end=$(($(date +%s) + BUDGET))
  not_done=""
  mkdir -p "$out"
  # Beside the kit, which may have to travel again; deleted at the end.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  tar -C "$work" -xzf "$kit/runtime.tar.gz"
  mkdir "$work/tmp" "$work/cuda-cache"
  # Where the driver keeps what it made of PTX: not each process should make it again.
  export CUDA_CACHE_PATH="$work/cuda-cache"
  report="$out/gpu-check.md"
  json="$out/gpu-check.json"
  java="$work/runtime/bin/java -Djava.io.tmpdir=$work/tmp --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -cp $kit/benchmarks.jar"
  : >"$json"
  {
    echo "# GPU check, $(date -u +%Y-%m-%d)"
    echo
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader || echo "no nvidia-smi"
    echo
  } >"$report"

  section "tallrec info" $java dev.tallrec.cli.Main info
  # Processes of their own: an error of the device ends all that its process can do.
  for type in F16 BF16 F32; do
    section "every operation in $type, against the CPU" $java dev.tallrec.cli.Main verify --ops --device cuda --compute-type "$type"
    # Again with every launch waited for: then an error names its kernel.
    [ "$code" = 0 ] || section "the same, launch by launch" \
      env CUDA_LAUNCH_BLOCKING=1 $java dev.tallrec.cli.Main verify --stacktrace --ops --device cuda --compute-type "$type"
  done
  for type in F32 F16 BF16; do
    section "verify in $type" $java dev.tallrec.cli.Main verify --device cuda --compute-type "$type" "$kit"/golden/[A-Z]_*
  done
  works=""
  for rows in 1 2 4 8 16 32; do works="$works dense:512:$rows"; done
  section "LLaMA-7B shape, fp16: rows of 512 tokens" \
    bash -o pipefail -c "$java dev.tallrec.benchmarks.StepTimer cuda F16 LLAMA_7B $works | tee -a '$json'"
  section "LLaMA-7B shape, fp16: the movie rows" bash -o pipefail -c \
    "$java dev.tallrec.benchmarks.StepTimer cuda F16 LLAMA_7B movie-train:answers movie-train:whole movie-score | tee -a '$json'"
  section "profile of a step, LLaMA-7B shape" $java dev.tallrec.benchmarks.StepTimer cuda F16 LLAMA_7B profile:512:8
  section "profile of a step, small base" $java dev.tallrec.cli.Main profile --device cuda --trace "$out/trace.json"
  if timeout 60 python3 -c "import torch, transformers, peft" 2>/dev/null; then
    section "Hugging Face + PEFT, the same work" \
      bash -o pipefail -c "$java dev.tallrec.benchmarks.MovieRows >'$work/movie-rows.json' &&
        python3 '$home/benchmarks/peers/peer_gpu.py' '$work/movie-rows.json' | tee -a '$json'"
  else
    printf '\n## Hugging Face + PEFT\n\nPython here has no torch, transformers and peft.\n' >>"$report"
  fi
  {
    printf '\n## Beside each other\n\nTokens a second; of scoring, rows a second. Where there is no rate it did not fit.\n\n'
    $java dev.tallrec.benchmarks.GpuCheckTable "$json" || echo "no table"
  } >>"$report"
  if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck; do
      section "compute-sanitizer $tool" compute-sanitizer --error-exitcode 1 --tool "$tool" $java dev.tallrec.cli.Main verify --device cuda --compute-type F16 "$kit/golden/C_fp16_sharded_headdim"
    done
  fi
  echo "report: $report"
  [ -n "$not_done" ] || return 0
  printf '\n## What failed or was left out\n%s\n' "$not_done" | tee -a "$report"
  return 1
}

# Runs a command, keeps its output and exit code in the report, and goes on whatever it was.
section() {
  title=$1
  shift
  left=$((end - $(date +%s)))
  if [ "$left" -lt 5 ]; then
    printf '\n## %s\n\nleft out: the %s seconds were over\n' "$title" "$BUDGET" >>"$report"
    echo "$title: left out, the $BUDGET seconds are over"
    not_done="$not_done
- $title: left out"
    code=0
    return
  fi
  [ "$left" -lt "$LIMIT" ] || left=$LIMIT
  printf '\n## %s\n\n```\n' "$title" >>"$report"
  # A process that hangs in the driver does not heed the first signal.
  if timeout -k 15 "$left" "$@" >>"$report" 2>&1; then code=0; else code=$?; fi
  printf '```\n\nexit code %s\n' "$code" >>"$report"
  echo "$title: exit code $code"
  [ "$code" = 0 ] || not_done="$not_done
- $title: exit code $code"
}

case "${1:-}" in
  pack) pack ;;
  run) run "${2:?usage: gpu-check.sh run OUT}" ;;
  *)
    echo "usage: gpu-check.sh pack | run OUT" >&2
    exit 2
    ;;
esac
