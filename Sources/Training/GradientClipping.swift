import Autodiff
import CKernels
import Distributed
import Foundation
import MPI
import Tensors

/// Scales the gradient of a phase down to a largest norm (Pascanu, Mikolov & Bengio, ICML 2013).
///
/// The norm is known only when every slice of every rank is summed. A phase therefore ends with the summed gradient of
/// this rank's slices kept here; the updates follow, with the gradient times `factor`. The norm is added up in whole
/// numbers, so that it is the same bit for bit however the slices are divided among ranks.
final class GradientClipping {
  private let limit: Double
  private let buckets: GradientBuckets
  /// The summed gradient of each bucket's slice.
  private let slices: [Storage]

  init(limit: Double, buckets: GradientBuckets) {
    self.limit = limit
    self.buckets = buckets
    slices = buckets.buckets.indices.map { Storage(count: buckets.owned(bucket: $0).count) }
  }

  /// Keeps a piece of a slice's summed gradient.
  func keep(bucket: Int, piece: Range<Int>, _ gradient: UnsafePointer<Float>) {
    ck_copy(slices[bucket].pointer + piece.lowerBound, gradient, piece.count)
  }

  /// Scales the kept gradient of these groups, where it is longer than the limit.
  ///
  /// **Collective.**
  ///
  /// - Returns: its norm before.
  @discardableResult
  func clip(groups: UInt64, on world: Communicator) throws -> Double {
    // Statistics travel like gradients, but are none.
    let active = buckets.buckets.indices.filter {
      let group = buckets.buckets[$0].group
      return group < ParameterSet.firstStatisticGroup && groups >> UInt64(group) & 1 == 1
    }
    let norm = try norm(active, on: world)
    // A norm that is not finite changes nothing here: the loss of the next step ends the run.
    guard norm > limit, norm.isFinite else { return norm }
    let factor = Float(limit / norm)
    for index in active { ck_scale(slices[index].pointer, factor, slices[index].count) }
    return norm
  }

  private func norm(_ active: [Int], on world: Communicator) throws -> Double {
    var largest = [0.0]
    var count = 0.0
    for index in active {
      largest[0] = max(largest[0], Double(ck_max_abs(slices[index].pointer, slices[index].count)))
      count += Double(buckets.buckets[index].range.count)
    }
    try world.allReduce(&largest, .max)
    guard largest[0] > 0, largest[0].isFinite else { return largest[0] }
    // Units so small that the sum of all squares just fits into 62 bits.
    let exponent = 61 - Int((2 * log2(largest[0]) + log2(count)).rounded(.up))
    let perUnit = scalbn(1.0, exponent)
    var sum: [Int64] = [0]
    for index in active {
      sum[0] += ck_sum_squares_in_units(slices[index].pointer, perUnit, slices[index].count)
    }
    try world.allReduce(&sum, .sum)
    return (Double(sum[0]) / perUnit).squareRoot()
  }

  /// The kept gradient of a bucket's slice.
  func gradient(bucket: Int) -> UnsafePointer<Float> { UnsafePointer(slices[bucket].pointer) }
}
