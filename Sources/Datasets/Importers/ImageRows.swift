import Images
import Support
import Synchronization

/// Writes image files as rows of a data set, on all cores.
struct ImageRows: Sendable {
  /// The options that determine how image files become rows.
  static let options = [size, fit, crop, grey, legacyStretch, background, skipBroken]
  /// The sides of an image, in pixels.
  static let size = ImportOption(
    "size", "HxW",
    "height and width, or N for both (default: as they are; celeba: 64; omniglot: 105)")
  private static let fit = ImportOption(
    "fit", "WAY",
    "what --size does to another form: crop to the middle (default), pad or stretch")
  private static let crop = ImportOption(
    "crop", "N", "pixels a side of the square cut out of the middle (default: the largest)")
  private static let grey = ImportOption(
    "grey", nil, "grey images instead of RGB (images: grey pictures stay grey)")
  private static let legacyStretch = ImportOption(
    "legacy-stretch", nil, "stretch each square to the full range, as the RVAE authors' library did"
  )
  private static let background = ImportOption(
    "background", "RGB", "behind transparent pixels: white (default), black or RRGGBB")
  private static let skipBroken = ImportOption(
    "skip-broken", nil, "leave broken image files out, and list them, instead of stopping")

  /// The source of the files.
  let source: ImageSource
  let skipsBroken: Bool
  private let sides: (height: Int, width: Int)?
  private let fit: Framing.Fit
  private let crop: Int?
  private let isGrey: Bool
  private let stretchesContrast: Bool
  private let background: Background
  private let inverts: Bool

  /// Rows from `source`, by the options of `request`.
  ///
  /// - Parameters:
  ///   - size: the default side of an image, in pixels; nil for the pictures' own sizes.
  ///   - isGrey: whether images are grey even if the request does not say so.
  ///   - inverts: whether a value p becomes 255 - p.
  /// - Throws: `DatasetError.option` for a wrong value.
  init(
    _ source: ImageSource, _ request: ImportRequest, size: Int? = 64, isGrey: Bool = false,
    inverts: Bool = false
  ) throws(DatasetError) {
    self.source = source
    self.inverts = inverts
    let colour = request.value(Self.background) ?? "white"
    guard let background = Background(colour) else {
      throw .option("--background", found: colour, expected: "white, black or RRGGBB")
    }
    self.background = background
    let crop = try request.integer(Self.crop, in: 1...65536)
    self.crop = crop
    let way = request.value(Self.fit) ?? Framing.Fit.crop.rawValue
    guard let fit = Framing.Fit(rawValue: way) else {
      throw .option("--fit", found: way, expected: "crop, pad or stretch")
    }
    self.fit = fit
    let asked = try request.value(Self.size).map { (text) throws(DatasetError) in
      try Self.sides(text)
    }
    sides = asked ?? size.map { ($0, $0) }
    if request.has(Self.fit), asked == nil {
      throw .option("--fit", found: way, expected: "it with --size alone")
    }
    if let crop, let sides, fit != .crop || sides.height != sides.width {
      throw .option(
        "--crop", found: "\(crop)", expected: "it with square images and --fit crop alone")
    }
    self.isGrey = isGrey || request.has(Self.grey)
    stretchesContrast = request.has(Self.legacyStretch)
    skipsBroken = request.has(Self.skipBroken)
  }

  /// `64` or `48x64`.
  private static func sides(_ text: String) throws(DatasetError) -> (height: Int, width: Int) {
    let numbers = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard (1...2).contains(numbers.count), numbers.allSatisfy((1...4096).contains),
      let first = numbers.first, let last = numbers.last
    else {
      throw .option(
        "--size", found: text, expected: "an integer from 1 to 4096, or two as HxW: 48x64")
    }
    return (first, last)
  }

  // MARK: - The form of the rows

  /// The form of all rows.
  struct Plan: Sendable {
    /// How pictures become images of one size; nil where each keeps its own.
    let framing: Framing?
    /// Whether images are grey; otherwise RGB.
    let isGrey: Bool
    /// Whether values are floats, as some pictures have 16 bits.
    let isDeep: Bool
    /// Whether pictures may have been brought from other sizes to this one.
    let resizes: Bool
    /// The sides of each picture, where each keeps its own; by the file.
    var sizes: [Int: (height: Int, width: Int)] = [:]
    /// Broken files that are left out from the start, each with its problem.
    var broken: [Int: String] = [:]

