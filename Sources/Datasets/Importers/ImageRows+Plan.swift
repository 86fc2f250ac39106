import Images
import Support
import Synchronization

extension ImageRows {
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

  func framing(_ height: Int, _ width: Int, _ isGrey: Bool) -> Framing {
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
}
