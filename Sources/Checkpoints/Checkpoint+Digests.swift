/// Checksums of a training state's values alone.
public struct StateDigests: Codable, Equatable, Sendable {
  /// Weights and running statistics, in name order.
  public let model: String
  /// Optimizer state, in the order of group, parameter and key.
  public let optimizer: String
  /// S, then R, in row order; nil for models without a split.
  public let split: String?
}

extension Checkpoint {
  /// XXH3-128 of the values alone, so that equal training states have equal digests whatever
  /// number of ranks wrote them, and when.
  ///
  /// - Throws: `HDF5Error` if a file lacks something.
  public func digests() throws -> StateDigests {
    let file = try openContents()
    let model = Digest()
    for array in try ContentsFile.model(in: file).sorted(by: { $0.name < $1.name }) {
      model.update(array.values)
    }
    let optimizer = Digest()
    for group in try ContentsFile.optimizer(in: file).sorted(by: { $0.name < $1.name }) {
      let entries = group.entries.sorted { ($0.parameter, $0.key) < ($1.parameter, $1.key) }
      for entry in entries { optimizer.update(entry.values) }
    }
    return StateDigests(
      model: model.text, optimizer: optimizer.text, split: try splitDigest())
  }

  /// XXH3-128 of each tensor of the model, by name.
  ///
  /// - Throws: `HDF5Error` if a file lacks something.
  public func tensorDigests() throws -> [String: String] {
    var digests: [String: String] = [:]
    for array in try ContentsFile.model(in: openContents()) {
      let digest = Digest()
      digest.update(array.values)
      digests[array.name] = digest.text
    }
    return digests
  }

  private func splitDigest() throws -> String? {
    guard let split = manifest.split else { return nil }
    let digest = Digest()
    let step = max(1, (1 << 20) / max(1, split.rowCount))
    let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: step * split.rowCount)
    defer { block.deallocate() }
    for name in SplitPart.allCases {
      for first in stride(from: 0, to: split.rows, by: step) {
        let rows = first..<min(first + step, split.rows)
        let part = UnsafeMutableBufferPointer(rebasing: block[..<(rows.count * split.rowCount)])
        try readSplit(name, rows: rows, into: part)
        digest.update(UnsafeRawBufferPointer(part))
      }
    }
    return digest.text
  }
}