    var channels: Int { isGrey ? 1 : 3 }
    var valueSize: Int { isDeep ? MemoryLayout<Float>.size : 1 }
  }

  /// The form of rows of a set whose pictures all have 8 bits.
  func plan(size: Int) -> Plan {
    let (height, width) = sides ?? (size, size)
    return Plan(
      framing: framing(height, width, isGrey), isGrey: isGrey, isDeep: false, resizes: false)
  }

  /// The form of rows that keeps what all pictures have in common; looks at every file.
  ///
  /// - Throws: `ImageError` or `DatasetError` of the first broken file, unless broken files are
  ///   skipped; `DatasetError` if all are.
  func plan(for files: [Int], _ monitor: WorkMonitor, stopped: DatasetError) throws -> Plan {
    let headers = Mutex<[Int: PictureHeader]>([:])
    let failures = Mutex<[Int: any Error]>([:])
    let mayBeMixed = sides == nil && crop == nil
    try ImageBlocks(imageSize: 1 << 14).run(count: files.count) { row, _ in
      do {
        let header = try look(at: files[row], decoding: skipsBroken && mayBeMixed)
        headers.withLock { $0[files[row]] = header }
      } catch {
        failures.withLock { $0[files[row]] = error }
      }
    } use: { _, _ in
      if monitor.isStopped() { throw stopped }
    }
    let failed = failures.withLock { $0 }
    for file in files {
      guard let error = failed[file] else { continue }
      guard skipsBroken, isBroken(error) else { throw error }
    }
    let found = headers.withLock { $0 }
    let isGrey = self.isGrey || found.values.allSatisfy { $0.channels == 1 }
    let isDeep = found.values.contains { $0.depth > 8 }
    let own = found.values.first
    let isOneSize = found.values.allSatisfy { $0.height == own?.height && $0.width == own?.width }
    let broken = failed.mapValues { "\($0)" }
    guard mayBeMixed, !isOneSize else {
      let (height, width) =
        sides ?? crop.map { ($0, $0) } ?? (own?.height ?? 1, own?.width ?? 1)
      return Plan(
        framing: framing(height, width, isGrey), isGrey: isGrey, isDeep: isDeep,
        resizes: sides != nil || crop != nil, broken: broken)
    }
    return Plan(
      framing: nil, isGrey: isGrey, isDeep: isDeep, resizes: false,
      sizes: found.mapValues { ($0.height, $0.width) }, broken: broken)
  }

  private func framing(_ height: Int, _ width: Int, _ isGrey: Bool) -> Framing {
    Framing(
      height: height, width: width, fit: fit, crop: crop, isGrey: isGrey,
      stretchesContrast: stretchesContrast, background: background)
  }

  private func look(at file: Int, decoding: Bool) throws -> PictureHeader {
    let bytes = try source.read(file)
    guard let header = try PictureHeader.read(bytes, named: source.label(file)) else {
      throw unknown(file, bytes)
    }
    if decoding { _ = try DecodedPicture.decode(bytes, named: source.label(file)) }
    return header
  }

  private func unknown(_ file: Int, _ bytes: [UInt8]) -> DatasetError {
    .damaged(
      file: source.label(file),
      problem: bytes.isEmpty
        ? "an empty file" : "not a JPEG, PNG, TIFF, BMP, GIF or WebP file")
  }

  // MARK: - Writing

  /// The result for the files of one split.
  struct Outcome {
    /// Files that became rows, in order: indices of the source's names.
    var written: [Int] = []
    /// Broken files, each with its problem.
    var broken: [(file: Int, reason: String)] = []
    /// The sizes of the pictures, and what decoding has changed.
    var pictures = PictureCounts()
    /// The sides of each picture as viewers show it, in the order of `written`: `[N, 2]`.
    var sizes: [Int32] = []
    /// The bits of a value of each picture.
    var depths: [UInt8] = []

    /// Takes a picture that became a row.
    mutating func add(_ file: Int, _ picture: PictureCounts) {
      written.append(file)
      pictures.add(picture)
      sizes += [Int32(picture.largest.height), Int32(picture.largest.width)]
      depths.append(picture.isDeep ? 16 : 8)
    }
  }

