// What threads do with memory; watch.h says what is looked for. A launch runs on one operating system thread.
#include "watch.h"

#include <link.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "emulation.h"

namespace tallrec {

// The smallest piece that a kernel reads or writes.
constexpr uintptr_t GRANULE = 2;
constexpr int LANES = 32;
constexpr uintptr_t SECTOR = 32, BANK = 4;

// Who accessed a granule, when. Several readers are remembered as one: those of a warp, of a block, or of several blocks.
struct Who {
  enum Kind { NOBODY, THREAD, WARP, BLOCK, BLOCKS } kind = NOBODY;
  uint64_t block = 0;
  Clock at = {};

  // Whether something orders what was done there before what `other` does: the same thread, or a barrier that both pass.
  bool is_before(const Who& other) const {
    if (kind == NOBODY) return true;
    if (kind == BLOCKS || block != other.block) return false;
    if (kind == THREAD && other.kind == THREAD && at.thread == other.at.thread) return true;
    if (other.at.block_barriers > at.block_barriers) return true;
    return kind != BLOCK && at.thread / LANES == other.at.thread / LANES && other.at.warp_barriers > at.warp_barriers;
  }

  void join(const Who& other) {
    if (is_before(other)) {
      *this = other;
      return;
    }
    kind = kind == BLOCKS || block != other.block                                      ? BLOCKS
           : kind == BLOCK || at.thread / LANES != other.at.thread / LANES             ? BLOCK
                                                                                       : WARP;
  }

  std::string name() const {
    std::string in = " of block " + std::to_string(block);
    switch (kind) {
      case THREAD: return "thread " + std::to_string(at.thread) + in;
      case WARP: return "warp " + std::to_string(at.thread / LANES) + in;
      case BLOCK: return "several warps" + in;
      default: return "several blocks";
    }
  }
};

struct Granule {
  uint64_t owner = 0;  // of shared memory the block that the rest is about
  Who writer, readers;
};

// Granules by address, a page of 4 KiB at once.
class Shadow {
  struct Page {
    Granule granules[4096 / GRANULE];
  };
  std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages;
  uintptr_t last_number = 0;
  Page* last = nullptr;

 public:
  Granule& at(uintptr_t address, uint64_t owner) {
    uintptr_t number = address / 4096;
    if (last == nullptr || number != last_number) {
      std::unique_ptr<Page>& page = pages[number];
      if (page == nullptr) page.reset(new Page());
      last = page.get();
      last_number = number;
    }
    Granule& granule = last->granules[address % 4096 / GRANULE];
    if (granule.owner != owner) granule = {owner, {}, {}};
    return granule;
  }

