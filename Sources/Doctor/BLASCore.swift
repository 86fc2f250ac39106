import Foundation
import Tensors

/// The choice of OpenBLAS's matrix kernel; OpenBLAS chooses once, when it is loaded.
public enum BLASCore {
  /// The environment variable that gives OpenBLAS a kernel.
  public static let variable = "OPENBLAS_CORETYPE"

  /// A complaint if a kernel uses narrower vectors than this processor has; nil otherwise.
  public static func complaint(about kernel: String) -> String? {
    guard let processor = processorBits else { return nil }
    let bits = BLAS.vectorBits(of: kernel)
    guard bits < processor else { return nil }
    let cause = getenv(variable).map { "\(variable)=\(String(cString: $0)) holds it there" }
    return
      "the BLAS kernel \(kernel) uses \(bits)-bit vectors where this processor has \(processor)"
      + (cause.map { "; \($0); --blas-core auto lifts that" } ?? "; see cleave doctor")
  }

  /// A kernel with the widest vectors of this processor; nil if unknown.
  public static var widestKernel: String? {
    processorBits.flatMap { [512: "SkylakeX", 256: "Haswell"][$0] }
  }

  /// The widest vectors of this processor in bits; nil except on x86-64 Linux.
  public static var processorBits: Int? {
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
