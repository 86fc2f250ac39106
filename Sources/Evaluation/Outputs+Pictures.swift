import Datasets
import Foundation
import Images
import Runs
import Support
import Training

/// Pictures for people.
extension Outputs {
  /// What a folder of pictures shows of each image.
  public enum Shown: String, CaseIterable, Sendable {
    /// The clean part.
    case clean = "L"
    /// The image without the sparse part.
    case rest = "X-S"
    /// The image where it is near the clean part, the clean part elsewhere (`Shrinkage.repair`).
    case repaired
  }

  /// Writes one PNG picture of each row into a folder, under the name of its original, in its size
  /// and depth.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - path: the folder; it ends in `/`.
  ///   - rounds: the largest number of rounds that split rows outside the training set.
  /// - Returns: what a reader should know, a line each.
  /// - Throws: `DatasetError` if the folder may not be written, or the model has no S to show.
  public func denoise(_ data: ImageSet, as shown: Shown, into path: String, rounds: Int) throws
    -> [String]
  {
    let rows = try SplitRows(trained, data, rounds: rounds, on: world)
    let source = rows.source
    let originals = try world.agree { try Originals(of: data.whole) }
    try world.agree {
      guard shown != .clean, !rows.hasSparsePart else { return }
      throw DatasetError.option(
        "--as", found: "\(shown.rawValue) of a model without a sparse part S", expected: "L")
    }
    let whole = source.whole
    let shape = whole.largestShape
    let names = PictureNames(
      originals.names.map { Array($0.prefix(source.count)) }, count: source.count)
    let largest = originals.sizes?.prefix(source.count).map { $0.height * $0.width }.max()
    let bytes = max(largest ?? 0, shape.height * shape.width) * shape.channels * 2
    let folder = try world.agree { () -> PictureFolder? in
      guard world.isRoot else { return nil }
      try checkTarget(path, data)
      return try PictureFolder(path, force: force)
    }
    var (starts, values) = ([Int: Int](), [Float]())
    try RowBlocks(rows: source.count, of: shape, on: world).collect(
      rowBytes: bytes + bytes / 512 + (1 << 16)
    ) { block in
      let split = try rows.split(block)
      var start = 0
      starts = [:]
      for row in block {
        starts[row] = start
        start += whole.shape(of: row).count
      }
      values =
        switch shown {
        case .clean: split.l
        case .rest: zip(split.x, split.s).map { $0 - $1 }
        case .repaired: trained.shrinkage.repair(split.x, split.l)
        }
    } encode: { row in
      let shape = whole.shape(of: row)
      let start = starts[row] ?? 0
      let image = Array(values[start..<start + shape.count])
      let size =
        whole.isMixed
        ? (shape.height, shape.width) : originals.sizes?[row] ?? (shape.height, shape.width)
      let restored = originals.fit.restore(
        image, height: shape.height, width: shape.width, channels: shape.channels, to: size,
        crop: originals.sizes == nil ? nil : originals.crop)
      return try PNG.encode(
        restored.values, height: restored.height, width: restored.width, channels: shape.channels,
        bits: Int(originals.depths?[row] ?? 8), named: path + names.names[row])
    } write: { row, bytes in
      try folder?.write(bytes, as: names.names[row])
    }
    try world.agree {
      try folder?.finish(
        origin(data).map { JSONValue.Member($0.name, .string($0.value)) } + [
          JSONValue.Member("as", .string(shown.rawValue)),
          JSONValue.Member("pictures", .array(names.names.map { .string($0) })),
        ])
    }
    return [rows.cleanPart.description]
      + [names.note, whole.isMixed ? nil : note(originals, source)]
      .compactMap { $0 }
  }

  /// What became of the pictures' sizes.
  private func note(_ originals: Originals, _ source: Source) -> String? {
    let shape = source.whole.shape
    let others = (originals.sizes ?? []).prefix(source.count).count {
      $0 != (shape.height, shape.width)
    }
    guard others > 0 else { return nil }
    return "\(Quantity.count(others, "picture")) of other sizes than the data set's "
      + "\(shape.height)x\(shape.width) were brought back to theirs"
      + (originals.fit == .crop || originals.crop != nil ? ", without what the import cut off" : "")
  }

  /// Draws X, L, S and more of some rows side by side, the same rows as in every other picture.
  ///
  /// **Collective.**
  ///
  /// - Returns: where L came from.
  @discardableResult
  public func drawSplit(_ data: ImageSet, to path: String, rounds: Int) throws -> CleanPart {
    let rows = try SplitRows(trained, data, rounds: rounds, on: world)
    try writeSheet(
      of: rows.source, data, to: path, rows.cleanPart.description,
      isRestored: rows.cleanPart == .restored
    ) { row in
      let split = try rows.split(row)
      return (split.l, rows.hasSparsePart ? split.s : nil, rows.first(row))
    }
    return rows.cleanPart
  }

  /// Writes a sheet of the pinned rows; `explain` gives what stands for the clean part, S, and L of
  /// a first stage.
  ///
  /// - Parameter isRestored: whether the former is found by the known noise.
  ///
  /// **Collective.** Rank 0 computes and writes.
  func writeSheet(
    of source: Source, _ data: ImageSet, to path: String, _ words: String,
    isRestored: Bool = false,
    explain: (Range<Int>) throws -> (explained: [Float], sparse: [Float]?, first: [Float]?)
  ) throws {
    try world.agree {
      guard world.isRoot else { return }
      try checkTarget(path, data)
      let originals = try Originals(of: data.whole)
      let pinned = SplitSheet.pinned(of: source.count)
      let shape = source.whole.largestShape
      var (x, explained, clean) = ([Float](), [Float](), [Float]())
      var (sparse, repaired, first) = ([Float](), [Float](), [Float]())
      for row in pinned {
        let found = try explain(row..<row + 1)
        let values = source.whole.values(row..<row + 1)
        explained += source.onCanvas(row, found.explained)
        first += found.first ?? []
        if let s = found.sparse {
          sparse += source.onCanvas(row, s, ground: 0)
          if trained.shrinks {
            repaired += source.onCanvas(row, trained.shrinkage.repair(values, found.explained))
          }
        }
        x += source.onCanvas(row, values)
        if source.hasClean { clean += source.wholeReference.values(row..<row + 1) }
      }
      let sheet = SplitSheet(
        rows: pinned, shape: [shape.height, shape.width, shape.channels], x: x,
        first: first.isEmpty ? nil : first, explained: explained,
        isRestored: isRestored,
        sparse: sparse.isEmpty ? nil : sparse,
        repaired: repaired.isEmpty ? nil : repaired, clean: clean.isEmpty ? nil : clean,
        mean: source.meanImage())
      let title = "\(runName), \(trained.checkpoint.name): \(words)"
      try PNG.write(
        sheet.picture(title: title, labels: pinned.map { label($0, originals) }),
        texts: texts(title, data), to: path)
    }
  }

  /// The words beside a row.
  func label(_ row: Int, _ originals: Originals) -> String {
    (originals.names.map { $0[row] + "\n" } ?? "") + "row \(row)"
  }

  /// The name of the run's folder.
  var runName: String { trained.runName }

  /// What a picture says about itself.
  func texts(_ title: String, _ data: ImageSet?) -> [(keyword: String, text: String)] {
    [("Software", "cleave"), ("Title", title)]
      + origin(data).map { ("cleave:\($0.name)", $0.value) }
  }
}

extension TrainedModel {
  /// The name of the run's folder.
  var runName: String { URL(filePath: directory.path).standardizedFileURL.lastPathComponent }
}
