import Tensors

/// Painted faces, 64x64x3, with attributes named as in CelebA.
///
/// Skin, hair, eyes, mouth, glasses, hats, beards, pose, light and background vary independently.
/// So a generative model has about thirty smooth dimensions and a dozen choices to learn.
public enum SyntheticFaces: SyntheticImages {
  /// `faces`.
  public static let kind = "faces"
  /// The help text.
  public static let help = """
    64x64 colour images of painted faces in varied skin, hair, eyes, mood, pose, light and
    background, with attributes as CelebA has them. --count 202599 makes a set of CelebA's size,
    2.49 GB.
    """
  /// 64x64x3.
  public static let shape = ImageShape(
    height: FaceCanvas.side, width: FaceCanvas.side, channels: 3)
  /// The attributes, in CelebA's order.
  public static let notes = SyntheticNotes.attributes(FaceTraits.attributeNames)

  /// Draws one face, `[64, 64, 3]`, and notes its attributes.
  public static func draw(
    _ index: Int, seed: UInt64, split: Split, into pixels: UnsafeMutablePointer<UInt8>,
    note: UnsafeMutablePointer<Int8>
  ) {
    let draws = Draws(seed: seed, purpose: .synthesis, time: split.index)
    let traits = withUnsafeTemporaryAllocation(of: Float.self, capacity: FaceTraits.drawCount) {
      uniform in
      if let first = uniform.baseAddress {
        draws.uniform(row: index, into: first, count: FaceTraits.drawCount)
      }
      return FaceTraits(UnsafeBufferPointer(uniform))
    }
    for (place, holds) in traits.attributes.enumerated() { note[place] = holds ? 1 : -1 }
    withUnsafeTemporaryAllocation(of: Octet.self, capacity: FaceCanvas.capacity) { planes in
      guard let first = planes.baseAddress else { return }
      let canvas = FaceCanvas(
        first, origin: traits.origin, scale: traits.scale, tilt: traits.tilt)
      FacePainter(traits: traits, canvas: canvas).paint()
      canvas.write(to: pixels)
    }
  }
}
