import Foundation
import Support
import Tensors

/// How fast a matrix kernel of OpenBLAS multiplies on one core.
public struct MatrixKernel: Sendable {
  /// The kernel, as OpenBLAS names it.
  public let kernel: String
  /// Speed of single-precision products, 2 m n k operations each, in 10^9 a second.
  public let gflops: Double

  /// The result as the child process hands it on.
  public var json: JSONValue { ["kernel": .string(kernel), "gflops": .real(gflops)] }

  /// The best of several products of 1024 x 1024 matrices, about a third of a second long.
  public static func measure() -> MatrixKernel {
    let side = 1024
    let a = Tensor(Shape(side, side), [Float](repeating: 0.5, count: side * side))
    let b = Tensor(Shape(side, side), [Float](repeating: 0.25, count: side * side))
    let product = Tensor(Shape(side, side))
    BLAS.multiply(a, b, into: product)
    var best = Double.infinity
    let start = Stopwatch()
    repeat {
      let lap = Stopwatch()
      BLAS.multiply(a, b, into: product)
      best = min(best, lap.seconds)
    } while start.seconds < 0.3
    let operations = 2 * Double(side) * Double(side) * Double(side)
    return MatrixKernel(kernel: BLAS.kernelName, gflops: operations / best * 1e-9)
  }

  /// Measures in a new process that loads OpenBLAS under another choice of kernel.
  ///
  /// - Parameters:
  ///   - core: the kernel; nil leaves the choice to OpenBLAS.
  ///   - words: the words with which this executable prints its ``json``.
  /// - Throws: Where the process cannot be started or does not answer.
  static func measureInChild(core: String?, words: [String]) throws -> MatrixKernel {
    let child = Process()
    child.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = words
    child.environment = environment(core: core)
    let output = Pipe()
    child.standardOutput = output
    child.standardError = FileHandle.nullDevice
    try child.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    child.waitUntilExit()
    let answer = try JSONValue(parsing: String(decoding: data, as: UTF8.self))
    guard case .string(let kernel)? = answer["kernel"], let gflops = answer["gflops"]?.number else {
      throw DoctorError("the process that measures another kernel gave no answer")
    }
    return MatrixKernel(kernel: kernel, gflops: gflops)
  }

  /// This process's environment, without what would make the child a rank of this job.
  private static func environment(core: String?) -> [String: String] {
    let launchers = ["OMPI_", "PMIX_", "PMI_", "PRTE_", "SLURM_", "CLEAVE_BLAS_CORE"]
    var environment = ProcessInfo.processInfo.environment.filter { entry in
      !launchers.contains { entry.key.hasPrefix($0) }
    }
    environment[BLASCore.variable] = core
    return environment
  }
}

/// An examination that could not be made.
struct DoctorError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
