import Autodiff
import Checkpoints

extension ParameterSet {
  /// Copies the arrays of a checkpoint into the parameters' values.
  ///
  /// - Throws: `RunError` when an array is missing or has another shape.
  public func fill(
    _ flat: UnsafeMutablePointer<Float>, from model: [NamedArray], of checkpoint: Checkpoint
  ) throws {
    let arrays = Dictionary(model.map { ($0.name, $0) }) { first, _ in first }
    try check(arrays.mapValues(\.shape), of: checkpoint)
    for (i, entry) in entries.enumerated() {
      if let found = arrays[entry.name] { `import`(found.values, i, to: flat) }
    }
  }

  /// Compares the shapes of a checkpoint's arrays with those of the parameters, which need no
  /// memory for that.
  ///
  /// - Throws: `RunError` when an array is missing or has another shape.
  public func check(_ shapes: [String: [Int]], of checkpoint: Checkpoint) throws {
    for (i, entry) in entries.enumerated() {
      let expected = fileShape(i)
      guard shapes[entry.name] != expected else { continue }
      throw RunError.data(
        checkpoint.contentsPath,
        "/model/\(entry.name): found \(shapes[entry.name].map { "\($0)" } ?? "nothing"), expected "
          + "\(expected), as this model has it")
    }
  }
}
