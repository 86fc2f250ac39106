/// Checksums of a file while its bytes go by in order: of the whole file, and of each segment.
///
/// A reader that needs a part of the file checks that part alone, by the checksums of its segments.
struct SegmentDigest: ~Copyable {
  /// Bytes of a segment; the last segment may be shorter.
  static let segmentBytes = 1 << 24

  private let size: Int
  private let whole = Digest()
  private var segment = Digest()
  private var room = SegmentDigest.segmentBytes
  private var segments: [String] = []

  /// Checksums of a file of `size` bytes.
  init(size: Int) { self.size = size }

  /// Takes in the next bytes.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    whole.update(bytes)
    // A small file is one segment.
    if size <= Self.segmentBytes { return }
    var rest = bytes
    while !rest.isEmpty {
      let count = min(room, rest.count)
      segment.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      room -= count
      if room == 0 { closeSegment() }
    }
  }

  private mutating func closeSegment() {
    segments.append(segment.text)
    segment = Digest()
    room = Self.segmentBytes
  }

  /// The checksums of all bytes and of the segments in order; no bytes may follow.
  mutating func finish() -> (whole: String, segments: [String]) {
    let text = whole.text
    if size <= Self.segmentBytes { return (text, [text]) }
    if room < Self.segmentBytes { closeSegment() }
    return (text, segments)
  }
}
