#!/bin/sh
# Compares two revisions on this machine, their benchmarks in turn: what else the machine does hits both.
# usage: ab.sh REV1 REV2 [ROUNDS] [JMH_INCLUDE_REGEX] [HTML_FILE]
# Eight rounds see a benchmark that is 10 % slower where JVMs differ by 2 % (always) or 4 % (three times of four).
# Exit code 1 if REV2 is slower beyond noise and 5 %, or a deterministic counter rose.
set -eu

one=${1:?usage: ab.sh REV1 REV2 [ROUNDS] [REGEX] [HTML]}
two=${2:?usage: ab.sh REV1 REV2 [ROUNDS] [REGEX] [HTML]}
rounds=${3:-8}
include=${4:-OpsBenchmark}
html=${5:-}
home=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
java="${JAVA_HOME:?set JAVA_HOME to a JDK 25}/bin/java"

clean() {
  git -C "$home" worktree remove --force "$work/one" 2>/dev/null || true
  git -C "$home" worktree remove --force "$work/two" 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT

for side in one two; do
  revision=$one
  [ "$side" = two ] && revision=$two
  git -C "$home" worktree add --detach -q "$work/$side" "$revision"
  (cd "$work/$side" && mvn -B -q -DskipTests package)
done

of_one=""
of_two=""
for round in $(seq "$rounds"); do
  for side in one two; do
    (cd "$work/$side" && "$java" -jar benchmarks/target/benchmarks.jar record "$work/$side-$round.json" --include "$include" --forks 1 -p shape=MINI) >&2
  done
  of_one="$of_one,$work/one-$round.json"
  of_two="$of_two,$work/two-$round.json"
done
"$java" -jar "$work/two/benchmarks/target/benchmarks.jar" compare "${of_one#,}" "${of_two#,}" ${html:+--html "$html"}