  void clear() {
    pages.clear();
    last = nullptr;
  }
};

// What an instruction's accesses came to. Pieces: sectors of global memory, or turns that the banks of shared memory need.
struct Traffic {
  uint64_t requests = 0, pieces = 0, least_pieces = 0;
};

// An instruction of a kernel, and the times that lanes of a warp have come to it and others have not yet.
struct Instruction {
  struct Instance {
    int lanes = 0;
    uintptr_t addresses[LANES] = {};
  };
  struct Warp {
    std::deque<Instance> waiting;
    uint64_t done = 0, times[LANES] = {};
  };
  uintptr_t code = 0;
  size_t size = 0;
  bool is_shared = false, is_write = false;
  std::vector<Warp> warps;
  Traffic traffic;
};

struct Watch {
  uint64_t blocks = 0, block = 0;
  uintptr_t shared_start = 0, shared_end = 0, code_start = 0;
  Shadow global, shared;
  // By kernel, and by address of the code behind the call, kind of access and space.
  using Instructions = std::unordered_map<uintptr_t, Instruction>;
  std::map<std::string, Instructions> kernels;
  Instructions* instructions = nullptr;
  std::string fault;
};

static Watch state;

// Not while the library is loaded, whose initialization the compiler shows, too.
static bool is_running = false;

// Pieces of `piece` bytes that lanes from `first` to before `last` touch, each once.
static std::vector<uintptr_t> touched(const Instruction::Instance& instance, size_t size, uintptr_t piece, int first, int last) {
  std::vector<uintptr_t> pieces;
  for (int lane = first; lane < last; lane++) {
    uintptr_t address = instance.addresses[lane];
    if (address == 0) continue;
    for (uintptr_t number = address / piece; number <= (address + size - 1) / piece; number++) pieces.push_back(number);
  }
  std::sort(pieces.begin(), pieces.end());
  pieces.erase(std::unique(pieces.begin(), pieces.end()), pieces.end());
  return pieces;
}

// Sectors, and how few they would be if the same bytes lay side by side.
static void count_sectors(Traffic& traffic, const Instruction::Instance& instance, size_t size) {
  traffic.pieces += touched(instance, size, SECTOR, 0, LANES).size();
  traffic.least_pieces += (touched(instance, size, GRANULE, 0, LANES).size() * GRANULE + SECTOR - 1) / SECTOR;
}

// Turns: lanes whose words are no more than the banks share one as far as the banks allow, and lanes that want the same word always do.
static void count_turns(Traffic& traffic, const Instruction::Instance& instance, size_t size) {
  int group = size <= BANK ? LANES : std::max<int>(1, LANES * BANK / size);
  for (int first = 0; first < LANES; first += group) {
    int in_bank[LANES] = {};
    for (uintptr_t word : touched(instance, size, BANK, first, first + group)) in_bank[word % LANES]++;
    int turns = *std::max_element(in_bank, in_bank + LANES);
    traffic.pieces += turns;
    traffic.least_pieces += turns > 0;
  }
}

static void count(Instruction& instruction, const Instruction::Instance& instance) {
  instruction.traffic.requests++;
  (instruction.is_shared ? count_turns : count_sectors)(instruction.traffic, instance, instruction.size);
}

// The n-th time of one lane belongs to the n-th time of the others.
static void see(Access access, uintptr_t address, size_t size, bool is_shared, uintptr_t code, unsigned thread) {
  Instruction& instruction = (*state.instructions)[(code - state.code_start) * 8 + (int)access * 2 + is_shared];
  instruction.code = code - state.code_start;
  instruction.size = size;
  instruction.is_shared = is_shared;
  instruction.is_write = access == Access::WRITE;
  unsigned index = thread / LANES, lane = thread % LANES;
  if (instruction.warps.size() <= index) instruction.warps.resize(index + 1);
  Instruction::Warp& warp = instruction.warps[index];
  uint64_t at = warp.times[lane]++ - warp.done;
  while (warp.waiting.size() <= at) warp.waiting.emplace_back();
  warp.waiting[at].addresses[lane] = address;
  warp.waiting[at].lanes++;
  while (!warp.waiting.empty() && warp.waiting.front().lanes == LANES) {
    count(instruction, warp.waiting.front());
    warp.waiting.pop_front();
    warp.done++;
  }
}

static void report(const Who& self, const char* does, bool is_shared, const std::string& what, uintptr_t code) {
  char where[40];
  snprintf(where, sizeof where, " (code at +0x%zx)", (size_t)(code - state.code_start));
  state.fault = self.name() + does + (is_shared ? "shared" : "global") + " memory that " + what + where;
  trap(state.fault.c_str());
}

void watch(Access access, const void* pointer, size_t size, const void* code_pointer) {
  if (!is_running || is_own_stack(pointer)) return;
  auto address = reinterpret_cast<uintptr_t>(pointer), code = reinterpret_cast<uintptr_t>(code_pointer);
  bool is_shared = address >= state.shared_start && address < state.shared_end;
  if (is_shared) {
    for (const Dim3* index : {&threadIdx, &blockIdx, &blockDim, &gridDim}) {
      if (pointer >= index && pointer < index + 1) return;
    }
  }
  bool is_write = access == Access::WRITE || access == Access::ARRIVAL;
  Who self{access == Access::MATRIX_ROW ? Who::WARP : Who::THREAD, state.block, clock()};
  for (uintptr_t at = address; at < address + size; at += GRANULE) {
    Granule& granule = is_shared ? state.shared.at(at, state.blocks) : state.global.at(at, 0);
    if (!granule.writer.is_before(self)) {
      report(self, is_write ? " writes " : " reads ", is_shared, granule.writer.name() + " writes, in no order", code);
    }
    if (is_write) {
      if (!granule.readers.is_before(self)) {
        report(self, " writes ", is_shared, granule.readers.name() + " reads, in no order", code);
      }
      granule.writer = self;
      granule.readers = {};
    } else {
      if (is_shared && granule.writer.kind == Who::NOBODY) report(self, " reads ", true, "nobody has written", code);
      granule.readers.join(self);
    }
  }
  if (access != Access::ARRIVAL) see(access, address, size, is_shared, code, self.at.thread);
}

// Finds this thread's copy of the library's thread-local variables, among which shared memory is.
static int find_shared(dl_phdr_info* info, size_t, void*) {
  auto here = reinterpret_cast<uintptr_t>(&find_shared);
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || here < info->dlpi_addr + header.p_vaddr || here >= info->dlpi_addr + header.p_vaddr + header.p_memsz) continue;
    for (int t = 0; t < info->dlpi_phnum; t++) {
      if (info->dlpi_phdr[t].p_type != PT_TLS) continue;
      state.shared_start = reinterpret_cast<uintptr_t>(info->dlpi_tls_data);
      state.shared_end = state.shared_start + info->dlpi_phdr[t].p_memsz;
    }
    state.code_start = info->dlpi_addr;
    return 1;
  }
  return 0;
}

