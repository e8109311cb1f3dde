// What the stand-ins for CUDA's driver and for cuBLAS share.
#pragma once
#include <stddef.h>

#include <functional>

namespace stand_in {

// Puts work behind everything that was asked for so far. False if this is not the stream that there is.
bool enqueue(void* stream, std::function<void()> work);

// Whether all of `bytes` from `address` on lie in one allocation of device memory.
bool is_allocated(const void* address, size_t bytes);

// Whether the tests want no memory to be left for that.
bool is_full_at(const char* what);

// Ends the process with a message, where CUDA would leave it undefined what happens.
[[noreturn]] void die(const char* message);

}  // namespace stand_in
