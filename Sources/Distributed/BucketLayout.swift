/// A parameter as gradient buckets know it: a named range of floats.
public struct ParameterSlot: Equatable, Sendable {
  /// The parameter's name, for messages.
  public let name: String
  /// The group whose phases update it, 0 ..< 64.
  public let group: Int
  /// The number of floats.
  public let count: Int

  /// A parameter of `count` floats; one optimizer updates all parameters of its group together.
  public init(name: String, group: Int, count: Int) {
    precondition((0..<64).contains(group), "parameter \(name): group \(group) is not in 0..<64")
    precondition(count > 0, "parameter \(name) has \(count) elements")
    self.name = name
    self.group = group
    self.count = count
  }
}

/// A range of the flat parameter array that is reduced and updated together.
public struct Bucket: Equatable, Sendable {
  /// The group of all its parameters.
  public let group: Int
  /// The range in the flat array; both ends are multiples of 64.
  public let range: Range<Int>
  /// The parameter slots that lie completely or partly in the bucket, in layout order.
  public let slots: [Int]
}

/// The places of parameter slots and buckets in the flat arrays of values and gradients.
///
/// Groups follow each other in the order of their first parameter slot. Within a group, slots
/// keep their order. Buckets are cut from the end of each group, because backward finishes the last
/// layer first. Nothing depends on the number of ranks.
public struct BucketLayout: Sendable {
  /// The intended floats of a bucket: 1 MiB.
  public static let bucketFloats = 1 << 18
  /// Lengths of slots and buckets are multiples of this number of floats.
  static let slotAlignment = 64
  /// Lengths of slices are multiples of this number of floats: a cache line.
  static let sliceAlignment = 16

  /// The parameter slots in the given order.
  public let slots: [ParameterSlot]
  /// The offset of the first float of each slot.
  public let offsets: [Int]
  /// The buckets in the order of the flat array.
  public let buckets: [Bucket]
  /// For each slot, the buckets that hold it.
  public let bucketsOfSlot: [Range<Int>]
  /// The length of the flat array, padding included.
  public let count: Int

  /// Lays out the slots; a slot much larger than `bucketFloats` gets several buckets.
  public init(_ slots: [ParameterSlot], bucketFloats: Int = Self.bucketFloats) {
    precondition(!slots.isEmpty, "no parameters")
    precondition(bucketFloats >= Self.slotAlignment, "buckets of \(bucketFloats) floats")
    var groups: [Int] = []
    for slot in slots where !groups.contains(slot.group) { groups.append(slot.group) }
    var offsets = [Int](repeating: 0, count: slots.count)
    var buckets: [Bucket] = []
    var end = 0
    for group in groups {
      let members = slots.indices.filter { slots[$0].group == group }
      let start = end
      for slot in members {
        offsets[slot] = end
        end += Self.aligned(slots[slot].count)
      }
      let cuts = Self.cuts(
        at: members.map { offsets[$0] }, from: start, to: end, aim: bucketFloats)
      for (lower, upper) in zip(cuts, cuts.dropFirst()) {
        let inside = members.filter {
          offsets[$0] < upper && offsets[$0] + Self.aligned(slots[$0].count) > lower
        }
        buckets.append(Bucket(group: group, range: lower..<upper, slots: inside))
      }
    }
    self.slots = slots
    self.offsets = offsets
    self.buckets = buckets
    count = end
    bucketsOfSlot = slots.indices.map { slot in
      let range = offsets[slot]..<offsets[slot] + Self.aligned(slots[slot].count)
      let first = buckets.firstIndex { $0.range.overlaps(range) } ?? 0
      let last = buckets.lastIndex { $0.range.overlaps(range) } ?? 0
      return first..<last + 1
    }
  }

  /// The places where a group is cut, including both ends.
  private static func cuts(at starts: [Int], from start: Int, to end: Int, aim: Int) -> [Int] {
    var cuts = [end]
    var upper = end
    for lower in starts.reversed() where upper - lower >= aim || lower == start {
      let length = upper - lower
      let pieces = Swift.max(1, (length + aim / 2) / aim)
      for piece in (0..<pieces).reversed() {
        cuts.append(lower + length * piece / pieces / slotAlignment * slotAlignment)
      }
      upper = lower
    }
    return cuts.reversed()
  }

  private static func aligned(_ count: Int) -> Int {
    (count + slotAlignment - 1) / slotAlignment * slotAlignment
  }

  /// The slice of a bucket that rank `rank` of `size` owns.
  ///
  /// It is empty if there are more ranks than cache lines in the bucket.
  public func slice(of bucket: Int, rank: Int, size: Int) -> Range<Int> {
    let range = buckets[bucket].range
    let lines = range.count / Self.sliceAlignment
    let lower = range.lowerBound + lines * rank / size * Self.sliceAlignment
    let upper = range.lowerBound + lines * (rank + 1) / size * Self.sliceAlignment
    return lower..<upper
  }
}
