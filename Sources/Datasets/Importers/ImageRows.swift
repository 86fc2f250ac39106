import Images
import Synchronization

/// Writes image files as rows of a data set, on all cores; each file is read once.
struct ImageRows: Sendable {
  /// The options that determine how image files become rows.
  static let options = [size, crop, grey, legacyStretch, background, skipBroken]
  /// The side of an image, in pixels.
  static let size = ImportOption(
    "size", "N", "pixels a side of an image (default 64; 105 for omniglot)")
  private static let crop = ImportOption(
    "crop", "N", "pixels a side of the square cut out of the middle (default: the largest)")
  private static let grey = ImportOption("grey", nil, "grey images instead of RGB")
  private static let legacyStretch = ImportOption(
    "legacy-stretch", nil, "stretch each square to the full range, as the RVAE authors' library did"
  )
  private static let background = ImportOption(
    "background", "RGB", "behind transparent pixels: white (default), black or RRGGBB")
  private static let skipBroken = ImportOption(
    "skip-broken", nil, "leave broken image files out, and list them, instead of stopping")

  /// The source of the files.
  let source: ImageSource
  private let framing: Framing
  private let background: Background
  private let skipsBroken: Bool
  private let inverts: Bool

  /// Rows from `source`, by the options of `request`.
  ///
  /// - Parameters:
  ///   - size: the default side of an image, in pixels.
  ///   - isGrey: whether images are grey even if the request does not say so.
  ///   - inverts: whether a value p becomes 255 - p.
  /// - Throws: `DatasetError.option` for a wrong value.
  init(
    _ source: ImageSource, _ request: ImportRequest, size: Int = 64, isGrey: Bool = false,
    inverts: Bool = false
  ) throws(DatasetError) {
    self.source = source
    self.inverts = inverts
    let colour = request.value(Self.background) ?? "white"
    guard let background = Background(colour) else {
      throw .option("--background", found: colour, expected: "white, black or RRGGBB")
    }
    self.background = background
    framing = Framing(
      size: try request.integer(Self.size, in: 1...4096) ?? size,
      crop: try request.integer(Self.crop, in: 1...65536),
      isGrey: isGrey || request.has(Self.grey),
      stretchesContrast: request.has(Self.legacyStretch))
    skipsBroken = request.has(Self.skipBroken)
  }

  /// The result for the files of one split.
  struct Outcome {
    /// Files that became rows, in order: indices of the source's names.
    var written: [Int] = []
    /// Broken files, each with its problem.
    var broken: [(file: Int, reason: String)] = []
    /// The sizes of the pictures, and what decoding has changed.
    var pictures = PictureCounts()
  }

  /// Writes the images of all splits; they must be the first content of `writer`.
  ///
  /// - Parameter files: the files of each split, in the order of their rows: indices of the
  ///   source's names.
  /// - Returns: The result of each split. Splits without files, or with broken files only, are left
  ///   out.
  /// - Throws: `ImageError` or `DatasetError` of the first broken file, unless broken files are
  ///   skipped. `DatasetError` if a file cannot be read, all files are broken, or the monitor stops
  ///   the work. `HDF5Error` if the disk is full.
  func write(
    _ files: [Split: [Int]], to writer: DatasetWriter, _ monitor: WorkMonitor
  ) throws -> [Split: Outcome] {
    let total = files.values.reduce(0) { $0 + $1.count }
    var (outcomes, done): ([Split: Outcome], Int) = ([:], 0)
    for split in Split.allCases {
      guard let files = files[split], !files.isEmpty else { continue }
      outcomes[split] = try write(files, of: split, to: writer) { count in
        monitor.progress(done + count, total)
        if monitor.isStopped() { throw writer.stopped }
      }
      done += files.count
    }
    if outcomes.values.contains(where: { !$0.broken.isEmpty }) {
      let counts = outcomes.mapValues(\.written.count)
      guard counts.values.contains(where: { $0 > 0 }) else {
        throw DatasetError.mismatch(
          file: source.path, item: "images", found: "\(total) broken ones alone",
          expected: "at least one that is whole, but \(outcomes.firstReason)")
      }
      try writer.keepImages(counts)
    }
    return outcomes
  }

