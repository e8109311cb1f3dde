// A libcuda.so.1 for machines without a GPU, for tests of what JCuda is asked for: as much of the driver API as we use. Kernels run on the emulated
// device. It is as lazy as the driver may be: nothing asked of the stream is done before somebody waits for it, so that host memory that is changed
// too early and results that are read too early show; and as strict: what the driver would refuse is refused, what it leaves undefined ends the
// process. Fresh device memory is full of NaN.
//
// TALLREC_STAND_IN_MEMORY: bytes of device memory. TALLREC_STAND_IN_REFUSE_BINARIES: takes PTX alone. TALLREC_STAND_IN_DRIVER: the driver's version,
// which else is newer than any compiler. TALLREC_STAND_IN_FULL_AT: what there is no memory for, "context", "module" or "cublas".
#include "stand_in.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

extern "C" const char* tallrec_emulated_launch(const char* name, int grid_x, int grid_y, int grid_z, int threads, void** arguments, int order);
extern "C" int tallrec_emulated_parameters(const char* name, int* sizes, int room);

namespace {

// Of CUresult.
enum Result {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  INVALID_CONTEXT = 201,
  INVALID_IMAGE = 200,
  NO_BINARY_FOR_GPU = 209,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  LAUNCH_FAILED = 719
};

constexpr uint32_t FATBIN_MAGIC = 0xBA55ED50;
constexpr int MOST_PARAMETERS = 64;

struct Event {
  bool keeps_time = true;
  // Of the last record: its number, and the number of the last one that was passed.
  long recorded = 0, passed = 0;
  double milliseconds = 0;
};

struct Module {
  std::string image;
  bool is_ptx;
  int functions = 0;
};

struct Function {
  std::string name;
  std::vector<int> parameter_sizes;
};

struct Gpu {
  size_t memory = getenv("TALLREC_STAND_IN_MEMORY") ? strtoull(getenv("TALLREC_STAND_IN_MEMORY"), nullptr, 10) : size_t(1) << 30;
  size_t used = 0;
  std::map<uintptr_t, size_t> allocations, pinned;
  std::set<Event*> events;
  std::set<Module*> modules;
  std::vector<Function*> functions;
  std::deque<std::function<void()>> queue;
  int retained = 0;
  int context = 0, stream = 0;
  bool has_stream = false;
  // A launch that failed: everything after it fails too.
  bool failed = false;

  void drain() {
    while (!queue.empty()) step();
  }
  void step() {
    std::function<void()> work = std::move(queue.front());
    queue.pop_front();
    if (!failed) work();
  }
};

Gpu gpu;
thread_local void* current = nullptr;

bool lies_in(const std::map<uintptr_t, size_t>& blocks, uintptr_t address, size_t bytes) {
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return false;
  auto block = std::prev(after);
  return address + bytes >= address && address + bytes <= block->first + block->second;
}

int state() { return current != &gpu.context ? INVALID_CONTEXT : gpu.failed ? LAUNCH_FAILED : SUCCESS; }

bool is_stream(void* stream) { return gpu.has_stream && stream == &gpu.stream; }

int put(void* stream, std::function<void()> work) { return stand_in::enqueue(stream, std::move(work)) ? SUCCESS : INVALID_HANDLE; }

int driver_version() { return getenv("TALLREC_STAND_IN_DRIVER") ? atoi(getenv("TALLREC_STAND_IN_DRIVER")) : 99000; }

bool contains(const std::string& image, const std::string& text) { return image.find(text) != std::string::npos; }

}  // namespace

namespace stand_in {

bool enqueue(void* stream, std::function<void()> work) {
  if (!is_stream(stream)) return false;
  gpu.queue.push_back(std::move(work));
  return true;
}

bool is_full_at(const char* what) { return getenv("TALLREC_STAND_IN_FULL_AT") && strcmp(getenv("TALLREC_STAND_IN_FULL_AT"), what) == 0; }

bool is_allocated(const void* address, size_t bytes) { return lies_in(gpu.allocations, (uintptr_t)address, bytes); }

void die(const char* message) {
  fprintf(stderr, "stand-in: %s\n", message);
  abort();
}

}  // namespace stand_in

#define REQUIRE_CONTEXT \
  if (int refused = state()) return refused

extern "C" {

int cuInit(unsigned flags) { return flags == 0 ? SUCCESS : INVALID_VALUE; }

int cuDeviceGetCount(int* count) {
  *count = 1;
  return SUCCESS;
}

int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return ordinal == 0 ? SUCCESS : INVALID_VALUE;
}

int cuDeviceGetName(char* name, int length, int) {
  snprintf(name, length, "stand-in");
  return SUCCESS;
}

int cuDeviceGetAttribute(int* value, int attribute, int) {
  constexpr int CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76;
  *value = attribute == CAPABILITY_MAJOR ? 8 : attribute == CAPABILITY_MINOR ? 6 : 0;
  return SUCCESS;
}

