import HDF5

/// Checksums of a training state's values alone.
public struct StateDigests: Codable, Equatable, Sendable {
  /// Weights and running statistics, in name order.
  public let model: String
  /// Optimizer state, in the order of group, parameter and key.
  public let optimizer: String
  /// The arrays of the row state in their order, each in row order; nil for models without one.
  ///
  /// Names do not enter the digest.
  public let rowState: String?

  private enum CodingKeys: String, CodingKey {
    case model, optimizer
    case rowState = "split"
  }
}

extension Checkpoint {
  /// XXH3-128 of the values alone.
  ///
  /// Equal training states have equal digests, on any number of ranks.
  ///
  /// - Throws: `HDF5Error` if a file lacks something.
  public func digests() throws -> StateDigests {
    let (arrays, groups) = try reading { file throws(HDF5Error) in
      (try ContentsFile.model(in: file), try ContentsFile.optimizer(in: file))
    }
    let model = Digest()
    for array in arrays.sorted(by: { $0.name < $1.name }) {
      model.update(array.values)
    }
    let optimizer = Digest()
    for group in groups.sorted(by: { $0.name < $1.name }) {
      let entries = group.entries.sorted { ($0.parameter, $0.key) < ($1.parameter, $1.key) }
      for entry in entries { optimizer.update(entry.values) }
    }
    return StateDigests(
      model: model.text, optimizer: optimizer.text, rowState: try rowDigest())
  }

  /// XXH3-128 of each tensor of the model, by name.
  ///
  /// - Throws: `HDF5Error` if a file lacks something.
  public func tensorDigests() throws -> [String: String] {
    var digests: [String: String] = [:]
    let arrays = try reading { file throws(HDF5Error) in try ContentsFile.model(in: file) }
    for array in arrays {
      let digest = Digest()
      digest.update(array.values)
      digests[array.name] = digest.text
    }
    return digests
  }

  private func rowDigest() throws -> String? {
    guard let layout = manifest.rowLayout else { return nil }
    let digest = Digest()
    let atOnce = max(1, (1 << 20) / max(1, layout.rowCount))
    let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: atOnce * layout.rowCount)
    defer { block.deallocate() }
    for array in layout.arrays {
      for first in stride(from: 0, to: layout.rows, by: atOnce) {
        let rows = first..<min(first + atOnce, layout.rows)
        let values = UnsafeMutableBufferPointer(rebasing: block[..<(rows.count * layout.rowCount)])
        try read(array.name, rows: rows, into: values)
        digest.update(UnsafeRawBufferPointer(values))
      }
    }
    return digest.text
  }
}