  /// Writes the images of one split.
  private func write(
    _ files: [Int], of split: Split, to writer: DatasetWriter, progress: (Int) throws -> Void
  ) throws -> Outcome {
    let shape = ImageShape(height: framing.size, width: framing.size, channels: framing.channels)
    let dataset = try writer.createImages(split, count: files.count, shape: shape)
    let failures = Mutex<[Int: any Error]>([:])
    let pictures = Mutex(PictureCounts())
    var outcome = Outcome()
    try ImageBlocks(imageSize: framing.count).run(count: files.count) { row, image in
      do {
        let found = try make(image, from: files[row])
        pictures.withLock { $0.add(found) }
      } catch {
        failures.withLock { $0[row] = error }
      }
    } use: { rows, pixels in
      let failed = failures.withLock { failed in
        defer { failed = [:] }
        return failed
      }
      for row in failed.keys.sorted() {
        guard let error = failed[row] else { continue }
        guard skipsBroken, isBroken(error) else { throw error }
        outcome.broken.append((files[row], "\(error)"))
      }
      // Whole images between two broken images are written together.
      for run in rows.filter({ failed[$0] == nil }).consecutiveRuns {
        let first = outcome.written.count
        try dataset.write(
          rows: first..<first + run.count,
          from: pixels + (run.lowerBound - rows.lowerBound) * framing.count, as: .uint8)
        outcome.written += files[run]
      }
      try progress(rows.upperBound)
    }
    outcome.pictures = pictures.withLock { $0 }
    return outcome
  }

  /// Decodes a file and makes its image.
  private func make(_ image: UnsafeMutablePointer<UInt8>, from file: Int) throws -> PictureCounts {
    let bytes = try source.read(file)
    let label = source.label(file)
    guard
      let (picture, changes) = try Picture.decode(bytes, named: label, background: background)
    else {
      throw DatasetError.damaged(
        file: label, problem: bytes.isEmpty ? "an empty file" : "neither a JPEG nor a PNG file")
    }
    guard framing.fits(picture) else {
      let side = framing.crop ?? 1
      throw DatasetError.mismatch(
        file: label, item: "size", found: "\(picture.width)x\(picture.height) pixels",
        expected: "at least \(side)x\(side), the crop")
    }
    framing.apply(to: picture, into: image)
    if inverts { for i in 0..<framing.count { image[i] = 255 - image[i] } }
    return PictureCounts(picture, changes, isFramed: framing.crops(picture))
  }

  /// One line about all pictures: how many, their sizes, what became of them, what was left out.
  func note(_ outcomes: [Split: Outcome]) -> String {
    let counts = outcomes.values.reduce(into: PictureCounts()) { $0.add($1.pictures) }
    let form = "\(framing.size)x\(framing.size)x\(framing.channels)"
    return "read \(source.path): " + counts.text(resizedTo: form, inverted: inverts)
      + source.leftOut
  }

  /// Whether the file is broken, and not the disk.
  private func isBroken(_ error: any Error) -> Bool {
    switch error {
    case is ImageError: true
    case DatasetError.damaged, DatasetError.mismatch: true
    default: false
    }
  }
}

extension [Split: ImageRows.Outcome] {
  /// The broken files of all splits, in the order of their names, for a report.
  func skipped(names: [String]) -> [ImportReport.Skipped] {
    values.flatMap(\.broken).sorted { $0.file < $1.file }
      .map { ImportReport.Skipped(name: names[$0.file], reason: $0.reason) }
  }

  fileprivate var firstReason: String {
    values.flatMap(\.broken).min { $0.file < $1.file }?.reason ?? "none is"
  }
}

extension [Int] {
  /// Ascending numbers as ranges of consecutive numbers.
  fileprivate var consecutiveRuns: [Range<Int>] {
    var runs: [Range<Int>] = []
    for number in self {
      if let last = runs.last, last.upperBound == number {
        runs[runs.count - 1] = last.lowerBound..<number + 1
      } else {
        runs.append(number..<number + 1)
      }
    }
    return runs
  }
}
