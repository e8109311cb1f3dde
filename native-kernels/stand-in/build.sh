#!/bin/sh
# Makes CUDA 12 and CUDA 13 of nothing: a libcuda.so.1 and a cuBLAS of either version, in directories that LD_LIBRARY_PATH can name.
# usage: build.sh TARGET_DIRECTORY (where libtallrec_emulated.so is)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=$1
flags="-std=c++17 -O2 -fPIC -shared -pthread -Wall -Werror"

for version in 12 13; do
  place="$target/stand-in/cuda$version"
  mkdir -p "$place"
  # shellcheck disable=SC2086
  g++ $flags -I"$here/../host" -Wl,-soname,libcuda.so.1 -o "$place/libcuda.so.1" "$here/driver.cpp" -L"$target" -ltallrec_emulated -Wl,-rpath,'$ORIGIN/../..'
  # JCublas asks for symbols of this version of the library, as the forwarder says it in its own map.
  # shellcheck disable=SC2086
  g++ $flags -I"$here/../host" -DTALLREC_EMULATION -Wl,-soname,libcublas.so.$version -Wl,--version-script,"$here/../cublas-forwarder/versions.map" \
    -o "$place/libcublas.so.$version" "$here/cublas.cpp" "$place/libcuda.so.1"
done
