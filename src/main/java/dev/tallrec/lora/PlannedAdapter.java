package dev.tallrec.lora;

import dev.tallrec.backend.Matrix;
import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LowRank;
import dev.tallrec.llama.PlanningArena;
import dev.tallrec.llama.Projection;
import dev.tallrec.tensor.DType;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An adapter that has shapes but no memory, to plan workspaces with. */
public final class PlannedAdapter implements Adapter {

  private final Map<Integer, Map<Projection, LowRank>> pairs = new HashMap<>();

  /** The adapter that {@code lora} makes of a model. */
  public PlannedAdapter(LlamaConfig base, LoraConfig lora) {
    try (PlanningArena arena = new PlanningArena()) {
      for (AdaptedLayer place : lora.adaptedIn(base)) {
        int layer = place.layer();
        Projection projection = place.projection();
        int rank = lora.rank(layer, projection);
        Matrix a = matrix(arena, rank, projection.inFeatures(base));
        Matrix b = matrix(arena, projection.outFeatures(base), rank);
        pairs
            .computeIfAbsent(layer, first -> new EnumMap<>(Projection.class))
            .put(projection, new LowRank(a, b, a, b, lora.scale(layer, projection), 0));
      }
    }
  }

  private static Matrix matrix(PlanningArena arena, int rows, int columns) {
    return Matrix.allocate(arena, "planned", DType.F32, rows, columns);
  }

  @Override
  public @Nullable LowRank at(int layer, Projection projection) {
    return pairs.getOrDefault(layer, Map.of()).get(projection);
  }
}