int cuDriverGetVersion(int* version) {
  *version = driver_version();
  return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void** context, int) {
  if (stand_in::is_full_at("context")) return OUT_OF_MEMORY;
  *context = &gpu.context;
  gpu.retained++;
  return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int) {
  if (--gpu.retained == 0) {
    fprintf(stderr, "stand-in: left %zu allocations, %zu pinned, %zu events, %zu modules, %d streams, %zu not done\n", gpu.allocations.size(),
            gpu.pinned.size(), gpu.events.size(), gpu.modules.size(), (int)gpu.has_stream, gpu.queue.size());
  }
  return SUCCESS;
}

int cuCtxSetCurrent(void* context) {
  current = context;
  return SUCCESS;
}

int cuStreamCreate(void** stream, unsigned) {
  REQUIRE_CONTEXT;
  if (gpu.has_stream) stand_in::die("one stream is all there is");
  gpu.has_stream = true;
  *stream = &gpu.stream;
  return SUCCESS;
}

int cuStreamDestroy_v2(void* stream) {
  REQUIRE_CONTEXT;
  if (!is_stream(stream)) return INVALID_HANDLE;
  gpu.drain();
  gpu.has_stream = false;
  return SUCCESS;
}

int cuStreamSynchronize(void* stream) {
  REQUIRE_CONTEXT;
  if (!is_stream(stream)) return INVALID_HANDLE;
  gpu.drain();
  return state();
}

int cuMemAlloc_v2(uintptr_t* address, size_t bytes) {
  REQUIRE_CONTEXT;
  if (bytes == 0) return INVALID_VALUE;
  if (bytes > gpu.memory - gpu.used) return OUT_OF_MEMORY;
  constexpr size_t ALIGNMENT = 256;
  void* memory = aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  if (memory == nullptr) return OUT_OF_MEMORY;
  memset(memory, 0xFF, bytes);
  *address = (uintptr_t)memory;
  gpu.allocations[*address] = bytes;
  gpu.used += bytes;
  return SUCCESS;
}

int cuMemFree_v2(uintptr_t address) {
  REQUIRE_CONTEXT;
  auto found = gpu.allocations.find(address);
  if (found == gpu.allocations.end()) return INVALID_VALUE;
  if (!gpu.queue.empty()) stand_in::die("memory is freed before work that may need it is done");
  gpu.used -= found->second;
  gpu.allocations.erase(found);
  free((void*)address);
  return SUCCESS;
}

int cuMemGetInfo_v2(size_t* free_bytes, size_t* all) {
  REQUIRE_CONTEXT;
  *free_bytes = gpu.memory - gpu.used;
  *all = gpu.memory;
  return SUCCESS;
}

int cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
  REQUIRE_CONTEXT;
  constexpr size_t PAGE = 4096;
  *memory = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
  if (*memory == nullptr) return OUT_OF_MEMORY;
  gpu.pinned[(uintptr_t)*memory] = bytes;
  return SUCCESS;
}

int cuMemFreeHost(void* memory) {
  REQUIRE_CONTEXT;
  if (gpu.pinned.erase((uintptr_t)memory) == 0) return INVALID_VALUE;
  free(memory);
  return SUCCESS;
}

int cuMemsetD8Async(uintptr_t address, unsigned char value, size_t bytes, void* stream) {
  REQUIRE_CONTEXT;
  if (!lies_in(gpu.allocations, address, bytes)) return INVALID_VALUE;
  return put(stream, [=] { memset((void*)address, value, bytes); });
}

int cuMemcpyHtoDAsync_v2(uintptr_t target, const void* source, size_t bytes, void* stream) {
  REQUIRE_CONTEXT;
  if (!lies_in(gpu.allocations, target, bytes)) return INVALID_VALUE;
  if (!lies_in(gpu.pinned, (uintptr_t)source, bytes)) stand_in::die("a copy from memory that is not pinned would wait");
  return put(stream, [=] { memcpy((void*)target, source, bytes); });
}

// Of the default stream, for which a stream made not to block does not wait, nor it for that.
int cuMemcpyDtoH_v2(void* target, uintptr_t source, size_t bytes) {
  REQUIRE_CONTEXT;
  if (!lies_in(gpu.allocations, source, bytes)) return INVALID_VALUE;
  memcpy(target, (void*)source, bytes);
  return SUCCESS;
}

int cuEventCreate(void** event, unsigned flags) {
  REQUIRE_CONTEXT;
  constexpr unsigned DISABLE_TIMING = 2;
  Event* made = new Event();
  made->keeps_time = !(flags & DISABLE_TIMING);
  gpu.events.insert(made);
  *event = made;
  return SUCCESS;
}

int cuEventDestroy_v2(void* event) {
  REQUIRE_CONTEXT;
  if (gpu.events.erase((Event*)event) == 0) return INVALID_HANDLE;
  gpu.drain();
  delete (Event*)event;
  return SUCCESS;
}

int cuEventRecord(void* handle, void* stream) {
  REQUIRE_CONTEXT;
  Event* event = (Event*)handle;
  if (gpu.events.count(event) == 0) return INVALID_HANDLE;
  long number = ++event->recorded;
  return put(stream, [=] {
    event->passed = number;
    event->milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
  });
}

