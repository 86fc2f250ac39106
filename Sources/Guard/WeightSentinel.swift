import Checkpoints
import Distributed
import MPI
import Support

/// Notices weights that change in memory while nobody should change them: bad memory, or a stray pointer.
///
/// Between an update and the last look that the next step takes at a weight, nothing but a fault changes it. The sentinel
/// takes a 128-bit digest of each parameter after the one and compares it at the other. It looks after what no other rank
/// does: ranks with copies of their own look at these before their gradient leaves them; ranks of one node that share the
/// weights divide them, and look at their part when all ranks are done with it, right before its update. A flipped bit is
/// noticed on one rank, too, where there is no copy to compare with.
final class WeightSentinel {
  private let every: Int
  private let buckets: GradientBuckets
  /// Of each parameter, the parts of the flat array that this rank looks after.
  private let parts: [[Range<Int>]]
  /// Of each bucket, the parts that lie in it, where ranks share the weights; else empty.
  private let partsOfBucket: [[(block: Int, part: Int)]]
  /// Of each parameter, the digests of these parts; empty while nobody looks after it.
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
    var partsOfBucket: [[(block: Int, part: Int)]] = layout.buckets.map { _ in [] }
    for block in layout.blocks.indices {
      let whole = layout.offsets[block]..<layout.offsets[block] + layout.blocks[block].count
      parts.append(isShared ? [] : [whole])
      for bucket in layout.bucketsOfBlock[block] where isShared {
        let part = buckets.owned(bucket: bucket).clamped(to: whole)
        if part.isEmpty { continue }
        partsOfBucket[bucket].append((block, parts[block].count))
        parts[block].append(part)
      }
    }
    self.parts = parts
    self.partsOfBucket = isShared ? partsOfBucket : []
    digests = parts.map { _ in [] }
    phaseEnded(step: step, groups: .max)
  }

  /// Whether a step is one to look at.
  func isDue(_ step: Int) -> Bool { step % every == 0 }

  /// Takes the digests of parameters that a phase of a step has updated, where this step or the next is to be looked at.
  func phaseEnded(step: Int, groups: UInt64) {
    let isWatched = isDue(step) || isDue(step + 1)
    for (block, parameter) in buckets.layout.blocks.enumerated()
    where groups >> UInt64(parameter.group) & 1 == 1 {
      digests[block].removeAll(keepingCapacity: true)
      if !isWatched { continue }
      for part in parts[block] {
        let (high, low) = digest(part)
        digests[block].append(high)
        digests[block].append(low)
      }
    }
  }

  /// Compares a parameter that this rank is done with in a step, where no other rank looks at this memory.
  func check(block: Int) {
    guard partsOfBucket.isEmpty else { return }
    for part in parts[block].indices { check(block: block, part: part) }
  }

  /// Compares what this rank owns of a bucket that all ranks are done with, where they share the weights.
  func check(bucket: Int) {
    guard !partsOfBucket.isEmpty else { return }
    for (block, part) in partsOfBucket[bucket] { check(block: block, part: part) }
  }

  /// Compares all that this rank looks after.
  func checkAll() {
    for block in parts.indices {
      for part in parts[block].indices { check(block: block, part: part) }
    }
  }

  private func check(block: Int, part: Int) {
    guard changed == nil, !digests[block].isEmpty else { return }
    let (high, low) = digest(parts[block][part])
    if digests[block][2 * part] != high || digests[block][2 * part + 1] != low { changed = block }
  }

  private func digest(_ part: Range<Int>) -> (high: UInt64, low: UInt64) {
    Digest.words(
      of: UnsafeRawBufferPointer(start: buckets.values + part.lowerBound, count: 4 * part.count))
  }

  // MARK: - As a number that ranks compare

  private static let parameters = 1 << 24

  /// The rank and parameter of a change as a number that is the greater the lower the rank is; minus infinity for none.
  func flag(rank: Int) -> Double {
    changed.map { -Double(rank * Self.parameters + $0) } ?? -.infinity
  }

  /// What a flag stands for; nil for none.
  static func change(flag: Double) -> (rank: Int, parameter: Int)? {
    guard flag.isFinite else { return nil }
    let (rank, parameter) = Int(-flag).quotientAndRemainder(dividingBy: parameters)
    return (rank, parameter)
  }
}

/// A weight that changed in a rank's memory though no update changed it.
public struct MemoryError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The weight.
  public let tensor: String
  /// When it was looked at.
  public let moment: String
  /// The step that left it otherwise.
  public let step: Int
  /// The rank that found it in its memory, and its host.
  public let rank: Int, host: String

  /// One line.
  public var description: String {
    "rank \(rank) (\(host)): the weight \(tensor) changed in memory before \(moment), "
      + "expected it as step \(step) left it; the last checkpoint is kept"
  }

  /// 1: trouble of the machine.
  public var exitStatus: Int32 { 1 }
}
