// What the instructions of PTX do, for kernels that ptx.awk has turned into calls of these: nvcc's own code on the emulated device. Registers hold
// bits, of whatever type. A device traps on addresses that are not aligned and on those outside of shared memory: here the launch fails.
#pragma once

#include <cmath>
#include <tuple>
#include <type_traits>

#include "emulation.h"

namespace tallrec::ptx {

constexpr unsigned MOST_SHARED_BYTES = 48 * 1024;

struct SharedMemory {
  alignas(128) char bytes[MOST_SHARED_BYTES];
  unsigned size;
  uint64_t block;
};
inline thread_local SharedMemory shared;

// What each thread of a block does first. The first one finds shared memory as no block before it has left it: NaN in every type.
inline void begin(unsigned shared_bytes, unsigned most_threads) {
  if (blockDim.x > most_threads) trap("more threads than the kernel was compiled for");
  if (shared_bytes > MOST_SHARED_BYTES) trap("more shared memory than a block has");
  if (shared.block != blocks_begun()) {
    shared.block = blocks_begun();
    memset(shared.bytes, 0xFF, sizeof shared.bytes);
  }
  shared.size = shared_bytes;
}

template <class T, class B> inline T as(B bits) {
  if constexpr (std::is_floating_point_v<T>) {
    T value;
    std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> same = bits;
    memcpy(&value, &same, sizeof value);
    return value;
  } else {
    return static_cast<T>(bits);
  }
}

template <class R, class T> inline void set(R& target, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(R) == sizeof(T));
    memcpy(&target, &value, sizeof value);
  } else {
    target = static_cast<R>(value);
  }
}

using Register16 = uint16_t;
using Register32 = uint32_t;
using Register64 = uint64_t;

#define CONVERSION(name, To, From, T, result) \
  inline void name(To& target, From x) { \
    T a = as<T>(x); \
    set(target, result); \
  }
#define UNARY(name, R, T, result) CONVERSION(name, R, R, T, result)
#define BINARY(name, R, T, result) \
  inline void name(R& target, R x, R y) { \
    T a = as<T>(x), b = as<T>(y); \
    set(target, result); \
  }
#define TERNARY(name, R, T, result) \
  inline void name(R& target, R x, R y, R z) { \
    T a = as<T>(x), b = as<T>(y), c = as<T>(z); \
    set(target, result); \
  }

// Sums and low products of signed numbers are those of unsigned ones.
BINARY(add_s32, Register32, uint32_t, a + b)
BINARY(add_s64, Register64, uint64_t, a + b)
BINARY(sub_s32, Register32, uint32_t, a - b)
BINARY(sub_s64, Register64, uint64_t, a - b)
BINARY(mul_lo_s32, Register32, uint32_t, a* b)
BINARY(mul_lo_s64, Register64, uint64_t, a* b)
TERNARY(mad_lo_s32, Register32, uint32_t, a* b + c)
BINARY(min_s32, Register32, int32_t, a < b ? a : b)
BINARY(min_s64, Register64, int64_t, a < b ? a : b)
BINARY(max_s32, Register32, int32_t, a > b ? a : b)
BINARY(max_s64, Register64, int64_t, a > b ? a : b)

inline void mul_wide_s32(Register64& target, Register32 a, Register32 b) { target = (int64_t)(int32_t)a * (int32_t)b; }
inline void mul_wide_u32(Register64& target, Register32 a, Register32 b) { target = (uint64_t)a * b; }
inline void mul_wide_u16(Register32& target, Register16 a, Register16 b) { target = (uint32_t)a * b; }

template <class T> inline T quotient(T a, T b) {
  if (b == 0) trap("a division by zero");
  return a / b;
}
BINARY(div_s32, Register32, int32_t, quotient(a, b))
BINARY(div_u32, Register32, uint32_t, quotient(a, b))
BINARY(div_s64, Register64, int64_t, quotient(a, b))

BINARY(and_b32, Register32, uint32_t, a& b)
BINARY(and_b64, Register64, uint64_t, a& b)
BINARY(and_pred, bool, bool, a && b)
BINARY(or_b32, Register32, uint32_t, a | b)
BINARY(or_b64, Register64, uint64_t, a | b)
BINARY(or_pred, bool, bool, a || b)
BINARY(xor_b32, Register32, uint32_t, a ^ b)
BINARY(xor_b64, Register64, uint64_t, a ^ b)
UNARY(not_b32, Register32, uint32_t, ~a)
UNARY(not_b64, Register64, uint64_t, ~a)
UNARY(not_pred, bool, bool, !a)

