#!/bin/sh
# Checks assembly.sh itself: it must pass what is good and name what is not. Prints one line a case; exit code 1 if one is not as it must be.
set -u

home=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong=0

# usage: named NAME WANTED [OPTION]...    WANTED: an extended regular expression that a complaint must match, or "nothing"
named() {
  name=$1
  wanted=$2
  shift 2
  "$home/assembly.sh" "$@" >"$work/out" 2>"$work/err"
  code=$?
  if [ "$wanted" = nothing ]; then
    [ ! -s "$work/err" ] && [ "$code" = 0 ]
  else
    [ "$code" = 1 ] && grep -Eq "$wanted" "$work/err"
  fi
  if [ $? = 0 ]; then
    echo "as it must be: $name: $(head -n 1 "$work/err" | grep . || echo no complaint)"
  else
    echo "WRONG: $name: exit code $code, wanted $wanted, got: $(head -n 3 "$work/err")"
    wrong=1
  fi
}

named "the widest vectors" nothing
named "AVX2" nothing --width 256
named "a scalar method" '^assembly: HeadPanel::storeTransposed: no FMA' --add HeadPanel::storeTransposed
named "two methods of one name" '^assembly: AttentionBlock::addGradients is more than one method' --add AttentionBlock::addGradients
named "calls" '^assembly: Losses::gradient: .*calls' --java-option -XX:CompileCommand=dontinline,dev.tallrec.backend.cpu.VectorMath::exp
if "$home/assembly.sh" --widest | grep -q 512; then
  named "half the width the CPU has" '^assembly: TileKernel::kernel12: (no FMA in zmm|never)' --java-option -XX:UseAVX=2
fi
exit $wrong
