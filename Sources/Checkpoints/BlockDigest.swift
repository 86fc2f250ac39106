/// Checksums of a file while its bytes go by in order: of the whole file, and of each block.
///
/// A reader that needs a part of the file checks that part alone, by the checksums of its blocks.
struct BlockDigest: ~Copyable {
  /// Bytes of a block; the last block may be shorter.
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
    // A small file is one block.
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

  /// The checksums of all bytes and of the blocks in order; no bytes may follow.
  mutating func finish() -> (whole: String, blocks: [String]) {
    let text = whole.text
    if size <= Self.blockBytes { return (text, [text]) }
    if room < Self.blockBytes { closeBlock() }
    return (text, blocks)
  }
}
