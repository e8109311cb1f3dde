// Runs blocks of fibers and offers what the tests call: launch, gemm.
#include "emulation.h"

#include <atomic>
#include <map>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

thread_local Dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace tallrec {

static std::map<std::string, Kernel>& kernels() {
  static std::map<std::string, Kernel> all;
  return all;
}

Registration::Registration(const char* name, Kernel kernel) { kernels()[name] = std::move(kernel); }

enum class State { READY, AT_WARP, AT_BLOCK, DONE };

constexpr size_t STACK = 256 * 1024;

struct Fiber {
  std::unique_ptr<char[]> stack{new char[STACK]};
  void* stack_pointer = nullptr;
  State state = State::DONE;
  int exchanges = 0;
  uint32_t block_barriers = 0, warp_barriers = 0;
  std::vector<Copy> copies;
};

// The fibers of one operating system thread, which runs one block after the other.
struct Scheduler {
  std::vector<Fiber> fibers;
  std::vector<Exchange> exchanges;
  void* main_stack_pointer = nullptr;
  unsigned current = 0;
  const Launcher* kernel = nullptr;
  void** arguments = nullptr;
  const char* fault = nullptr;
  uint64_t blocks = 0;
};

static thread_local Scheduler scheduler;

#if defined(__x86_64__)
// Saves the registers that a call must keep, changes stacks.
asm(R"(
.text
.globl tallrec_switch
.hidden tallrec_switch
.type tallrec_switch, @function
tallrec_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size tallrec_switch, .-tallrec_switch
)");
#else
#error "the emulation switches fibers on x86-64 only"
#endif
extern "C" void tallrec_switch(void** save, void* load);

static void yield(State state) {
  Fiber& self = scheduler.fibers[scheduler.current];
  self.state = state;
  tallrec_switch(&self.stack_pointer, scheduler.main_stack_pointer);
}

static void fiber_main() {
  (*scheduler.kernel)(scheduler.arguments);
  yield(State::DONE);
  __builtin_trap();
}

static void prepare(Fiber& fiber) {
  // Room for six registers and a return address; the stack is 16-byte aligned plus 8 at a function's entry.
  auto top = reinterpret_cast<uintptr_t>(fiber.stack.get() + STACK) & ~uintptr_t(15);
  void** stack = reinterpret_cast<void**>(top - 64);
  for (int i = 0; i < 6; i++) stack[i] = nullptr;
  stack[6] = reinterpret_cast<void*>(&fiber_main);
  fiber.stack_pointer = stack;
  fiber.state = State::READY;
  fiber.exchanges = 0;
  fiber.block_barriers = fiber.warp_barriers = 0;
  fiber.copies.clear();
}

void block_barrier() {
  scheduler.fibers[scheduler.current].block_barriers++;
  yield(State::AT_BLOCK);
}

void warp_barrier() {
  scheduler.fibers[scheduler.current].warp_barriers++;
  yield(State::AT_WARP);
}

void warp_meeting() { yield(State::AT_WARP); }

Clock clock() {
  const Fiber& self = scheduler.fibers[scheduler.current];
  return {scheduler.current, self.block_barriers, self.warp_barriers};
}

bool is_own_stack(const void* address) {
  const char* stack = scheduler.fibers[scheduler.current].stack.get();
  return address >= stack && address < stack + STACK;
}

Exchange& next_exchange() {
  Fiber& self = scheduler.fibers[scheduler.current];
  return scheduler.exchanges[scheduler.current / 32 * 2 + self.exchanges++ % 2];
}

void trap(const char* message) {
  scheduler.fault = message;
  yield(State::DONE);
  __builtin_trap();
}

uint64_t blocks_begun() { return scheduler.blocks; }

void add_copy(const Copy& copy) { scheduler.fibers[scheduler.current].copies.push_back(copy); }

void finish_copies() {
  std::vector<Copy>& copies = scheduler.fibers[scheduler.current].copies;
  for (const Copy& copy : copies) {
    memcpy(copy.target, copy.source, copy.from_source);
    memset(static_cast<char*>(copy.target) + copy.from_source, 0, copy.size - copy.from_source);
    watch(Access::ARRIVAL, copy.target, copy.size, copy.code);
  }
  copies.clear();
}

// Lets fibers go on that all others of their warp, or of the block, have caught up with. Says whether there were any.
static bool release(unsigned threads) {
  bool released = false;
  for (unsigned warp = 0; warp < threads; warp += 32) {
    unsigned end = std::min(warp + 32, threads), waiting = 0, alive = 0;
    for (unsigned i = warp; i < end; i++) {
      alive += scheduler.fibers[i].state != State::DONE;
      waiting += scheduler.fibers[i].state == State::AT_WARP;
    }
    if (waiting > 0 && waiting == alive) {
      released = true;
      for (unsigned i = warp; i < end; i++) {
        if (scheduler.fibers[i].state == State::AT_WARP) scheduler.fibers[i].state = State::READY;
      }
    }
  }
  unsigned waiting = 0, alive = 0;
  for (unsigned i = 0; i < threads; i++) {
    alive += scheduler.fibers[i].state != State::DONE;
    waiting += scheduler.fibers[i].state == State::AT_BLOCK;
  }
  if (waiting > 0 && waiting == alive) {
    released = true;
    for (unsigned i = 0; i < threads; i++) {
      if (scheduler.fibers[i].state == State::AT_BLOCK) scheduler.fibers[i].state = State::READY;
    }
  }
  return released || alive == 0;
}

static bool alive(unsigned threads) {
  for (unsigned i = 0; i < threads; i++) {
    if (scheduler.fibers[i].state != State::DONE) return true;
  }
  return false;
}

// Runs one block; order 1 runs its threads from the last to the first.
static void run_block(unsigned threads, int order) {
  while (scheduler.fibers.size() < threads) scheduler.fibers.emplace_back();
  scheduler.exchanges.resize((threads + 31) / 32 * 2);
  for (unsigned i = 0; i < threads; i++) prepare(scheduler.fibers[i]);
  scheduler.blocks++;
  while (alive(threads)) {
    for (unsigned i = 0; i < threads; i++) {
      unsigned index = order == 1 ? threads - 1 - i : i;
      Fiber& fiber = scheduler.fibers[index];
      if (fiber.state != State::READY) continue;
      scheduler.current = index;
      threadIdx = {index, 0, 0};
      tallrec_switch(&scheduler.main_stack_pointer, fiber.stack_pointer);
      if (scheduler.fault != nullptr) throw std::runtime_error(scheduler.fault);
    }
    if (!release(threads)) throw std::runtime_error("threads of a block wait at different barriers");
  }
}

static void run_grid(const Launcher& kernel, Dim3 grid, unsigned threads, void** arguments, int order) {
  uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
  unsigned workers = IS_WATCHED || blocks < 4 ? 1 : std::max(1u, std::thread::hardware_concurrency());
  std::atomic<uint64_t> next{0};
  std::vector<std::string> failures(workers);
  auto work = [&](unsigned worker) {
    scheduler.kernel = &kernel;
    scheduler.arguments = arguments;
    scheduler.fault = nullptr;
    blockDim = {threads, 1, 1};
    gridDim = grid;
    try {
      for (uint64_t i = next++; i < blocks; i = next++) {
        uint64_t block = order == 1 ? blocks - 1 - i : i;
        blockIdx = {(unsigned)(block % grid.x), (unsigned)(block / grid.x % grid.y), (unsigned)(block / grid.x / grid.y)};
        watch_block(block);
        run_block(threads, order);
        watch_block_end();
      }
    } catch (const std::exception& e) {
      failures[worker] = e.what();
      watch_block_end();
    }
  };
  std::vector<std::thread> others;
  for (unsigned worker = 1; worker < workers; worker++) others.emplace_back(work, worker);
  work(0);
  for (std::thread& other : others) other.join();
  for (const std::string& failure : failures) {
    if (!failure.empty()) throw std::runtime_error(failure);
  }
}

template <class T>
static void multiply(int m, int n, int k, bool transpose_b, const T* a, int64_t lda, const T* b, int64_t ldb, bool accumulate, T* c,
                     int64_t ldc) {
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) {
      float sum = accumulate ? to_float(c[i * ldc + j]) : 0;
      for (int p = 0; p < k; p++) sum += to_float(a[i * lda + p]) * to_float(transpose_b ? b[j * ldb + p] : b[p * ldb + j]);
      c[i * ldc + j] = from_float<T>(sum);
    }
  }
}

}  // namespace tallrec

