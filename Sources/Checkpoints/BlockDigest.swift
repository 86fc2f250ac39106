/// Checksums of a file while its bytes go by in order: one of them all, and one of each block.
///
/// With the blocks' checksums a reader that needs a part of the file can check that part alone.
struct BlockDigest: ~Copyable {
  /// Bytes of a block; the last one may be shorter.
  static let blockBytes = 1 << 24

  private let size: Int
  private let whole = Digest()
  private var block = Digest()
  private var room = BlockDigest.blockBytes
  private var blocks: [String] = []

  /// Checksums of a file of `size` bytes.
  init(size: Int) { self.size = size }

  /// Takes in the next bytes.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    whole.update(bytes)
    // The one block of a small file is the file.
    if size <= Self.blockBytes { return }
    var rest = bytes
    while !rest.isEmpty {
      let count = min(room, rest.count)
      block.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      room -= count
      if room == 0 { closeBlock() }
    }
  }

  private mutating func closeBlock() {
    blocks.append(block.text)
    block = Digest()
    room = Self.blockBytes
  }

  /// The checksum of all bytes, and those of the blocks in order; nothing may follow.
  mutating func finish() -> (whole: String, blocks: [String]) {
    let text = whole.text
    if size <= Self.blockBytes { return (text, [text]) }
    if room < Self.blockBytes { closeBlock() }
    return (text, blocks)
  }
}
