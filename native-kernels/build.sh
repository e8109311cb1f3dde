#!/bin/sh
# Compiles the kernels with the compilers that there are. What has no compiler is left out, and said so.
# usage: build.sh "80 86 89 90"
set -eu
cd "$(dirname "$0")"

has() {
  command -v "$1" >/dev/null
}
build() {
  make -s -j "$(nproc)" architectures="$architectures" "$@"
}

architectures=$1
goals=""
if ! has make; then
  echo "native-kernels: no make on the PATH: this build will have no CUDA kernels, and tests on the emulated device are left out"
  exit
fi
if has nvcc; then
  goals="device"
else
  echo "native-kernels: no nvcc on the PATH: this build will have no CUDA kernels"
fi
if [ "$(uname -sm)" = "Linux x86_64" ] && has g++; then
  goals="$goals host"
else
  echo "native-kernels: no g++ on x86-64 Linux: tests on the emulated device are left out"
fi
if [ -n "$goals" ]; then
  # shellcheck disable=SC2086
  build $goals
fi
# Another nvcc may use instructions that are new there: then only the tests of its code are left out.
if [ "$goals" = "device host" ] && ! build ptx; then
  rm -f target/libtallrec_ptx.so
  echo "native-kernels: host/ptx.h does not know all that this nvcc made of the kernels: the tests of its code are left out" >&2
fi
