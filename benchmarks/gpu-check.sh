#!/bin/sh
# Checks tallrec on a machine with a GPU, within 8 minutes: every operation against the CPU, PyTorch's golden values on the real device, training
# steps of LLaMA-7B's shape and the movie rows, the profile of a step, and Hugging Face + PEFT on the same work where Python has them. Needs no Java there: pack a
# runtime first.
#
#   benchmarks/gpu-check.sh pack         here: build, and put a runtime and the jar into .gpu-check/, which travels with the tree (64 MiB together at
#                                        most; needs a JDK 25)
#   benchmarks/gpu-check.sh run OUT      there: run everything, write OUT/gpu-check.json and OUT/gpu-check.md; exit code 1 if anything failed or time was short
#
# GPU_CHECK_SECONDS for more time. GPU_CHECK_SHAPE=MINI for trying this script on native-kernels/stand-in: no figure of a GPU.
set -eu

home=$(cd "$(dirname "$0")/.." && pwd)
kit="$home/.gpu-check"
MOST_MIB=64
# It lies in the tree, too.
WEIGHTS=models/tallrec-mini-base/model.safetensors
# What a build without nvcc or g++ lacks: without it nothing runs on a GPU, or nothing where there is CUDA 13 alone.
NEEDED="dev/tallrec/backend/cuda/kernels.txt dev/tallrec/backend/cuda/libcublas_forwarder.so"
# Seconds of all sections; what is left then is left out, and said so. Of one at most: of those that compare, and of those that time.
BUDGET=${GPU_CHECK_SECONDS:-480}
COMPARING=60
TIMING=240
SHAPE=${GPU_CHECK_SHAPE:-LLAMA_7B}
ROWS="1 8 32"