// Only as much is done as must be.
int cuEventSynchronize(void* handle) {
  REQUIRE_CONTEXT;
  Event* event = (Event*)handle;
  if (gpu.events.count(event) == 0) return INVALID_HANDLE;
  while (event->passed < event->recorded && !gpu.queue.empty()) gpu.step();
  return state();
}

int cuEventElapsedTime(float* milliseconds, void* from, void* to) {
  REQUIRE_CONTEXT;
  for (void* handle : {from, to}) {
    Event* event = (Event*)handle;
    if (gpu.events.count(event) == 0 || !event->keeps_time || event->recorded == 0) return INVALID_HANDLE;
    if (event->passed < event->recorded) return NOT_READY;
  }
  *milliseconds = (float)(((Event*)to)->milliseconds - ((Event*)from)->milliseconds);
  return SUCCESS;
}

int cuModuleLoadData(void** module, const void* image) {
  REQUIRE_CONTEXT;
  if (stand_in::is_full_at("module")) return OUT_OF_MEMORY;
  uint32_t magic;
  memcpy(&magic, image, sizeof magic);
  Module* loaded;
  if (magic == FATBIN_MAGIC) {
    if (getenv("TALLREC_STAND_IN_REFUSE_BINARIES")) return NO_BINARY_FOR_GPU;
    // A header of 16 bytes: magic, version, its own size, the size of what follows.
    uint16_t header;
    uint64_t size;
    memcpy(&header, (const char*)image + 6, sizeof header);
    memcpy(&size, (const char*)image + 8, sizeof size);
    loaded = new Module{std::string((const char*)image, header + size), false};
  } else {
    loaded = new Module{std::string((const char*)image), true};
    if (!contains(loaded->image, ".version 7.4")) stand_in::die("this is no PTX for drivers of R470");
  }
  gpu.modules.insert(loaded);
  *module = loaded;
  return SUCCESS;
}

int cuModuleUnload(void* module) {
  REQUIRE_CONTEXT;
  if (gpu.modules.erase((Module*)module) == 0) return INVALID_HANDLE;
  if (!gpu.queue.empty()) stand_in::die("kernels are unloaded before they are done");
  delete (Module*)module;
  return SUCCESS;
}

int cuModuleGetFunction(void** function, void* handle, const char* name) {
  REQUIRE_CONTEXT;
  Module* module = (Module*)handle;
  if (gpu.modules.count(module) == 0) return INVALID_HANDLE;
  // In machine code a section, in PTX an entry has the name.
  std::string wanted = module->is_ptx ? std::string(".entry ") + name + "(" : std::string(".text.") + name + '\0';
  if (!contains(module->image, wanted)) return NOT_FOUND;
  // Machine code of a newer CUDA than the driver's, which loads each kernel when it is asked for: that one can be loaded says nothing of the others.
  constexpr int OLDEST_COMPILER = 12000;
  if (!module->is_ptx && driver_version() < OLDEST_COMPILER && module->functions++ > 0) return INVALID_IMAGE;
  int sizes[MOST_PARAMETERS];
  int count = tallrec_emulated_parameters(name, sizes, MOST_PARAMETERS);
  if (count < 0 || count > MOST_PARAMETERS) stand_in::die("a kernel that the emulated device does not have");
  gpu.functions.push_back(new Function{name, std::vector<int>(sizes, sizes + count)});
  *function = gpu.functions.back();
  return SUCCESS;
}

int cuLaunchKernel(void* handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
                   unsigned shared_bytes, void* stream, void** parameters, void** extra) {
  REQUIRE_CONTEXT;
  constexpr unsigned MOST_BLOCKS = 0x7FFFFFFF, MOST_BLOCKS_ACROSS = 65535, MOST_THREADS = 1024;
  if (grid_x < 1 || grid_x > MOST_BLOCKS || grid_y < 1 || grid_y > MOST_BLOCKS_ACROSS || grid_z < 1 || grid_z > MOST_BLOCKS_ACROSS) return INVALID_VALUE;
  if (block_x < 1 || block_x > MOST_THREADS || block_y != 1 || block_z != 1 || shared_bytes != 0 || extra != nullptr) return INVALID_VALUE;
  Function* function = (Function*)handle;
  // Parameters are taken at the launch; what lies behind a short one is not looked at.
  std::vector<uint64_t> values;
  for (int size : function->parameter_sizes) {
    uint64_t value = 0xCCCCCCCCCCCCCCCC;
    memcpy(&value, parameters[values.size()], size);
    values.push_back(value);
  }
  return put(stream, [=]() mutable {
    std::vector<void*> arguments;
    for (uint64_t& value : values) arguments.push_back(&value);
    const char* problem = tallrec_emulated_launch(function->name.c_str(), grid_x, grid_y, grid_z, block_x, arguments.data(), 0);
    if (problem != nullptr) {
      fprintf(stderr, "stand-in: %s: %s\n", function->name.c_str(), problem);
      gpu.failed = true;
    }
  });
}

// What JCuda asks to put an error into words.
int cuGetErrorString(int, const char** text) {
  *text = "of the stand-in";
  return SUCCESS;
}

}  // extern "C"
