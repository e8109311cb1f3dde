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
# It needs a host compiler, of a version that it knows, and knows not all architectures. What then fails in a kernel is the kernel's.
nvcc_works() {
  mkdir -p target
  echo "__global__ void nothing() {}" >target/nothing.cu
  gencode=""
  for architecture in $architectures; do
    gencode="$gencode -gencode arch=compute_80,code=sm_$architecture"
  done
  # shellcheck disable=SC2086
  nvcc -std=c++17 $gencode -fatbin -o target/nothing.fatbin target/nothing.cu
}

architectures=$1
device=""
host=""
if ! has make; then
  echo "native-kernels: no make on the PATH: this build will have no CUDA kernels, and tests on the emulated device are left out"
  exit
fi
if ! has nvcc; then
  echo "native-kernels: no nvcc on the PATH: this build will have no CUDA kernels"
elif build -q device || nvcc_works; then
  build device
  device=yes
else
  echo "native-kernels: nvcc cannot compile for $architectures, see above: this build will have no CUDA kernels" >&2
fi
if [ "$(uname -sm)" = "Linux x86_64" ] && has g++; then
  build host
  host=yes
else
  echo "native-kernels: no g++ on x86-64 Linux: tests on the emulated device are left out"
fi
# Another nvcc may use instructions that are new there: then only the tests of its code are left out.
if [ -n "$device" ] && [ -n "$host" ] && ! build ptx; then
  rm -f target/libtallrec_ptx.so
  echo "native-kernels: host/ptx.h does not know all that this nvcc made of the kernels: the tests of its code are left out" >&2
fi
