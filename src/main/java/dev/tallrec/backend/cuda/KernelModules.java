package dev.tallrec.backend.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.CudaException;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * Our kernels on a device: from machine code for the usual architectures where the driver takes it
 * and is not older than the CUDA that made it, else from PTX, which the driver translates.
 */
final class KernelModules {

  private static final String INDEX = "kernels.txt";

  private final List<CUmodule> modules = new ArrayList<>();
  private final Map<String, CUfunction> functions = new HashMap<>();
  private final List<String> fromPtx = new ArrayList<>();

  /**
   * Loads all modules into the current context.
   *
   * @param driverVersion as cuDriverGetVersion tells it: 12060 for CUDA 12.6
   * @throws CudaUnavailableException if this build has none, or the driver takes neither form
   * @throws CudaException if there is no memory for them
   */
  KernelModules(int driverVersion) throws CudaUnavailableException {
    String index = new String(resource(INDEX), StandardCharsets.UTF_8);
    for (String line : index.lines().toList()) {
      String[] words = line.split(" ");
      // What drivers say to machine code of a newer major version is written nowhere, and they may
      // say it only when they come to some later kernel.
      boolean known = driverVersion / 1000 >= Integer.parseInt(words[2]);
      modules.add(known ? load(words[0], words[1]) : loadPtx(words[0], words[1]));
    }
  }

  /** Drivers may look at a module's code only when a kernel of it is asked for. */
  private static CUmodule load(byte[] image, String kernel) {
    CUmodule module = new CUmodule();
    JCudaDriver.cuModuleLoadData(module, image);
    try {
      JCudaDriver.cuModuleGetFunction(new CUfunction(), module, kernel);
      return module;
    } catch (CudaException e) {
      JCudaDriver.cuModuleUnload(module);
      throw e;
    }
  }

  private CUmodule load(String name, String kernel) throws CudaUnavailableException {
    try {
      return load(resource(name + ".fatbin"), kernel);
    } catch (CudaException noBinary) {
      throwIfFull(noBinary);
      try {
        return loadPtx(name, kernel);
      } catch (CudaUnavailableException noPtx) {
        noPtx.addSuppressed(noBinary);
        throw noPtx;
      }
    }
  }

  private CUmodule loadPtx(String name, String kernel) throws CudaUnavailableException {
    // The driver expects a terminated string.
    byte[] ptx = resource(name + ".ptx");
    byte[] terminated = Arrays.copyOf(ptx, ptx.length + 1);
    try {
      CUmodule module = load(terminated, kernel);
      fromPtx.add(name);
      return module;
    } catch (CudaException noPtx) {
      throwIfFull(noPtx);
      throw new CudaUnavailableException(
          "the driver takes kernels "
              + name
              + " in no form; of their PTX it says "
              + noPtx.getMessage()
              + ". Kernels need compute capability 8.0 or newer and driver R470 or newer",
          noPtx);
    }
  }

  /** Where there is no memory, another form of the code needs as much. */
  private static void throwIfFull(CudaException e) {
    if (CudaErrors.is(e, CUresult.CUDA_ERROR_OUT_OF_MEMORY)) {
      throw e;
    }
  }

  private static byte[] resource(String name) throws CudaUnavailableException {
    try (InputStream bytes = KernelModules.class.getResourceAsStream(name)) {
      if (bytes == null) {
        throw new CudaUnavailableException(
            "this build has no CUDA kernels ("
                + name
                + "): nvcc was not on the PATH when it was built. Install the CUDA toolkit and build again");
      }
      return bytes.readAllBytes();
    } catch (CudaUnavailableException e) {
      throw e;
    } catch (IOException e) {
      throw new CudaUnavailableException("cannot read CUDA kernels: " + e.getMessage(), e);
    }
  }

  /** The kernel of that name. */
  CUfunction function(String name) {
    return functions.computeIfAbsent(name, this::find);
  }

  private CUfunction find(String name) {
    for (CUmodule module : modules) {
      CUfunction function = new CUfunction();
      if (isThere(function, module, name)) {
        return function;
      }
    }
    throw new IllegalStateException("there is no kernel " + name);
  }

  private static boolean isThere(CUfunction function, CUmodule module, String name) {
    try {
      JCudaDriver.cuModuleGetFunction(function, module, name);
      return true;
    } catch (CudaException e) {
      if (CudaErrors.is(e, CUresult.CUDA_ERROR_NOT_FOUND)) {
        return false;
      }
      throw e;
    }
  }

  /** "machine code", or which modules the driver had to translate. */
  String form() {
    return fromPtx.isEmpty()
        ? "kernels as machine code"
        : "kernels from PTX: " + String.join(" ", fromPtx);
  }

  void unload() {
    modules.forEach(JCudaDriver::cuModuleUnload);
  }
}
