package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class HostBufferTest {

  @Test
  void memoryOfADeviceIsOutsideTheHeap() {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment outside = arena.allocate(8);
      assertThat(HostBuffer.of(new HostBuffer(outside))).isSameAs(outside);
    }
    HostBuffer inside = new HostBuffer(MemorySegment.ofArray(new byte[8]));
    assertThatThrownBy(() -> HostBuffer.of(inside))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("outside the heap");
  }
}