// By as many bits as there are, or more, shifts out all.
template <class T> inline T shifted_left(T a, uint32_t bits) { return bits >= 8 * sizeof(T) ? 0 : a << bits; }
template <class T> inline T shifted_right(T a, uint32_t bits) { return a >> std::min<uint32_t>(bits, 8 * sizeof(T) - 1) >> (bits >= 8 * sizeof(T)); }
inline void shl_b32(Register32& target, Register32 a, uint32_t bits) { target = shifted_left(a, bits); }
inline void shl_b64(Register64& target, Register64 a, uint32_t bits) { target = shifted_left(a, bits); }
inline void shr_u32(Register32& target, Register32 a, uint32_t bits) { target = shifted_right(a, bits); }
inline void shr_s32(Register32& target, Register32 a, uint32_t bits) { target = shifted_right((int32_t)a, bits); }
inline void shr_u64(Register64& target, Register64 a, uint32_t bits) { target = shifted_right(a, bits); }

// The low `length` bits of a in the place of those of b from `position` on.
inline void bfi_b32(Register32& target, Register32 a, Register32 b, uint32_t position, uint32_t length) {
  uint32_t mask = shifted_left(shifted_left(1u, length) - 1, position);
  target = (shifted_left(a, position) & mask) | (b & ~mask);
}

inline void brev_b32(Register32& target, Register32 a) {
  target = 0;
  for (int i = 0; i < 32; i++) target |= (a >> i & 1) << (31 - i);
}
// By how much the highest bit that is set must be shifted to be the first; -1 if there is none.
inline void bfind_shiftamt_u32(Register32& target, Register32 a) { target = a == 0 ? -1 : __builtin_clz(a); }

BINARY(add_f32, Register32, float, a + b)
BINARY(add_f64, Register64, double, a + b)
BINARY(sub_f32, Register32, float, a - b)
BINARY(mul_f32, Register32, float, a* b)
BINARY(div_rn_f32, Register32, float, a / b)
BINARY(max_f32, Register32, float, fmaxf(a, b))
TERNARY(fma_rn_f32, Register32, float, fmaf(a, b, c))
TERNARY(fma_rn_f64, Register64, double, fma(a, b, c))
UNARY(neg_f32, Register32, float, -a)
UNARY(rcp_rn_f32, Register32, float, 1 / a)
UNARY(sqrt_rn_f32, Register32, float, sqrtf(a))
UNARY(cvt_sat_f32_f32, Register32, float, a > 0 ? fminf(a, 1) : 0.0f)

// Results below the normal numbers are 0.
inline float exp2_flushed(float x) { return x < -126 ? 0 : exp2f(x); }
UNARY(ex2_approx_ftz_f32, Register32, float, exp2_flushed(a))

// Rounded down. A product of two floats is exact as a double; so is what their sum with a third loses.
inline float fma_down(float a, float b, float c) {
  double product = (double)a * b, sum = product + c;
  double of_product = sum - c, lost = (product - of_product) + (c - (sum - of_product));
  float nearest = (float)sum;
  bool is_above = nearest > sum || (nearest == sum && lost < 0);
  return is_above ? nextafterf(nearest, -INFINITY) : nearest;
}
TERNARY(fma_rm_f32, Register32, float, fma_down(a, b, c))

#define COMPARISONS(type, R, T) \
  inline void setp_lt_##type(bool& target, R x, R y) { target = as<T>(x) < as<T>(y); } \
  inline void setp_le_##type(bool& target, R x, R y) { target = as<T>(x) <= as<T>(y); } \
  inline void setp_gt_##type(bool& target, R x, R y) { target = as<T>(x) > as<T>(y); } \
  inline void setp_ge_##type(bool& target, R x, R y) { target = as<T>(x) >= as<T>(y); } \
  inline void setp_eq_##type(bool& target, R x, R y) { target = as<T>(x) == as<T>(y); } \
  inline void setp_ne_##type(bool& target, R x, R y) { target = as<T>(x) != as<T>(y); }
COMPARISONS(s16, Register16, int16_t)
COMPARISONS(s32, Register32, int32_t)
COMPARISONS(u32, Register32, uint32_t)
COMPARISONS(s64, Register64, int64_t)
COMPARISONS(f32, Register32, float)
inline void setp_eq_b32(bool& target, Register32 x, Register32 y) { target = x == y; }

#define CHOICE(type, R) \
  inline void selp_##type(R& target, R a, R b, bool is_a) { target = is_a ? a : b; }
CHOICE(u16, Register16)
CHOICE(b32, Register32)
CHOICE(u32, Register32)
CHOICE(f32, Register32)
CHOICE(b64, Register64)