void watch_launch(const char* kernel) {
  // Shared memory exists once this thread has touched it.
  threadIdx = {};
  dl_iterate_phdr(find_shared, nullptr);
  state.instructions = &state.kernels[kernel];
  state.fault.clear();
  state.global.clear();
}

void watch_block(uint64_t block) {
  is_running = true;
  state.block = block;
  state.blocks++;
}

void watch_block_end() {
  is_running = false;
  for (auto& [key, instruction] : *state.instructions) {
    for (Instruction::Warp& warp : instruction.warps) {
      for (const Instruction::Instance& instance : warp.waiting) count(instruction, instance);
      warp = {};
    }
  }
}

}  // namespace tallrec

// A line for every instruction that has accessed memory: kernel, "shared" or "global", "read" or "write", bytes a lane, where its code is, how often
// a warp came to it, sectors or turns of the banks, and the least that the same bytes need. Returns how long the text is; where it fits, it is written
// and what it tells begins anew.
extern "C" int64_t tallrec_watched_traffic(char* text, int64_t room) {
  std::string all;
  for (const auto& [kernel, instructions] : tallrec::state.kernels) {
    for (const auto& [key, instruction] : instructions) {
      char line[300];
      snprintf(line, sizeof line, "%s\t%s\t%s\t%zu\t0x%zx\t%llu\t%llu\t%llu\n", kernel.c_str(), instruction.is_shared ? "shared" : "global",
               instruction.is_write ? "write" : "read", instruction.size, (size_t)instruction.code,
               (unsigned long long)instruction.traffic.requests, (unsigned long long)instruction.traffic.pieces,
               (unsigned long long)instruction.traffic.least_pieces);
      all += line;
    }
  }
  if ((int64_t)all.size() <= room) {
    memcpy(text, all.data(), all.size());
    tallrec::state.kernels.clear();
  }
  return all.size();
}

// What the compiler calls.
#define CALLED(SIZE)                                                                                                                        \
  extern "C" void __tsan_read##SIZE(void* at) { tallrec::watch(tallrec::Access::READ, at, SIZE, __builtin_return_address(0)); }                \
  extern "C" void __tsan_write##SIZE(void* at) { tallrec::watch(tallrec::Access::WRITE, at, SIZE, __builtin_return_address(0)); }              \
  extern "C" void __tsan_unaligned_read##SIZE(void* at) { tallrec::watch(tallrec::Access::READ, at, SIZE, __builtin_return_address(0)); }      \
  extern "C" void __tsan_unaligned_write##SIZE(void* at) { tallrec::watch(tallrec::Access::WRITE, at, SIZE, __builtin_return_address(0)); }
CALLED(1)
CALLED(2)
CALLED(4)
CALLED(8)
CALLED(16)
extern "C" void __tsan_read_range(void* at, size_t size) { tallrec::watch(tallrec::Access::READ, at, size, __builtin_return_address(0)); }
extern "C" void __tsan_write_range(void* at, size_t size) { tallrec::watch(tallrec::Access::WRITE, at, size, __builtin_return_address(0)); }
extern "C" void __tsan_init() {}
