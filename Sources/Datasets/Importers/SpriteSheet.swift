import HDF5

/// Sprites in one HDF5 file; a pixel is an index into the palette of its character.
///
/// The datasets are `index` [characters, frames, 60, 60] and `palette` [characters, colours, 3].
/// The official split is in `trainidx`, `validx` and `testidx`, which count from 1.
struct SpriteSheet: SpriteSource {
  let frames: Int
  let split: [Split: [Int]]
  private let path: String
  private let characters: Int, colours: Int

  /// Opens the file.
  ///
  /// - Throws: `HDF5Error` if a dataset is missing or of another kind; `DatasetError` if the split
  ///   names an unknown character.
  init(_ path: String) throws {
    let file = try File.open(path)
    self.path = path
    let index = try file.dataset("/index")
    try index.expect(
      .uint8, shape: [nil, nil, SpritesImporter.shape.height, SpritesImporter.shape.width])
    let palette = try file.dataset("/palette")
    try palette.expect(.uint8, shape: [index.shape[0], nil, 3])
    (characters, frames, colours) = (index.shape[0], index.shape[1], palette.shape[1])
    var split: [Split: [Int]] = [:]
    for (part, name) in [(Split.train, "trainidx"), (.validation, "validx"), (.test, "testidx")] {
      let numbers = try file.dataset("/\(name)").readAll(as: Int32.self).map { Int($0) - 1 }
      if let wrong = numbers.first(where: { !(0..<index.shape[0]).contains($0) }) {
        throw DatasetError.mismatch(
          file: path, item: "/\(name)", found: "\(wrong + 1)",
          expected: "numbers from 1 to \(index.shape[0])")
      }
      split[part] = numbers
    }
    self.split = split
    try file.close()
  }

  func has(_ character: Int) -> Bool { (0..<characters).contains(character) }

  /// The pixels of a character: the palette's colours for its indices.
  func pixels(of character: Int) throws -> [UInt8] {
    let file = try File.open(path)
    let rows = character..<character + 1
    let index: [UInt8] = try file.dataset("/index").read(rows: rows)
    let palette: [UInt8] = try file.dataset("/palette").read(rows: rows)
    try file.close()
    if let wrong = index.first(where: { Int($0) >= colours }) {
      throw DatasetError.mismatch(
        file: path, item: "/index of character \(character)", found: "\(wrong)",
        expected: "less than the \(colours) colours of its palette")
    }
    var pixels = [UInt8](repeating: 0, count: 3 * index.count)
    for (place, colour) in index.enumerated() {
      for channel in 0..<3 { pixels[3 * place + channel] = palette[3 * Int(colour) + channel] }
    }
    return pixels
  }
}