pack() {
  java_home=${JAVA_HOME:?set JAVA_HOME to a JDK 25}
  (cd "$home" && mvn -B -q -DskipTests package)
  rm -rf "$kit"
  mkdir -p "$kit"
  git -C "$home" describe --always --dirty >"$kit/commit"
  cp "$home/benchmarks/target/benchmarks.jar" "$kit/"
  cat >"$kit/Trim.java" <<'EOF'
void main(String[] arguments) throws IOException {
  try (FileSystem jar = FileSystems.newFileSystem(Path.of(arguments[0]))) {
    for (String needed : Arrays.copyOfRange(arguments, 2, arguments.length)) {
      if (Files.notExists(jar.getPath(needed))) {
        IO.println(needed);
      }
    }
    Files.delete(jar.getPath(arguments[1]));
  }
}
EOF
  # shellcheck disable=SC2086
  lacking=$("$java_home/bin/java" "$kit/Trim.java" "$kit/benchmarks.jar" "$WEIGHTS" $NEEDED)
  rm "$kit/Trim.java"
  if [ -n "$lacking" ]; then
    rm -rf "$kit"
    # shellcheck disable=SC2086
    echo gpu-check: this build is of no use on a GPU without $lacking: put make, nvcc "(of the CUDA toolkit) and, on x86-64 Linux, g++" \
      "on the PATH, see what native-kernels/build.sh says of them, and pack again" >&2
    exit 1
  fi
  # Compressed once, by what compresses best.
  "$java_home/bin/jlink" --add-modules java.base,java.logging,java.management,java.xml,jdk.incubator.vector,jdk.management,jdk.unsupported \
    --strip-debug --no-man-pages --no-header-files --compress zip-0 --output "$kit/runtime"
  if command -v xz >/dev/null; then
    tar -C "$kit" -cf - runtime | xz >"$kit/runtime.tar.xz"
  else
    tar -C "$kit" -czf "$kit/runtime.tar.gz" runtime
  fi
  rm -rf "$kit/runtime"
  tree_bytes=$( (cd "$home" && git ls-files -co --exclude-standard -z | xargs -0 stat -c %s 2>/dev/null) | sum)
  kit_bytes=$(stat -c %s "$kit"/* | sum)
  echo "$tree_bytes $kit_bytes $MOST_MIB" | awk '{
    tree = $1 / 1048576; kit = $2 / 1048576
    printf "tree %.1f MiB + .gpu-check %.1f MiB = %.1f MiB of %d\n", tree, kit, tree + kit, $3
    if (tree + kit > $3) { print "gpu-check: too large to travel: delete, or have git ignore, what need not" | "cat >&2"; exit 1 }
  }'
}

sum() {
  awk '{ sum += $1 } END { print sum + 0 }'
}

# Where xz is missing, Python unpacks what it packed.
unpack() {
  if [ -f "$kit/runtime.tar.gz" ]; then
    tar -C "$1" -xzf "$kit/runtime.tar.gz"
  elif command -v xz >/dev/null; then
    tar -C "$1" -xJf "$kit/runtime.tar.xz"
  else
    python3 -m tarfile -e "$kit/runtime.tar.xz" "$1"
  fi
}

run() {
  out=$1
  end=$(($(date +%s) + BUDGET))
  failed=0
  not_done=""
  mkdir -p "$out"
  out=$(cd "$out" && pwd)
  rm -f "$out"/hs_err_*.log
  # Beside the kit, which may have to travel again; deleted at the end.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  unpack "$work"
  mkdir "$work/tmp" "$work/cuda-cache"
  # Where the driver keeps what it made of PTX: not each process should make it again.
  export CUDA_CACHE_PATH="$work/cuda-cache"
  report="$out/gpu-check.md"
  json="$out/gpu-check.json"
  # A file of options, as directories may have spaces in their names. The weights are found in the tree.
  cat >"$work/options" <<EOF
-Djava.io.tmpdir="$work/tmp"
--add-modules=jdk.incubator.vector
--enable-native-access=ALL-UNNAMED
-XX:ErrorFile="$out/hs_err_%p.log"
-cp "$kit/benchmarks.jar:$home"
EOF
  # Where Python's wheels have cuBLAS, also if the python3 on the PATH stands for another elsewhere.
  wheels=$(python3 -c 'import glob, sysconfig; print(":".join(glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib")))' 2>/dev/null || true)
  if [ -n "$wheels" ]; then export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$wheels"; fi
  java="$work/runtime/bin/java @$work/options"
  tallrec="$java dev.tallrec.cli.Main"
  timer="$java dev.tallrec.benchmarks.StepTimer cuda F16 $SHAPE"
  commit=$(cat "$kit/commit")
  printf '{"commit": "%s"}\n' "$commit" >"$json"
  {
    echo "# GPU check, $(date -u +%Y-%m-%d), tallrec at $commit"
    echo
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader || echo "no nvidia-smi"
    echo
  } >"$report"

  # The first start: the driver's own, cuBLAS from a cold disk, and maybe every kernel made from PTX.
  section $TIMING "tallrec info" $tallrec info --device cuda
  if [ "$code" != 0 ]; then
    left_out "everything else: the GPU cannot be used, see tallrec info"
    finish
  fi
  # Processes of their own: an error of the device ends all that its process can do.
  for type in F16 BF16 F32; do
    section $COMPARING "every operation in $type, against the CPU" $tallrec verify --ops --device cuda --compute-type "$type"
    # Again with every launch waited for: then an error names its kernel. One that hangs would hang again, and was named.
    if [ "$code" = 1 ] && said CUDA_ERROR; then
      section $COMPARING "the same, launch by launch" \
        env CUDA_LAUNCH_BLOCKING=1 $tallrec verify --stacktrace --ops --device cuda --compute-type "$type"
    fi
  done
  golden="$home/src/test/resources/golden"
  for type in F32 F16 BF16; do
    section $COMPARING "verify in $type" $tallrec verify --device cuda --compute-type "$type" "$golden"/[A-Z]_*
  done
  works=""
  for rows in $ROWS; do works="$works dense:512:$rows"; done
  section $TIMING "$SHAPE, fp16: rows of 512 tokens" \
    bash -o pipefail -c "$timer $works | tee -a '$json'"
  section $TIMING "$SHAPE, fp16: the movie rows" \
    bash -o pipefail -c "$timer movie-train:answers movie-train:whole movie-score | tee -a '$json'"
  section $TIMING "profile of a step, $SHAPE" $timer profile:512:8
  section $COMPARING "profile of a step, small base" $tallrec profile --device cuda --trace "$out/trace.json"
  # Not imported yet: from a cold disk that takes longer than one should wait for an answer.
  missing=$(python3 -c 'import importlib.util
print(*(name for name in ("torch", "transformers", "peft") if importlib.util.find_spec(name) is None))') || missing="python3"
  if [ -z "$missing" ]; then
    section $TIMING "Hugging Face + PEFT, the same work" \
      bash -o pipefail -c "$java dev.tallrec.benchmarks.MovieRows >'$work/movie-rows.json' &&
        python3 '$home/benchmarks/peers/peer_gpu.py' '$work/movie-rows.json' --shape $SHAPE --rows $(echo $ROWS | tr ' ' ,) | tee -a '$json'"
  else
    left_out "Hugging Face + PEFT: here is no $missing"
  fi
  {
    printf '\n## Beside each other\n\nTokens a second; of scoring, rows a second.\n\n'
    $java dev.tallrec.benchmarks.GpuCheckTable "$json" || echo "no table"
  } >>"$report"
  sanitizer=$(PATH="$PATH:/usr/local/cuda/bin" && command -v compute-sanitizer) || sanitizer=""
  if [ -n "$sanitizer" ]; then
    for tool in memcheck racecheck synccheck; do
      # A module that does not have a kernel says so by an error, and the next one is asked.
      section $TIMING "compute-sanitizer $tool" "$sanitizer" --error-exitcode 1 --report-api-errors no --tool "$tool" \
        $tallrec verify --device cuda --compute-type F16 "$golden/C_fp16_sharded_headdim"
    done
    # That has small heads and rows; this has LLaMA's.
    section $TIMING "compute-sanitizer memcheck, every operation in F16" "$sanitizer" --error-exitcode 1 --report-api-errors no --tool memcheck \
      $tallrec verify --ops --device cuda --compute-type F16
  else
    left_out "compute-sanitizer: neither on the PATH nor in /usr/local/cuda/bin"
  fi
  finish
}

# usage: section SECONDS TITLE COMMAND...
# Runs a command for so long at most, keeps its output and exit code in the report, and goes on whatever it was.
section() {
  limit=$1
  title=$2
  shift 2
  left=$((end - $(date +%s)))
  if [ "$left" -lt 5 ]; then
    failed=1
    code=0
    left_out "$title: the $BUDGET seconds were over"
    return
  fi
  [ "$left" -lt "$limit" ] || left=$limit
  printf '\n## %s\n\n```\n' "$title" >>"$report"
  begin=$(wc -c <"$report")
  # A process that hangs in the driver does not heed the first signal.
  if timeout -k 15 "$left" "$@" >>"$report" 2>&1; then code=0; else code=$?; fi
  case $code in
    124 | 137) ended="exit code $code: stopped after $left s" ;;
    *) ended="exit code $code" ;;
  esac
  printf '```\n\n%s\n' "$ended" >>"$report"
  echo "$title: $ended"
  if [ "$code" != 0 ]; then
    failed=1
    not_done="$not_done
- $title: $ended"
  fi
}

# Whether the last section's output has that text.
said() {
  tail -c +"$((begin + 1))" "$report" | grep -q "$1"
}

left_out() {
  echo "left out: $1"
  not_done="$not_done
- left out: $1"
}

finish() {
  # Where the JVM itself was ended, by native code.
  for crash in "$out"/hs_err_*.log; do
    [ ! -f "$crash" ] || left_out "the rest of a section whose JVM crashed: see ${crash##*/}"
  done
  [ -z "$not_done" ] || printf '\n## What failed or was left out\n%s\n' "$not_done" >>"$report"
  echo "report: $report"
  exit $failed
}

case "${1:-}" in
  pack) pack ;;
  run) run "${2:?usage: gpu-check.sh run OUT}" ;;
  *)
    echo "usage: gpu-check.sh pack | run OUT" >&2
    exit 2
    ;;
esac
