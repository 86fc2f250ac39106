import CKernels
import Datasets
import Tensors

/// What a model makes of one whole image, [H, W, C] each.
struct WholeImage {
  let shape: ImageShape
  /// The image: the model's input where the run has one stage.
  var x: [Float]
  /// D(E(X)), from mean codes.
  var reconstruction: [Float] = []
  /// L of the first stage of a run with two; empty for a run with one.
  var first: [Float] = []
  /// The clean and the sparse part; empty for a model without.
  var l: [Float] = [], s: [Float] = []
}

extension Explainer {
  /// Whole images, one after another: rows of the set, or images put together from their patches.
  ///
  /// L and the reconstruction of a pixel are means over the patches that see it; S is then made
  /// from X - L of the whole image by the run's rule, and so belongs to no patch.
  ///
  /// - Parameters:
  ///   - block: some images.
  ///   - reconstructs: whether D(E(X)) is wanted, too.
  ///   - splits: whether L and S are wanted.
  ///   - noisy: whether inputs get the noise of measurements (`inputNoise(for:)`).
  ///   - patches: gets patches that are split, some rows at a time, and their own S; [rows, D].
  func whole(
    _ block: Range<Int>, reconstructs: Bool, splits: Bool, noisy: Bool = true,
    patches: (Range<Int>, [Float]) throws -> Void = { _, _ in },
    _ body: (Int, WholeImage) throws -> Void
  ) throws {
    if let source = images.patching {
      for image in block {
        try body(
          image,
          try assemble(
            image, source, reconstructs: reconstructs, splits: splits, noisy: noisy, patches))
      }
      return
    }
    let d = images.shape.count
    let input = noisy ? input(block) : target(block)
    let x = first == nil ? input.values : images.values(block)
    let first = first == nil ? [] : seen(block)
    let reconstruction = reconstructs ? reconstruction(of: input).values : []
    let (l, s) = splits ? try split(block) : ([], [])
    for (i, image) in block.enumerated() {
      func part(_ values: [Float]) -> [Float] {
        values.isEmpty ? [] : Array(values[i * d..<(i + 1) * d])
      }
      try body(
        image,
        WholeImage(
          shape: images.shape, x: part(x), reconstruction: part(reconstruction),
          first: part(first), l: part(l), s: part(s)))
    }
  }

  /// An image from its patches, which are computed in blocks of consecutive ones.
  private func assemble(
    _ image: Int, _ source: PatchSource, reconstructs: Bool, splits: Bool, noisy: Bool,
    _ patches: (Range<Int>, [Float]) throws -> Void
  ) throws -> WholeImage {
    let shape = source.images.shape(of: image)
    let pixels = shape.height * shape.width
    var counts = [Float](repeating: 0, count: pixels)
    var again = counts
    var (l, reconstruction) = (
      [Float](repeating: 0, count: splits ? shape.count : 0),
      [Float](repeating: 0, count: reconstructs ? shape.count : 0)
    )
    let all = source.grid.rows(of: image)
    for first in stride(from: all.lowerBound, to: all.upperBound, by: images.shape.blockRows) {
      let rows = first..<min(first + images.shape.blockRows, all.upperBound)
      if splits {
        let (part, s) = try split(rows)
        source.add(rows, of: image, part, to: &l, &counts)
        try patches(rows, s)
      }
      if reconstructs {
        let output = self.reconstruction(of: noisy ? input(rows) : target(rows)).values
        source.add(rows, of: image, output, to: &reconstruction, &again)
      }
    }
    for i in l.indices { l[i] /= counts[i / shape.channels] }
    for i in reconstruction.indices { reconstruction[i] /= again[i / shape.channels] }
    let x = source.images.values(image..<image + 1)
    guard splits else {
      return WholeImage(shape: shape, x: x, reconstruction: reconstruction)
    }
    var s = zip(x, l).map { $0 - $1 }
    let deviations = s
    if cleanPart != .whole, cleanPart != .restored {
      shrinkage.apply(deviations, to: &s, count: s.count)
    }
    return WholeImage(shape: shape, x: x, reconstruction: reconstruction, l: l, s: s)
  }
}
