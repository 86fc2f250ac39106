import Tensors

extension ImageSet {
  /// Whether `byteCount` bytes of corrupted images are kept in memory.
  ///
  /// Otherwise images are corrupted on every request.
  public static func keepsCorrupted(byteCount: Int) -> Bool { byteCount <= 1 << 28 }

  /// The images of `rows` with a static corruption; row indices and `count` do not change.
  ///
  /// The corruption of a row is a pure function of (seed, split, row): it does not depend on
  /// `rows`. `CorruptImages` writes the same images to disk. 8-bit images stay 8-bit (clipped, then
  /// rounded to the nearest) if the noise stays in [0, 1]; otherwise values are floats. Small sets
  /// are kept in memory. The images of large sets are corrupted on every request, always to the
  /// same values. The result's `clean` is this set's `clean` or, without it, this set.
  ///
  /// Traps if a row is not in `heldRows`.
  public func corrupted(by corruption: Corruption, seed: UInt64, rows: Range<Int>) -> ImageSet {
    guard !corruption.isNone else { return self }
    return drawn(corruption, staticDraws(seed), rows: rows, clean: clean ?? self)
  }

  /// The draws of a static corruption.
  private func staticDraws(_ seed: UInt64) -> Draws {
    Draws(seed: seed, purpose: .staticCorruption, time: split.index)
  }

  /// The images of `rows` after a corruption with fixed draws; a small set is kept in memory.
  ///
  /// - Parameter noise: the `noise` of the result; nil for the corruption's SPEC.
  func drawn(
    _ corruption: Corruption, _ draws: Draws, rows: Range<Int>, clean: ImageSet?,
    noise: String? = nil
  ) -> ImageSet {
    let result: Format = isEightBit && corruption.staysInUnitRange ? .bytes : .floats
    return drawn(
      corruption, draws, rows: rows, clean: clean, noise: noise ?? corruption.spec,
      kept: Self.keepsCorrupted(byteCount: rows.count * shape.count * result.size))
  }

  /// The images of `rows` after a corruption with fixed draws, kept in memory if `kept` is true.
  func corrupted(
    by corruption: Corruption, seed: UInt64, rows: Range<Int>, kept: Bool
  ) -> ImageSet {
    drawn(
      corruption, staticDraws(seed), rows: rows, clean: clean ?? self, noise: corruption.spec,
      kept: kept)
  }

  private func drawn(
    _ corruption: Corruption, _ draws: Draws, rows: Range<Int>, clean: ImageSet?, noise: String,
    kept: Bool
  ) -> ImageSet {
    let result: Format = isEightBit && corruption.staysInUnitRange ? .bytes : .floats
    guard kept else {
      return derived(rows, as: result, noise: noise, clean: clean) {
        [shape] values, row in
        corruption.apply(to: values, shape: shape, row: row, draws: draws)
        guard result == .bytes else { return }
        for j in 0..<shape.count { values[j] = Float(eightBit(values[j])) / 255 }
      }
    }
    let memory = PixelMemory(allocating: rows.count * shape.count * result.size)
    write(rows, corruption, draws, as: result, into: memory.start)
    return ImageSet(
      path: path, split: split, shape: shape, count: count, heldRows: rows, format: result,
      memory: memory, labels: labels, clean: clean, noise: noise, dataset: dataset, files: files)
  }

  /// Writes the corrupted `rows` to `destination`, `[rows.count, H, W, C]` of `result`'s elements.
  func corrupt(
    _ rows: Range<Int>, by corruption: Corruption, seed: UInt64, as result: Format,
    into destination: UnsafeMutableRawPointer
  ) {
    write(rows, corruption, staticDraws(seed), as: result, into: destination)
  }

  private func write(
    _ rows: Range<Int>, _ corruption: Corruption, _ draws: Draws, as result: Format,
    into destination: UnsafeMutableRawPointer
  ) {
    let size = shape.count
    withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { image in
      guard let values = image.baseAddress else { return }
      for (i, row) in rows.enumerated() {
        gather(row..<row + 1, into: values)
        corruption.apply(to: values, shape: shape, row: row, draws: draws)
        let start = destination + i * size * result.size
        switch result {
        case .bytes:
          let bytes = start.assumingMemoryBound(to: UInt8.self)
          for j in 0..<size { bytes[j] = eightBit(values[j]) }
        case .floats:
          start.copyMemory(from: values, byteCount: size * MemoryLayout<Float>.size)
        }
      }
    }
  }
}

/// The 8-bit pixel of a value in [0, 1]: round(255 v).
///
/// Floats at 2^23 are integers, so the addition rounds to the nearest and leaves the pixel in the
/// lowest bits. Unlike a checked conversion, this vectorises.
func eightBit(_ value: Float) -> UInt8 {
  UInt8(truncatingIfNeeded: (value * 255 + 0x1p23).bitPattern)
}
