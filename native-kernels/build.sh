#!/bin/sh
# Compiles the kernels: for devices with nvcc, for the emulated device of the tests with g++, once more to be watched there, and what stands in for CUDA. What has no compiler is
# left out, and said so.
# usage: build.sh TARGET_DIRECTORY "80 86 89 90"
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=$1
architectures=$2
resources="$target/classes/dev/tallrec/backend/cuda"
mkdir -p "$resources"

# Makes something unless it is there, newer than its sources and for the same architectures.
# usage: make_unless_new FUNCTION SOURCE...
make_unless_new() {
  make=$1
  shift
  stamp="$target/$make.stamp"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$architectures" ] && [ -z "$(find "$@" "$here/build.sh" -newer "$stamp" | head -n 1)" ]; then
    return
  fi
  "$make"
  echo "$architectures" >"$stamp"
}

device_code() {
  : >"$resources/kernels.txt"
  generate=""
  for architecture in $architectures; do
    generate="$generate -gencode arch=compute_$architecture,code=sm_$architecture"
  done
  for source in "$here"/kernels/*.cu; do
    name=$(basename "$source" .cu)
    rm -f "$resources/$name.fatbin" "$resources/$name.ptx"
    # shellcheck disable=SC2086
    nvcc -std=c++17 -O3 $generate -fatbin -o "$resources/$name.fatbin" "$source" &
    machine_code=$!
    # PTX that drivers since R470 accept: the kernels use nothing newer, so that only the stated version stands in the way.
    { nvcc -std=c++17 -O3 -arch=compute_80 -ptx -o "$target/$name.ptx" "$source" &&
      sed 's/^\.version .*/.version 7.4/' "$target/$name.ptx" >"$resources/$name.ptx"; } &
    ptx=$!
    # A wait for all would not tell of failures.
    wait "$machine_code"
    wait "$ptx"
    # With one of its kernels, by which a driver's taking it is tried.
    echo "$name $(sed -n 's/^\.visible \.entry \([a-z0-9_]*\)(.*/\1/p' "$resources/$name.ptx" | head -n 1)" >>"$resources/kernels.txt"
  done
  # An honest stated version: the assembler refuses features that are newer.
  for source in "$here"/kernels/*.cu; do
    name=$(basename "$source" .cu)
    ptxas -arch=sm_86 -o /dev/null "$resources/$name.ptx"
  done
}

# With no unique symbols each library has shared memory of its own, also where several are loaded.
compile="g++ @$here/host/emulation.flags -I$here/host -I$here/kernels -Wall -Werror -Wno-unknown-pragmas"

host_code() {
  $compile -O2 -shared -o "$target/libtallrec_emulated.so" -x c++ "$here/host/emulation.cpp" "$here"/kernels/*.cu
  rm -f "$target"/*.watched.o
  # Loads and stores of a chunk stay whole, as on a device: nothing takes their values apart.
  for source in "$here"/kernels/*.cu; do
    $compile "@$here/host/watch.flags" -c -o "$target/$(basename "$source" .cu).watched.o" -x c++ "$source"
  done
  $compile -O2 -DTALLREC_WATCH -shared -Wl,--no-undefined -o "$target/libtallrec_watched.so" "$here/host/emulation.cpp" "$here/host/watch.cpp" \
    "$target"/*.watched.o
  sh "$here/cublas-forwarder/build.sh" "$target" "$resources/libcublas_forwarder.so"
  sh "$here/stand-in/build.sh" "$target"
}

# The PTX that ships, for the emulated device. Another nvcc may use instructions that are new there: then only the tests of it are left out.
ptx_code() {
  rm -f "$target/libtallrec_ptx.so"
  compile_ptx || echo "native-kernels: host/ptx.h does not know all that this nvcc made of the kernels: the tests of its code are left out" >&2
}

compile_ptx() {
  objects=""
  for source in "$here"/kernels/*.cu; do
    name=$(basename "$source" .cu)
    awk -f "$here/host/ptx.awk" "$resources/$name.ptx" >"$target/$name.ptx.cpp" || return 1
    objects="$objects $target/$name.ptx.o"
  done
  # shellcheck disable=SC2086
  printf '%s\n' $objects | xargs -n 1 -P "$(nproc)" sh -c '$1 -O1 -c -o "$2" "${2%.o}.cpp"' sh "$compile" || return 1
  # shellcheck disable=SC2086
  $compile -O2 -shared -Wl,--no-undefined -o "$target/libtallrec_ptx.so" "$here/host/emulation.cpp" $objects
}

has_nvcc=$(command -v nvcc || true)
has_gcc=""
if [ "$(uname -sm)" = "Linux x86_64" ]; then
  has_gcc=$(command -v g++ || true)
fi

if [ -n "$has_nvcc" ]; then
  make_unless_new device_code "$here/kernels"
else
  echo "native-kernels: no nvcc on the PATH: this build will have no CUDA kernels"
fi
if [ -n "$has_gcc" ]; then
  make_unless_new host_code "$here/kernels" "$here/host" "$here/cublas-forwarder" "$here/stand-in"
else
  echo "native-kernels: no g++ on x86-64 Linux: tests on the emulated device are left out"
fi
if [ -n "$has_nvcc" ] && [ -n "$has_gcc" ]; then
  make_unless_new ptx_code "$here/kernels" "$here/host"
fi