#define MOVE(type, R) \
  inline void mov_##type(R& target, R source) { target = source; }
MOVE(pred, bool)
MOVE(u16, Register16)
MOVE(u32, Register32)
MOVE(b32, Register32)
MOVE(f32, Register32)
MOVE(u64, Register64)
MOVE(f64, Register64)

// Registers side by side, the lowest bits first.
template <class... R> inline auto vector(R&&... registers) { return std::forward_as_tuple(std::forward<R>(registers)...); }
template <class Low, class High> inline void mov_b32(Register32& target, std::tuple<Low, High> source) {
  target = (uint16_t)std::get<0>(source) | (uint32_t)(uint16_t)std::get<1>(source) << 16;
}
inline void mov_b32(std::tuple<Register16&, Register16&> target, Register32 source) {
  std::get<0>(target) = (uint16_t)source;
  std::get<1>(target) = (uint16_t)(source >> 16);
}

CONVERSION(cvt_u16_u32, Register16, Register32, uint32_t, a)
CONVERSION(cvt_u32_u64, Register32, Register64, uint64_t, a)
CONVERSION(cvt_u64_u32, Register64, Register32, uint32_t, a)
CONVERSION(cvt_s64_s32, Register64, Register32, int32_t, a)
CONVERSION(cvt_rn_f32_s32, Register32, Register32, int32_t, (float)a)
CONVERSION(cvt_f64_f32, Register64, Register32, float, (double)a)
CONVERSION(cvt_rn_f16_f32, Register16, Register32, float, from_float<half_t>(a).bits)
CONVERSION(cvt_rn_bf16_f32, Register16, Register32, float, from_float<bf16_t>(a).bits)
CONVERSION(cvt_f32_f16, Register32, Register16, uint16_t, to_float(half_t{a}))
inline void cvt_rn_f16x2_f32(Register32& target, Register32 high, Register32 low) { target = pack<half_t>(as<float>(low), as<float>(high)); }
inline void cvt_rn_bf16x2_f32(Register32& target, Register32 high, Register32 low) { target = pack<bf16_t>(as<float>(low), as<float>(high)); }

// Generic addresses are the host's; those of shared memory begin at 0.
inline void cvta_to_global_u64(Register64& target, Register64 address) { target = address; }
inline void cvta_shared_u64(Register64& target, Register64 address) { target = reinterpret_cast<uint64_t>(shared.bytes) + address; }

struct Global {
  static char* at(uint64_t address, unsigned size) {
    if (address % size != 0) trap("global memory is accessed at an address that is not aligned");
    return reinterpret_cast<char*>(address);
  }
};
struct Shared {
  static char* at(uint32_t address, unsigned size) {
    if (address % size != 0) trap("shared memory is accessed at an address that is not aligned");
    if (address + size > shared.size) trap("shared memory is accessed where the kernel has none");
    return shared.bytes + address;
  }
};

template <class T, class R> inline void take(R& target, const char*& from) {
  T value;
  memcpy(&value, from, sizeof value);
  target = static_cast<R>(value);
  from += sizeof value;
}
template <class Space, class T, class A, class... R> inline void load(A address, R&... targets) {
  constexpr unsigned size = sizeof(T) * sizeof...(R);
  const char* from = Space::at(address, size);
  (take<T>(targets, from), ...);
}
template <class Space, class T, class A, class... R> inline void store(A address, R... values) {
  constexpr unsigned size = sizeof(T) * sizeof...(R);
  T all[] = {static_cast<T>(values)...};
  memcpy(Space::at(address, size), all, size);
}

#define MEMORY(space, Space, Address, type, T) \
  template <class R> inline void ld_##space##_##type(R& target, Address address) { load<Space, T>(address, target); } \
  template <class R> inline void st_##space##_##type(Address address, R value) { store<Space, T>(address, value); } \
  template <class... R> inline void ld_##space##_v2_##type(std::tuple<R...> targets, Address address) { \
    std::apply([&](auto&... all) { load<Space, T>(address, all...); }, targets); \
  } \
  template <class... R> inline void st_##space##_v2_##type(Address address, std::tuple<R...> values) { \
    std::apply([&](auto... all) { store<Space, T>(address, all...); }, values); \
  } \
  template <class... R> inline void ld_##space##_v4_##type(std::tuple<R...> targets, Address address) { ld_##space##_v2_##type(targets, address); } \
  template <class... R> inline void st_##space##_v4_##type(Address address, std::tuple<R...> values) { st_##space##_v2_##type(address, values); }
