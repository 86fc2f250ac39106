import CKernels
import Checkpoints
import MPI
import Tensors

/// The arithmetic of the ranks: how each multiplies and rounds.
///
/// OpenBLAS chooses a kernel for the processor that it finds, and kernels add in different orders.
/// Ranks with different kernels give a sum that depends on the order of the ranks. This program's
/// own kernels are equal with vectors of 256 and 512 bits, and round otherwise without fused
/// multiply-add; a probe finds that, and other versions of the libraries.
public struct Arithmetic: Sendable {
  /// The BLAS kernel of each rank.
  private let kernels: [String]
  /// A digest of each rank's results for the same small problem.
  private let probes: [String]
  private let hosts: [String]

  /// Asks every rank.
  ///
  /// **Collective.**
  public init(on world: Communicator) throws {
    kernels = try world.allGather(BLAS.kernelName)
    probes = try world.allGather(Self.probe())
    hosts = try world.allGather(world.hostName)
  }

  /// The kernels in use, sorted, each once: "Haswell, SkylakeX".
  public var kernelNames: String { Set(kernels).sorted().joined(separator: ", ") }

  /// What differs among the ranks, and what helps; nil where all are the same.
  public var difference: (found: String, cure: String)? {
    let one = BLAS.commonKernel(of: kernels)
    if Set(kernels).count > 1 {
      return ("the BLAS kernels \(groups(kernels))", "--blas-core \(one)")
    }
    guard Set(probes).count > 1 else { return nil }
    let names = Dictionary(
      uniqueKeysWithValues: Set(probes).sorted().enumerated().map { ($1, "results \($0 + 1)") })
    return (
      "the BLAS kernel \(one) everywhere, but other results of the same products: "
        + groups(probes.map { names[$0] ?? $0 }),
      "hosts with one kind of processor and the same libraries"
    )
  }

  /// The ranks and hosts of each value, for example "Haswell (rank 0 on a) and Zen (ranks 1, 2 on
  /// b)".
  private func groups(_ values: [String]) -> String {
    let distinct = values.indices.filter { values.firstIndex(of: values[$0]) == $0 }
    return distinct.map { first in
      let ranks = values.indices.filter { values[$0] == values[first] }
      let places = Set(ranks.map { hosts[$0] }).sorted()
      return "\(values[first]) (\(ranks.count == 1 ? "rank" : "ranks") "
        + "\(Self.shortened(ranks.map(String.init))) on \(Self.shortened(places)))"
    }.joined(separator: " and ")
  }

  private static func shortened(_ names: [String]) -> String {
    let shown = names.prefix(4).joined(separator: ", ")
    return names.count > 4 ? shown + ", … (\(names.count))" : shown
  }

  /// A digest of products by each path of ``BLAS``, and of this program's own kernels.
  private static func probe() -> String {
    let (m, n, k) = (48, 80, 640)
    let draws = Draws(seed: 595, purpose: .evaluation, time: 0)
    let (a, b, c) = (Tensor(Shape(m, k)), Tensor(Shape(k, n)), Tensor(Shape(m, n)))
    draws.normal(row: 0, into: a.pointer, count: a.count)
    draws.normal(row: 1, into: b.pointer, count: b.count)
    let digest = Digest()
    func note(_ values: Tensor) { digest.update(values.values) }
    note(a)
    BLAS.multiply(a, b, into: c)
    note(c)
    // The row stride of 640 floats sends a transposed product to the other library.
    let square = Tensor(Shape(k, k))
    BLAS.multiply(a, a, into: square, transposeA: true)
    note(square)
    for activation in Activation.allCases {
      ck_activate(c.pointer, a.pointer, c.count, activation.code)
      note(c)
    }
    digest.update([ck_sum_squares(a.pointer, a.count), ck_sum(b.pointer, b.count)])
    return digest.text
  }
}
