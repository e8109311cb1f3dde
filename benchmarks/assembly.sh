#!/bin/sh
# Shows what the JIT makes of the hot loops: runs training steps and decoding with their machine code printed, turns it into instructions with
# objdump, counts them loop by loop, and fails, naming the method, where an innermost loop has no FMA in the widest vectors or calls something.
#
# usage: assembly.sh [--width 512|256] [--java-option OPTION]... [--add CLASS::METHOD]... [--keep DIR] [--summary FILE] [--self-test]
#   --width        vectors expected, in bits (default: the widest this CPU has); 256 on a wider CPU makes the JVM take AVX2
#   --java-option  one more option of the JVM; -XX:UseAVX=2 without --width must make the check fail on a wider CPU
#   --add          one more method of dev.tallrec.backend.cpu that must have FMA; HeadPanel::storeTransposed, a scalar one, must make it fail
#   --keep         where the JVM's output stays
#   --summary      Markdown file that the table is added to
#   --self-test    the check itself: no complaint here and with AVX2, one with each fault put in; a few minutes
#   --widest       only prints how wide vectors of this CPU are, in bits
# Needs: mvn package -DskipTests (once), a JDK 25 without hsdis, objdump (binutils), Python 3.
set -eu

home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
jar="$home/benchmarks/target/benchmarks.jar"
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"

stop() {
  echo "assembly: $1" >&2
  exit 2
}

case $(uname -m) in
  x86_64 | amd64) ;;
  *) stop "reads x86-64 code only, this is $(uname -m)" ;;
esac
command -v objdump >/dev/null || stop "needs objdump; it comes with binutils (apt-get install binutils, dnf install binutils)"
command -v python3 >/dev/null || stop "needs python3"
version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
[ "${version:-0}" -ge 25 ] || stop "needs a JDK 25, $java is ${version:-missing}: set JAVA_HOME to one"
[ -f "$jar" ] || stop "no $jar: mvn package -DskipTests first"

# Registers of 512 bits alone do not make the JVM use them: it wants these four.
widest() {
  flags=" $(sed -n 's/^flags[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1) "
  for flag in avx512f avx512dq avx512bw avx512vl; do
    case $flags in *" $flag "*) ;; *) echo 256; return ;; esac
  done
  echo 512
}

width=""
options=""
added=""
keep=""
summary=""
shown="benchmarks/assembly.sh${*:+ $*}"
while [ $# -gt 0 ]; do
  case $1 in
    --widest) widest; exit 0 ;;
    --self-test) exec "$home/benchmarks/assembly-test.sh" ;;
    --width | --java-option | --add | --keep | --summary)
      [ $# -ge 2 ] || stop "$1 needs a value"
      case $1 in
        --width) width=$2 ;;
        --java-option) options="$options $2" ;;
        --add) added="$added --add $2" ;;
        --keep) keep=$2 ;;
        --summary) summary=$2 ;;
      esac
      shift 2
      ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
can=$(widest)
width=${width:-$can}
case $width in 512 | 256) ;; *) stop "--width 512 or 256, not $width" ;; esac
[ "$width" -le "$can" ] || stop "this CPU has vectors of $can bits, not $width"
[ "$width" = "$can" ] || options="$options -XX:UseAVX=2"

work=$keep
if [ -z "$work" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"

# shellcheck disable=SC2086
python3 "$home/benchmarks/assembly.py" --options $added >"$work/print.options"

# The JVM reads what is to be printed from the file; each line of standard input is one round of the work, see PeerServer.
# -Xbatch: code is there when its method is next called, so few rounds are enough for the last compilation.
run() {
  rounds=$1
  shift
  # shellcheck disable=SC2086
  yes "" | head -n "$rounds" | "$java" --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -XX:-UseFPUForSpilling -Xbatch \
    -XX:+UnlockDiagnosticVMOptions -XX:CompileCommand=quiet "@$work/print.options" $options \
    -cp "$jar" dev.tallrec.benchmarks.PeerServer "$@" >"$work/$1.txt" 2>"$work/$1.err" || {
    tail -n 5 "$work/$1.err" >&2
    stop "the JVM failed at $*"
  }
  grep -q '^\[MachCode\]' "$work/$1.txt" || stop "the JVM printed no machine code as hex for $*; with an hsdis library it prints instructions: run it without"
}

run 60 train MINI 2
run 6 movie-train false
run 12 decode MINI 16 64

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
jdk=$("$java" -version 2>&1 | sed -n '2p')
# shellcheck disable=SC2086
python3 "$home/benchmarks/assembly.py" --width "$width" $added ${summary:+--summary "$summary"} \
  --heading "## Vectors of $width bits

$cpu (vectors of $can bits); $jdk; \`$shown\`" "$work/train.txt" "$work/movie-train.txt" "$work/decode.txt"
