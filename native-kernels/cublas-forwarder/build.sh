#!/bin/sh
# Makes a libcublas.so.12 that hands every call on to libcublas.so.13: JCublas 12.6 on machines with CUDA 13. names.txt lists what
# JCublas links; all of it is in both versions, with the same arguments.
# usage: build.sh WORK_DIRECTORY OUTPUT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1
output=$2

{
  echo '#define NAMES \'
  sed 's/.*/  "&", \\/' "$here/names.txt"
  echo
} >"$work/forwarder_names.h"

# One stub per name: it jumps to the address in its place of the table, and leaves all argument registers alone.
awk '{
  printf ".globl %s\n.type %s,@function\n.p2align 4\n%s:\n", $1, $1, $1
  printf "  movq forwarder_table@GOTPCREL(%%rip), %%r11\n  movq %d(%%r11), %%r11\n  jmp *%%r11\n.size %s,.-%s\n", 8 * (NR - 1), $1, $1
} BEGIN { print ".text" } END { print ".section .note.GNU-stack,\"\",@progbits" }' "$here/names.txt" >"$work/forwarder_stubs.s"

g++ -O2 -fPIC -shared -Wl,-soname,libcublas.so.12 -Wl,--version-script,"$here/versions.map" -I"$work" \
  -o "$output" "$here/forwarder.cpp" "$work/forwarder_stubs.s" -ldl
