import Autodiff
import Checkpoints
import Datasets
import Layers
import Support
import Tensors
import Training

/// A filter of images as a model: L of an image is the filtered image, and nothing is learned.
///
/// It makes one sweep, which tells how much the filter takes away. Its codes are empty: one 0 for
/// each image.
protocol ImageFilter: Encoding, Fitted {
  /// What the sweep found.
  var record: FilterRecord { get }
  /// Filters `count` images, [count, H, W, C], each by itself; the memories do not overlap.
  func filter(
    _ x: UnsafePointer<Float>, _ count: Int, to result: UnsafeMutablePointer<Float>)
}

/// What the sweep of a filter found.
struct FilterRecord: Module {
  /// What the filter takes away: half of the squared distance, mean over the images, [1].
  let removed = Parameter(Shape(1), .zeros)
  var parameters: [(String, Parameter)] { [("removed", removed)] }
}

extension ImageFilter {
  /// A filter has no codes.
  var hasCodes: Bool { false }

  /// Zeros, [B, 1].
  func encode(_ x: Variable) -> Code {
    let code = x.tape.constant(Shape(x.shape.rows, 1))
    code.pointer.update(repeating: 0, count: x.shape.rows)
    return Code(mean: code)
  }

  /// The filtered images, [B, D].
  func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    let result = x.tape.constant(x.shape)
    filter(x.pointer, x.shape.rows, to: result.pointer)
    return result
  }

  /// A squared distance.
  static var lossUnit: Measure { .change }

  /// No arrays.
  static func rowArrays(kept storage: RowStorageKind) -> [RowArray] { [] }

  func start(_ session: Session) throws {}

  /// Compares the images with the filtered ones.
  ///
  /// **Collective.**
  ///
  /// - Returns: half of the squared distance, mean over the images.
  func sweep(_ session: Session) throws -> SweepResult {
    let rows = session.trainer.rows
    let taken = try rows.sum(1) { part, sums in
      let count = part.count * rows.dimensions
      let (x, l) = (Storage(count: count), Storage(count: count))
      rows.images.gather(part, into: x.pointer)
      filter(x.pointer, part.count, to: l.pointer)
      for i in 0..<count {
        let difference = Double(x.pointer[i]) - Double(l.pointer[i])
        sums[0] += difference * difference
      }
    }[0]
    let objective = 0.5 * taken / Double(rows.count)
    try session.trainer.publish([(record.removed, [Float(objective)])])
    return SweepResult(objective: objective, hasConverged: true)
  }
}

/// The side of a square of pixels with one in the middle.
enum ImageFilterSize {
  /// - Throws: `ConfigurationError` for an even one.
  static func check(_ key: String, _ side: Int) throws(ConfigurationError) {
    guard side % 2 == 1 else {
      throw ConfigurationError(key: key, found: "\(side)", expected: "an odd number")
    }
  }
}

extension Preset {
  /// A preset of a filter: one sweep.
  static func filter(_ name: String, _ summary: String, _ settings: [Setting]) -> Preset {
    Preset(
      name: name, summary: summary,
      settings: settings + [
        Setting("epochs=1", "own: one sweep"),
        Setting("batch=128", "own: only how rows are counted"), Setting("grid_every=0", "own"),
        Setting("collapse_spread=0", "own: blank images stay blank"),
      ])
  }
}