  /// Writes the images of all splits; they must be the first content of `writer`.
  ///
  /// Sizes and depths are written where images do not tell them.
  ///
  /// - Parameter files: the files of each split, in the order of their rows: indices of the
  ///   source's names.
  /// - Returns: The result of each split. Splits without files, or with broken files only, are left
  ///   out.
  /// - Throws: `ImageError` or `DatasetError` of the first broken file, unless broken files are
  ///   skipped. `DatasetError` if a file cannot be read, all files are broken, or the monitor stops
  ///   the work. `HDF5Error` if the disk is full.
  func write(
    _ files: [Split: [Int]], as plan: Plan, to writer: DatasetWriter, _ monitor: WorkMonitor
  ) throws -> [Split: Outcome] {
    let total = files.values.reduce(0) { $0 + $1.count }
    var (outcomes, done): ([Split: Outcome], Int) = ([:], 0)
    var isCut = false
    for split in Split.allCases {
      guard let all = files[split], !all.isEmpty else { continue }
      let whole = all.filter { plan.broken[$0] == nil }
      func progress(_ count: Int) throws {
        monitor.progress(done + count, total)
        if monitor.isStopped() { throw writer.stopped }
      }
      var outcome = Outcome()
      if !whole.isEmpty {
        outcome =
          plan.framing == nil
          ? try writeMixed(whole, of: split, plan, to: writer, progress: progress)
          : try write(whole, of: split, plan, to: writer, progress: progress)
      }
      isCut = isCut || outcome.written.count < whole.count
      outcome.broken += all.compactMap { file in plan.broken[file].map { (file, $0) } }
      outcomes[split] = outcome
      done += all.count
    }
    if outcomes.values.contains(where: { !$0.broken.isEmpty }) {
      let counts = outcomes.mapValues(\.written.count)
      guard counts.values.contains(where: { $0 > 0 }) else {
        throw DatasetError.mismatch(
          file: source.path, item: "images", found: "\(total) broken ones alone",
          expected: "at least one that is whole, but \(outcomes.firstReason)")
      }
      if isCut { try writer.keepImages(counts) }
    }
    let isDeep = outcomes.values.contains { $0.depths.contains(16) }
    for (split, outcome) in outcomes where !outcome.written.isEmpty {
      if plan.framing == nil || plan.resizes { try writer.write(sizes: outcome.sizes, of: split) }
      if isDeep { try writer.write(depths: outcome.depths, of: split) }
      if plan.resizes { try writer.note(framing: fit.rawValue, crop: crop, on: split) }
    }
    return outcomes
  }

  /// Writes the images of one split, all of one size.
  private func write(
    _ files: [Int], of split: Split, _ plan: Plan, to writer: DatasetWriter,
    progress: (Int) throws -> Void
  ) throws -> Outcome {
    guard let framing = plan.framing else { return Outcome() }
    let shape = ImageShape(
      height: framing.height, width: framing.width, channels: framing.channels)
    let type: ImageSet.Format = plan.isDeep ? .floats : .bytes
    let dataset = try writer.createImages(
      split, count: files.count, shape: shape, type: type.elementType)
    let size = framing.count * type.size
    let results = Mutex<[Int: Result<PictureCounts, any Error>]>([:])
    var outcome = Outcome()
    try ImageBlocks(imageSize: size).run(count: files.count) { row, image in
      let result = Result {
        try make(image, from: files[row], framing, isDeep: plan.isDeep)
      }
      results.withLock { $0[row] = result }
    } use: { rows, pixels in
      let made = results.withLock { made in
        defer { made = [:] }
        return made
      }
      var whole: [Int] = []
      let before = outcome.written.count
      for row in rows {
        switch made[row] {
        case .success(let picture):
          outcome.add(files[row], picture)
          whole.append(row)
        case .failure(let error):
          guard skipsBroken, isBroken(error) else { throw error }
          outcome.broken.append((files[row], "\(error)"))
        case nil: break
        }
      }
      // Whole images between two broken images are written together.
      var first = before
      for run in whole.consecutiveRuns {
        try dataset.write(
          rows: first..<first + run.count, from: pixels + (run.lowerBound - rows.lowerBound) * size,
          as: type.elementType)
        first += run.count
      }
      try progress(rows.upperBound)
    }
    return outcome
  }

