import Autodiff
import CKernels
import Distributed
import Foundation
import MPI
import Tensors

/// The summed gradients of a phase, held until all ranks know whether they may be used.
///
/// A phase ends with the gradients of this rank's slices here. Then the updates are made or left
/// out.
/// Clipping (Pascanu, Mikolov & Bengio, ICML 2013) scales a gradient down to the largest allowed
/// norm. The norm is added up in whole numbers, so it is the same bit for bit for any division of
/// slices among ranks.
final class HeldGradients {
  private let limit: Double
  private let buckets: GradientBuckets
  /// The summed gradient of each bucket's slice.
  private let slices: [Storage]

  /// Memory for the gradients of `buckets`; `limit` is the largest norm, infinity for no limit.
  init(limit: Double = .infinity, buckets: GradientBuckets) {
    self.limit = limit
    self.buckets = buckets
    slices = buckets.buckets.indices.map { Storage(count: buckets.owned(bucket: $0).count) }
  }

  /// Keeps a piece of a slice's summed gradient.
  func keep(bucket: Int, piece: Range<Int>, _ gradient: UnsafePointer<Float>) {
    ck_copy(slices[bucket].pointer + piece.lowerBound, gradient, piece.count)
  }

  /// Scales the kept gradient of these groups down, if it is longer than the limit.
  ///
  /// **Collective.**
  ///
  /// - Returns: the norm before scaling; 0 without a limit.
  @discardableResult
  func clip(groups: UInt64, on world: Communicator) throws -> Double {
    if limit == .infinity { return 0 }
    // Statistics use the gradients' buckets but are no gradients.
    let active = buckets.buckets.indices.filter {
      let group = buckets.buckets[$0].group
      return group < ParameterSet.firstStatisticGroup && groups >> UInt64(group) & 1 == 1
    }
    let norm = try norm(active, on: world)
    // If the norm is not finite, nothing is scaled: the loss of the next step ends the run.
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

  /// The first parameter of these groups whose kept gradient is not finite.
  func firstNonFinite(groups: UInt64) -> Int? {
    for (index, bucket) in buckets.buckets.enumerated()
    where groups >> UInt64(bucket.group) & 1 == 1 {
      let slice = buckets.owned(bucket: index)
      if ck_all_finite(slices[index].pointer, slice.count) != 0 { continue }
      return bucket.slots.first { slot in
        let start = buckets.offset(of: slot)
        let part = (start..<start + buckets.layout.slots[slot].count).clamped(to: slice)
        return ck_all_finite(
          slices[index].pointer + (part.lowerBound - slice.lowerBound), part.count) == 0
      }
    }
    return nil
  }

  /// The kept gradient of a bucket's slice.
  func gradient(bucket: Int) -> UnsafePointer<Float> { UnsafePointer(slices[bucket].pointer) }
}
