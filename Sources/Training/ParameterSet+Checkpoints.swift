import Autodiff
import Checkpoints

extension ParameterSet {
  /// Copies the arrays of a checkpoint into the parameters' values.
  ///
  /// - Throws: `RunError` when an array is missing or has another size.
  public func fill(
    _ flat: UnsafeMutablePointer<Float>, from model: [NamedArray], of checkpoint: Checkpoint
  ) throws {
    for (i, entry) in entries.enumerated() {
      let found = model.first { $0.name == entry.name }
      guard let found, found.values.count == entry.parameter.shape.count else {
        throw RunError.data(
          "\(checkpoint.directory)/checkpoint.h5",
          "/model/\(entry.name): found \(found.map { "\($0.shape)" } ?? "nothing"), expected "
            + "\(entry.parameter.shape.count) values of this model")
      }
      `import`(found.values, i, to: flat)
    }
  }
}
