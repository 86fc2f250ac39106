import Tensors

/// Damage that is planted on images on purpose, to see whether a model repairs it.
public enum PlantedDamage {
  /// The share of the pixels that is planted on, at least.
  public static let share = 0.1
  /// Blotches at most; images of any size have enough long before.
  private static let most = 1000

  /// Paints blotches (C12) on an image, one after another, until a tenth of the pixels is covered.
  ///
  /// The result is a function of the image, its row and the seed alone.
  ///
  /// - Parameters:
  ///   - values: of the image, [H, W, C].
  ///   - row: the image's number.
  public static func plant(
    on values: inout [Float], shape: ImageShape, row: Int, seed: UInt64
  ) {
    let before = values
    let pixels = shape.height * shape.width
    for time in 0..<most {
      values.withUnsafeMutableBufferPointer {
        Blotch(level: 1).apply(
          to: $0, shape: shape, row: row,
          draws: Draws(seed: seed, purpose: .hidden, time: 2 + time))
      }
      let covered = (0..<pixels).count { pixel in
        (pixel * shape.channels..<(pixel + 1) * shape.channels).contains {
          values[$0] != before[$0]
        }
      }
      if Double(covered) >= share * Double(pixels) { return }
    }
  }
}
