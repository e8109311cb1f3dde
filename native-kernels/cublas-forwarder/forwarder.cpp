// The table that the stubs jump through, filled when the library is loaded.
#include <dlfcn.h>
#include <stdio.h>

#include "forwarder_names.h"

// As they were before glibc 2.34 moved them: cuBLAS itself runs on older ones. It brings libdl along, where they are there.
__asm__(".symver dlopen,dlopen@GLIBC_2.2.5");
__asm__(".symver dlsym,dlsym@GLIBC_2.2.5");
__asm__(".symver dlerror,dlerror@GLIBC_2.2.5");

static const char* const names[] = {NAMES};
constexpr int COUNT = sizeof(names) / sizeof(names[0]);
constexpr int CUBLAS_STATUS_NOT_SUPPORTED = 15;

extern "C" {
__attribute__((visibility("hidden"))) void* forwarder_table[COUNT];
}

static int not_there() { return CUBLAS_STATUS_NOT_SUPPORTED; }

__attribute__((constructor)) static void fill_table() {
  // tallrec has loaded it from wherever it was found; this finds it by its name.
  void* cublas = dlopen("libcublas.so.13", RTLD_NOW | RTLD_GLOBAL);
  if (cublas == nullptr) fprintf(stderr, "tallrec: %s\n", dlerror());
  for (int i = 0; i < COUNT; i++) {
    void* function = cublas == nullptr ? nullptr : dlsym(cublas, names[i]);
    forwarder_table[i] = function == nullptr ? reinterpret_cast<void*>(&not_there) : function;
  }
}
