import Datasets
import MPI

extension ImageSet {
  /// Opens images on every rank; ranks of a host hold pixels that cannot be mapped only once.
  ///
  /// One rank of each host reads these pixels into memory that the others map.
  ///
  /// **Collective.**
  ///
  /// - Returns: the images, and the number of ranks that could not share and hold a copy.
  /// - Throws: the errors of `ImageFile`, the same on all ranks.
  public static func open(
    _ path: String, split: String, options: ImageSetOptions, rows: Int?, on world: Communicator
  ) throws -> (images: ImageSet, copies: Int) {
    let file = try world.agree {
      try ImageFile(path, split: split, options: options, rows: rows)
    }
    var need = [Int64(file.bytesToRead)]
    try world.allReduce(&need, .max)
    guard world.size > 1, need[0] > 0 else { return (try world.agree { try file.imageSet() }, 0) }
    let host = try world.onThisHost()
    var shared: SharedPixels?
    var facts: [Double] = []
    try world.agree {
      guard host.isRoot else { return }
      try file.checkMemory(file.bytesToRead)
      let pixels = try SharedPixels(bytes: file.bytesToRead, for: path)
      facts = try file.read(into: pixels)
      shared = pixels
    }
    let bits = facts.map { Int64(bitPattern: $0.bitPattern) }
    let message = try host.allGather(
      (shared?.token ?? [0, 0, 0, 0, 0]) + (bits.isEmpty ? Array(repeating: 0, count: 6) : bits))
    let token = Array(message[..<5])
    facts = message[5..<11].map { Double(bitPattern: UInt64(bitPattern: $0)) }
    if !host.isRoot { shared = SharedPixels(token: token) }
    let pixels = shared
    var copies = [Int64(pixels == nil ? 1 : 0)]
    // After this sum all ranks have found the memory, or given up.
    try world.allReduce(&copies, .sum)
    let images = try world.agree {
      if let pixels { file.imageSet(in: pixels, facts) } else { try file.imageSet() }
    }
    pixels?.close()
    return (images, Int(copies[0]))
  }
}