#define MEMORIES(type, T) \
  MEMORY(global, Global, uint64_t, type, T) \
  MEMORY(shared, Shared, uint32_t, type, T)
MEMORIES(u16, uint16_t)
MEMORIES(s32, int32_t)
MEMORIES(u32, uint32_t)
MEMORIES(f32, uint32_t)
MEMORIES(f64, uint64_t)

#define PARAMETER(type, T) \
  inline void ld_param_##type(T& target, const char* parameter) { memcpy(&target, parameter, sizeof target); }
PARAMETER(u32, Register32)
PARAMETER(f32, Register32)
PARAMETER(u64, Register64)

inline void bar_sync(int) { block_barrier(); }
inline void bar_warp_sync(int) { warp_barrier(); }

inline void shfl_sync_bfly_b32(Register32& target, bool& is_inside, Register32 value, uint32_t mask, uint32_t clamp, uint32_t members) {
  if (clamp != 31 || members != 0xFFFFFFFF) trap("a shuffle of less than a warp");
  float bits = as<float>(value);
  set(target, __shfl_xor_sync(members, bits, mask));
  is_inside = true;
}

inline void vote_sync_ballot_b32(Register32& target, bool vote, uint32_t members) { target = __ballot_sync(members, vote); }

// All lanes of a warp must be at the same instruction.
inline void meet(int instruction) {
  Exchange& exchange = next_exchange();
  memcpy(exchange.bytes[threadIdx.x % 32], &instruction, sizeof instruction);
  warp_meeting();
  if (memcmp(exchange.bytes[0], &instruction, sizeof instruction) != 0) trap("lanes of a warp are not at the same instruction for tensor cores");
}

template <bool TRANSPOSED, class... R> inline void matrices(int instruction, std::tuple<R...> targets, uint32_t address) {
  meet(instruction);
  uint32_t fragment[4];
  ldmatrix<TRANSPOSED>(fragment, Shared::at(address, 16));
  std::apply([&](auto&... all) { int i = 0; ((all = fragment[i++]), ...); }, targets);
}
template <class... R> inline void ldmatrix_sync_aligned_m8n8_x4_shared_b16(int instruction, std::tuple<R...> targets, uint32_t address) {
  matrices<false>(instruction, targets, address);
}
template <class... R> inline void ldmatrix_sync_aligned_m8n8_x4_trans_shared_b16(int instruction, std::tuple<R...> targets, uint32_t address) {
  matrices<true>(instruction, targets, address);
}

template <class T, class D, class A, class B, class C> inline void product(int instruction, D targets, A left, B right, C start) {
  meet(instruction);
  float sums[4];
  uint32_t a[4], b[2];
  std::apply([&](auto... all) { int i = 0; ((sums[i++] = as<float>(all)), ...); }, start);
  std::apply([&](auto... all) { int i = 0; ((a[i++] = all), ...); }, left);
  std::apply([&](auto... all) { int i = 0; ((b[i++] = all), ...); }, right);
  mma(sums, a, b, T{});
  std::apply([&](auto&... all) { int i = 0; (set(all, sums[i++]), ...); }, targets);
}
template <class D, class A, class B, class C>
inline void mma_sync_aligned_m16n8k16_row_col_f32_f16_f16_f32(int instruction, D targets, A left, B right, C start) {
  product<half_t>(instruction, targets, left, right, start);
}
template <class D, class A, class B, class C>
inline void mma_sync_aligned_m16n8k16_row_col_f32_bf16_bf16_f32(int instruction, D targets, A left, B right, C start) {
  product<bf16_t>(instruction, targets, left, right, start);
}

// `from_source` bytes come from global memory, zeros behind them.
template <int SIZE> inline void copy(uint32_t target, uint64_t source, uint32_t from_source) {
  if (from_source != 0 && from_source != SIZE) trap("an asynchronous copy of a part");
  copy_async<SIZE>(Shared::at(target, SIZE), reinterpret_cast<const void*>(source), from_source != 0);
}
inline void cp_async_cg_shared_global(uint32_t target, uint64_t source, int size, uint32_t from_source) {
  if (size != 16) trap("an asynchronous copy past the first cache of other than 16 bytes");
  copy<16>(target, source, from_source);
}
inline void cp_async_ca_shared_global(uint32_t target, uint64_t source, int size, uint32_t from_source) {
  if (size != 4) trap("an asynchronous copy of other than 4 bytes");
  copy<4>(target, source, from_source);
}
inline void cp_async_wait_all() { finish_copies(); }

}  // namespace tallrec::ptx