// Launches a kernel by name; returns null, or what went wrong.
extern "C" const char* tallrec_emulated_launch(const char* name, int grid_x, int grid_y, int grid_z, int threads, void** arguments, int order) {
  static thread_local std::string message;
  auto found = tallrec::kernels().find(name);
  if (found == tallrec::kernels().end()) return "there is no such kernel";
  if (grid_x < 1 || grid_y < 1 || grid_z < 1 || grid_y > 65535 || grid_z > 65535 || threads < 1 || threads > 1024) {
    return "a grid or block of impossible size";
  }
  try {
    tallrec::watch_launch(name);
    tallrec::run_grid(found->second.launch, {(unsigned)grid_x, (unsigned)grid_y, (unsigned)grid_z}, threads, arguments, order);
    return nullptr;
  } catch (const std::exception& e) {
    message = e.what();
    return message.c_str();
  }
}

// Writes the sizes of a kernel's parameters, of which there are no more than `room`; returns how many, or -1 if there is no such kernel.
extern "C" int tallrec_emulated_parameters(const char* name, int* sizes, int room) {
  auto found = tallrec::kernels().find(name);
  if (found == tallrec::kernels().end()) return -1;
  const std::vector<int>& all = found->second.parameter_sizes;
  for (int i = 0; i < room && i < (int)all.size(); i++) sizes[i] = all[i];
  return (int)all.size();
}

// Row-major c[m, n] (+)= a[m, k] b, b [k, n] or, transposed, [n, k]. type: 0 fp32, 1 fp16, 2 bf16.
extern "C" void tallrec_emulated_gemm(int type, int m, int n, int k, int transpose_b, const void* a, int64_t lda, const void* b, int64_t ldb,
                                      int accumulate, void* c, int64_t ldc) {
  using tallrec::multiply;
  switch (type) {
    case 0: multiply(m, n, k, transpose_b, (const float*)a, lda, (const float*)b, ldb, accumulate, (float*)c, ldc); break;
    case 1: multiply(m, n, k, transpose_b, (const half_t*)a, lda, (const half_t*)b, ldb, accumulate, (half_t*)c, ldc); break;
    default: multiply(m, n, k, transpose_b, (const bf16_t*)a, lda, (const bf16_t*)b, ldb, accumulate, (bf16_t*)c, ldc); break;
  }
}
