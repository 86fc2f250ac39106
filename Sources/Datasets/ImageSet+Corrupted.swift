import Tensors

extension ImageSet {
  /// Whether images corrupted here are kept in memory, `byteCount` bytes of them, and not made anew
  /// whenever they are asked for.
  public static func keepsCorrupted(byteCount: Int) -> Bool { byteCount <= 1 << 28 }

  /// The images of `rows` with a static corruption; row indices and `count` stay.
  ///
  /// A row's corruption is a pure function of (seed, split, row): it does not depend on `rows`, and
  /// is what `CorruptImages` writes to disk. 8-bit images stay 8-bit (clipped, then rounded to the
  /// nearest) where the noise stays in [0, 1]; otherwise values are floats. Small sets are kept in
  /// memory; the images of large ones are corrupted whenever they are asked for, to the same values.
  /// The result's `clean` is this set, or its own `clean` where it has one.
  ///
  /// Traps where a row is not at hand.
  public func corrupted(by corruption: Corruption, seed: UInt64, rows: Range<Int>) -> ImageSet {
    guard !corruption.isNone else { return self }
    return drawn(corruption, staticDraws(seed), rows: rows, clean: clean ?? self)
  }

  /// The draws of a static corruption.
  private func staticDraws(_ seed: UInt64) -> Draws {
    Draws(seed: seed, purpose: .staticCorruption, time: split.index)
  }

  /// The images of `rows` after a corruption with draws that stay, kept in memory where they are few.
  ///
  /// - Parameter noise: what the result is said to suffer from; nil for the corruption.
  func drawn(
    _ corruption: Corruption, _ draws: Draws, rows: Range<Int>, clean: ImageSet?,
    noise: String? = nil
  ) -> ImageSet {
    let result: Format = isEightBit && corruption.staysInUnitRange ? .bytes : .floats
    return drawn(
      corruption, draws, rows: rows, clean: clean, noise: noise ?? corruption.spec,
      kept: Self.keepsCorrupted(byteCount: rows.count * shape.count * result.size))
  }

  /// The same, kept in memory or not.
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
      memory: memory, labels: labels, clean: clean, noise: noise)
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
/// At 2^23 floats are the integers, so the addition rounds to the nearest and leaves the pixel in the
/// lowest bits: unlike a checked conversion, it vectorises.
func eightBit(_ value: Float) -> UInt8 {
  UInt8(truncatingIfNeeded: (value * 255 + 0x1p23).bitPattern)
}