  /// Writes the pictures of one split one after another, each in its own size.
  private func writeMixed(
    _ files: [Int], of split: Split, _ plan: Plan, to writer: DatasetWriter,
    progress: (Int) throws -> Void
  ) throws -> Outcome {
    let areas = files.map { file in plan.sizes[file].map { $0.height * $0.width } ?? 0 }
    let type: ImageSet.Format = plan.isDeep ? .floats : .bytes
    let dataset = try writer.createPixels(
      split, count: areas.reduce(0, +), channels: plan.channels, type: type.elementType)
    var (outcome, place) = (Outcome(), 0)
    let results = Mutex<[Int: Result<PictureCounts, any Error>]>([:])
    let size = (areas.max() ?? 1) * plan.channels * type.size
    try ImageBlocks(imageSize: size).run(count: files.count) { row, image in
      let result = Result {
        guard let sides = plan.sizes[files[row]] else {
          throw DatasetError.damaged(file: source.label(files[row]), problem: "changes")
        }
        return try make(
          image, from: files[row], framing(sides.height, sides.width, plan.isGrey),
          isDeep: plan.isDeep)
      }
      results.withLock { $0[row] = result }
    } use: { rows, pixels in
      let made = results.withLock { made in
        defer { made = [:] }
        return made
      }
      for row in rows {
        guard let result = made[row] else { continue }
        outcome.add(files[row], try result.get())
        try dataset.write(
          rows: place..<place + areas[row], from: pixels + (row - rows.lowerBound) * size,
          as: type.elementType)
        place += areas[row]
      }
      try progress(rows.upperBound)
    }
    return outcome
  }

  /// Decodes a file and makes its image, of bytes or of floats.
  private func make(
    _ image: UnsafeMutablePointer<UInt8>, from file: Int, _ framing: Framing, isDeep: Bool
  ) throws -> PictureCounts {
    let bytes = try source.read(file)
    let label = source.label(file)
    guard
      let picture = try DecodedPicture.decode(bytes, named: label, background: background)
    else { throw unknown(file, bytes) }
    func check<Value>(_ picture: Raster<Value>) throws {
      guard framing.fits(picture) else {
        let side = framing.crop ?? 1
        throw DatasetError.mismatch(
          file: label, item: "size", found: "\(picture.width)x\(picture.height) pixels",
          expected: "at least \(side)x\(side), the crop")
      }
    }
    let floats = UnsafeMutableRawPointer(image)
    switch picture.pixels {
    case .bytes(let pixels):
      try check(pixels)
      guard isDeep else {
        framing.apply(to: pixels, into: image)
        if inverts { for i in 0..<framing.count { image[i] = 255 - image[i] } }
        break
      }
      let values = [UInt8](unsafeUninitializedCapacity: framing.count) { buffer, count in
        if let start = buffer.baseAddress { framing.apply(to: pixels, into: start) }
        count = framing.count
      }
      let target = floats.bindMemory(to: Float.self, capacity: framing.count)
      for (i, value) in values.enumerated() {
        target[i] = Float(inverts ? 255 - value : value) / 255
      }
    case .words(let pixels):
      try check(pixels)
      guard isDeep else {
        throw ImageError(
          path: label, operation: .read, format: picture.format,
          reason: "found 16 bits a channel, expected 8 or fewer")
      }
      let target = floats.bindMemory(to: Float.self, capacity: framing.count)
      framing.apply(to: pixels, into: target)
      if inverts { for i in 0..<framing.count { target[i] = 1 - target[i] } }
    }
    return PictureCounts(picture, reshaped: framing.reshapes)
  }

  /// One line about all pictures: how many, their sizes, what became of them, what was left out.
  func note(_ outcomes: [Split: Outcome], _ plan: Plan) -> String {
    let counts = outcomes.values.reduce(into: PictureCounts()) { $0.add($1.pictures) }
    return "read \(source.path): "
      + counts.text(plan.framing, isGrey: plan.isGrey, resizes: plan.resizes, inverted: inverts)
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
