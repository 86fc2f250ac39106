/// A parameter as the gradient buckets see it: a run of floats with a name.
public struct ParameterBlock: Equatable, Sendable {
  /// The parameter's name, for messages.
  public let name: String
  /// The group whose phases update it, 0 ..< 64.
  public let group: Int
  /// The number of floats.
  public let count: Int

  /// A parameter of `count` floats in a group of parameters that one optimizer updates together.
  public init(name: String, group: Int, count: Int) {
    precondition((0..<64).contains(group), "parameter \(name): group \(group) is not in 0..<64")
    precondition(count > 0, "parameter \(name) has \(count) elements")
    self.name = name
    self.group = group
    self.count = count
  }
}

/// A run of the flat parameter array that is reduced and updated as one.
public struct Bucket: Equatable, Sendable {
  /// The group all its parameters belong to.
  public let group: Int
  /// Its place in the flat array; both ends are multiples of 64.
  public let range: Range<Int>
  /// The blocks that lie in it, wholly or in part, in layout order.
  public let blocks: [Int]
}

/// Where blocks and buckets lie in the flat arrays of values and gradients.
///
/// The groups follow each other in the order of their first block, and a group's blocks keep their
/// order. Buckets are cut from the end of each group, as backward finishes the last layer first.
/// Nothing depends on the number of ranks.
public struct BucketLayout: Sendable {
  /// The floats a bucket aims for: 1 MiB.
  public static let bucketFloats = 1 << 18
  /// The floats every block and bucket is a multiple of.
  static let blockAlignment = 64
  /// The floats every slice of a bucket is a multiple of: a cache line.
  static let sliceAlignment = 16

  /// The blocks as given.
  public let blocks: [ParameterBlock]
  /// The first float of each block.
  public let offsets: [Int]
  /// The buckets in the order of the flat array.
  public let buckets: [Bucket]
  /// The buckets that hold each block.
  public let bucketsOfBlock: [Range<Int>]
  /// The length of the flat array, padding included.
  public let count: Int

  /// Lays the blocks out; a block much larger than `bucketFloats` gets several buckets.
  public init(_ blocks: [ParameterBlock], bucketFloats: Int = Self.bucketFloats) {
    precondition(!blocks.isEmpty, "no parameters")
    precondition(bucketFloats >= Self.blockAlignment, "buckets of \(bucketFloats) floats")
    var groups: [Int] = []
    for block in blocks where !groups.contains(block.group) { groups.append(block.group) }
    var offsets = [Int](repeating: 0, count: blocks.count)
    var buckets: [Bucket] = []
    var end = 0
    for group in groups {
      let members = blocks.indices.filter { blocks[$0].group == group }
      let start = end
      for block in members {
        offsets[block] = end
        end += Self.aligned(blocks[block].count)
      }
      let cuts = Self.cuts(
        at: members.map { offsets[$0] }, from: start, to: end, aim: bucketFloats)
      for (lower, upper) in zip(cuts, cuts.dropFirst()) {
        let inside = members.filter {
          offsets[$0] < upper && offsets[$0] + Self.aligned(blocks[$0].count) > lower
        }
        buckets.append(Bucket(group: group, range: lower..<upper, blocks: inside))
      }
    }
    self.blocks = blocks
    self.offsets = offsets
    self.buckets = buckets
    count = end
    bucketsOfBlock = blocks.indices.map { block in
      let range = offsets[block]..<offsets[block] + Self.aligned(blocks[block].count)
      let first = buckets.firstIndex { $0.range.overlaps(range) } ?? 0
      let last = buckets.lastIndex { $0.range.overlaps(range) } ?? 0
      return first..<last + 1
    }
  }

  /// The places where a group is cut, both ends included.
  private static func cuts(at starts: [Int], from start: Int, to end: Int, aim: Int) -> [Int] {
    var cuts = [end]
    var upper = end
    for lower in starts.reversed() where upper - lower >= aim || lower == start {
      let length = upper - lower
      let pieces = Swift.max(1, (length + aim / 2) / aim)
      for piece in (0..<pieces).reversed() {
        cuts.append(lower + length * piece / pieces / blockAlignment * blockAlignment)
      }
      upper = lower
    }
    return cuts.reversed()
  }

  private static func aligned(_ count: Int) -> Int {
    (count + blockAlignment - 1) / blockAlignment * blockAlignment
  }

  /// The slice of a bucket that one of `size` ranks owns; empty where ranks outnumber its cache
  /// lines.
  public func slice(of bucket: Int, rank: Int, size: Int) -> Range<Int> {
    let range = buckets[bucket].range
    let lines = range.count / Self.sliceAlignment
    let lower = range.lowerBound + lines * rank / size * Self.sliceAlignment
    let upper = range.lowerBound + lines * (rank + 1) / size * Self.sliceAlignment
    return lower..<upper
  }
}
