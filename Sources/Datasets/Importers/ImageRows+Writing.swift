import Images
import Support
import Synchronization

extension ImageRows {
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
