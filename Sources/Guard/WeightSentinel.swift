import Checkpoints
import Distributed
import MPI
import Support

/// Finds weights that changed in memory without an update: bad memory or a stray pointer.
///
/// From a weight's update to its last read in the next step, only a fault can change it.
/// The sentinel hashes each parameter after its update (128 bits) and compares before its next
/// update.
/// A rank with its own copy of the weights checks that copy before its gradients are sent.
/// Ranks of one node that share the weights divide them. Each rank checks its part when all ranks
/// have finished with it, right before the update.
/// The sentinel finds a flipped bit on a single rank too, without a second copy to compare.
final class WeightSentinel {
  private let every: Int
  private let buckets: GradientBuckets
  /// For each parameter, the parts of the flat array that this rank checks.
  private let parts: [[Range<Int>]]
  /// For each bucket, the parts that lie in it, where ranks share the weights; otherwise empty.
  private let partsOfBucket: [[(slot: Int, part: Int)]]
  /// For each parameter, the digests of these parts; empty while the parameter is not checked.
  private var digests: [[UInt64]]
  /// The first parameter that has changed.
  private var changed: Int?

  /// A sentinel for every n-th step, of a run that has made `step` steps.
  init(every: Int, _ buckets: GradientBuckets, after step: Int) {
    self.every = every
    self.buckets = buckets
    let layout = buckets.layout
    let isShared = buckets.path == .sharedWindow
    var parts: [[Range<Int>]] = []
    var partsOfBucket: [[(slot: Int, part: Int)]] = layout.buckets.map { _ in [] }
    for slot in layout.slots.indices {
      let whole = layout.offsets[slot]..<layout.offsets[slot] + layout.slots[slot].count
      parts.append(isShared ? [] : [whole])
      for bucket in layout.bucketsOfSlot[slot] where isShared {
        let part = buckets.owned(bucket: bucket).clamped(to: whole)
        if part.isEmpty { continue }
        partsOfBucket[bucket].append((slot, parts[slot].count))
        parts[slot].append(part)
      }
    }
    self.parts = parts
    self.partsOfBucket = isShared ? partsOfBucket : []
    digests = parts.map { _ in [] }
    phaseEnded(step: step, groups: .max)
  }

  /// Whether a step is checked.
  func isDue(_ step: Int) -> Bool { step % every == 0 }

  /// Hashes the parameters that a phase has updated, if this step or the next is checked.
  func phaseEnded(step: Int, groups: UInt64) {
    let isWatched = isDue(step) || isDue(step + 1)
    for (slot, parameter) in buckets.layout.slots.enumerated()
    where groups >> UInt64(parameter.group) & 1 == 1 {
      digests[slot].removeAll(keepingCapacity: true)
      if !isWatched { continue }
      for part in parts[slot] {
        let (high, low) = digest(part)
        digests[slot].append(high)
        digests[slot].append(low)
      }
    }
  }

  /// Compares a parameter that this rank has finished with, where each rank has its own copy.
  func check(slot: Int) {
    guard partsOfBucket.isEmpty, !digests[slot].isEmpty else { return }
    buckets.waitForValues(of: slot)
    for part in parts[slot].indices { check(slot: slot, part: part) }
  }

  /// Compares this rank's part of a bucket that all ranks have finished with, where they share
  /// weights.
  func check(bucket: Int) {
    guard !partsOfBucket.isEmpty else { return }
    for (slot, part) in partsOfBucket[bucket] { check(slot: slot, part: part) }
  }

  /// Compares all parts that this rank checks.
  func checkAll() {
    for slot in parts.indices {
      for part in parts[slot].indices { check(slot: slot, part: part) }
    }
  }

  private func check(slot: Int, part: Int) {
    guard changed == nil, !digests[slot].isEmpty else { return }
    let (high, low) = digest(parts[slot][part])
    if digests[slot][2 * part] != high || digests[slot][2 * part + 1] != low { changed = slot }
  }

  private func digest(_ part: Range<Int>) -> (high: UInt64, low: UInt64) {
    Digest.words(
      of: UnsafeRawBufferPointer(start: buckets.values + part.lowerBound, count: 4 * part.count))
  }

  // MARK: - As a number for comparison among ranks

  private static let parameters = 1 << 24

  /// The rank and parameter of a change as a number, greater for a lower rank; minus infinity for
  /// none.
  func flag(rank: Int) -> Double {
    changed.map { -Double(rank * Self.parameters + $0) } ?? -.infinity
  }

  /// The change of a flag; nil for no change.
  static func change(flag: Double) -> (rank: Int, parameter: Int)? {
    guard flag.isFinite else { return nil }
    let (rank, parameter) = Int(-flag).quotientAndRemainder(dividingBy: parameters)
    return (rank, parameter)
  }
}

/// A weight that changed in a rank's memory without an update.
public struct MemoryError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The weight.
  public let tensor: String
  /// The moment of the check.
  public let moment: String
  /// The step after which the weight had another value.
  public let step: Int
  /// The rank whose memory holds the weight, and its host.
  public let rank: Int, host: String

  /// One line.
  public var description: String {
    "rank \(rank) (\(host)): the weight \(tensor) changed in memory before \(moment), "
      + "expected it as step \(step) left it; the last checkpoint is kept"
  }

  /// 1: trouble of the machine.
  public var exitStatus: Int32 { 1 }
}
