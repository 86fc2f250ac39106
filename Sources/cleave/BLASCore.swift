import Foundation
import Tensors
import Training

/// The choice of OpenBLAS's matrix kernel; OpenBLAS chooses once, when it is loaded.
enum BLASCore {
  /// The environment variable that gives OpenBLAS a kernel.
  static let variable = "OPENBLAS_CORETYPE"
  /// Set in the process that `--blas-core` started, so that this process does not start another.
  private static let guardVariable = "CLEAVE_BLAS_CORE"

  /// Restarts this process with another kernel, if the requested kernel is not in use.
  ///
  /// Call it before `MPI_Init`: the launcher does not notice the exchange then. The new process
  /// checks that OpenBLAS knows the name and uses the kernel.
  ///
  /// - Throws: `UsageError` for a name that OpenBLAS refuses, or if the exchange fails.
  static func use(_ name: String) throws(UsageError) {
    if getenv(guardVariable) != nil {
      try check(name)
      return
    }
    if name == "auto" {
      guard getenv(variable) != nil else { return }
      unsetenv(variable)
    } else {
      setenv(variable, name, 1)
    }
    setenv(guardVariable, name, 1)
    let words = CommandLine.arguments.map { strdup($0) }
    execv("/proc/self/exe", words + [nil])
    throw UsageError("--blas-core: cannot start again: \(String(cString: strerror(errno)))")
  }

  private static func check(_ name: String) throws(UsageError) {
    guard name != "auto" else { return }
    let kernel = BLAS.kernelName
    if kernel.lowercased() != name.lowercased() {
      throw UsageError("--blas-core: OpenBLAS does not offer \(name) here; it took \(kernel)")
    }
  }

  /// A complaint if a kernel uses narrower vectors than this processor has; nil otherwise.
  static func complaint(about kernel: String) -> String? {
    guard let processor = processorBits else { return nil }
    let bits = BLAS.vectorBits(of: kernel)
    guard bits < processor else { return nil }
    let cause = getenv(variable).map { "\(variable)=\(String(cString: $0)) holds it there" }
    return
      "the BLAS kernel \(kernel) uses \(bits)-bit vectors where this processor has \(processor)"
      + (cause.map { "; \($0); --blas-core auto lifts that" } ?? "; see cleave doctor")
  }

  /// A kernel with the widest vectors of this processor; nil if unknown.
  static var widestKernel: String? {
    processorBits.flatMap { [512: "SkylakeX", 256: "Haswell"][$0] }
  }

  /// The widest vectors of this processor in bits; nil except on x86-64 Linux.
  static var processorBits: Int? {
    #if arch(x86_64)
      guard let flags = processorFlags else { return nil }
      if flags.contains("avx512f") && flags.contains("avx512dq") { return 512 }
      return flags.contains("avx2") ? 256 : 128
    #else
      return nil
    #endif
  }

  private static var processorFlags: Set<Substring>? {
    guard let data = FileManager.default.contents(atPath: "/proc/cpuinfo") else { return nil }
    let text = String(decoding: data, as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix("flags") }
      .map { Set($0.split(separator: " ")) }
  }
}
