import HDF5

/// Imports the Frey faces: 28x20 frames of one face in a short film, from columns of a MATLAB file.
///
/// There is no official split. By default all faces are the training split, as in the RiC-VAE
/// paper. Neighbouring frames are nearly equal, so shuffled splits leak.
public struct FreyImporter: Importer {
  /// `frey`.
  public static let format = "frey"
  /// The help text about sources.
  public static let help = """
    frey_rawface.mat: a MATLAB file with one 28x20 face a column, whole numbers from 0 to 255. All
    of them become the training split, unless --splits says otherwise.
    """

  private static let variable = ImportOption(
    "variable", "NAME", "the faces' variable in the .mat file (default ff)")
  private static let splits = ImportOption(
    "splits", "HOW",
    "all (default), shuffled (1572, 295, 98 faces) or first (as DVAE's code)"
  )
  private static let seed = ImportOption(
    "seed", "K", "another K shuffles in another way (default 595)")
  /// The options for the variable and the splits.
  public static let options = [variable, splits, seed]

  /// D-20: the assignment of faces to splits.
  private enum Splits: String, CaseIterable {
    /// All faces are training faces.
    case all
    /// 1572, 295 and 98 faces, shuffled and disjoint.
    case shuffled
    /// The first 1572, 295 and 200 faces: validation and test faces are training faces too.
    case first
  }

  /// Faces for training, validation and test.
  ///
  /// With the paper's 200 test faces, the sum is larger than the number of faces.
  private static let sizes = (train: 1572, validation: 295, leakyTest: 200)
  private static let shape = ImageShape(height: 28, width: 20, channels: 1)

  /// `frey`.
  public let name = "frey"
  private let faces: [UInt8]  // [N, 28, 20]
  private let parts: [(split: Split, rows: [Int])]

  /// Reads the file.
  ///
  /// - Throws: `DatasetError` if the file is not a MATLAB file, or the variable is missing or
  ///   wrong.
  public init(_ request: ImportRequest) throws {
    let path = try request.onlySource()
    let variable = request.value(Self.variable) ?? "ff"
    let how = request.value(Self.splits) ?? Splits.all.rawValue
    guard let splits = Splits(rawValue: how) else {
      throw DatasetError.option(
        "--splits", found: how,
        expected: "one of " + Splits.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let seed = UInt64(try request.integer(Self.seed, in: 0...Int.max) ?? 595)
    faces = try Self.pixels(of: MATFile(path).array(variable), path, variable)
    let count = faces.count / Self.shape.count
    let least = Self.sizes.train + Self.sizes.validation
    if splits != .all && count <= least {
      throw DatasetError.mismatch(
        file: path, item: "variable \(variable)", found: "\(count) faces",
        expected: "more than \(least) for --splits \(how)")
    }
    parts = Self.parts(splits, count, seed)
  }

  /// Writes the faces.
  ///
  /// - Throws: `HDF5Error` if the output cannot be written.
  public func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport {
    for part in parts {
      let dataset = try writer.createImages(part.split, count: part.rows.count, shape: Self.shape)
      let bytes = part.rows.flatMap { row in
        faces[row * Self.shape.count..<(row + 1) * Self.shape.count]
      }
      try bytes.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress else { return }
        try dataset.write(rows: 0..<part.rows.count, from: start, as: .uint8)
      }
    }
    return ImportReport()
  }

  /// The pixels of all faces.
  ///
  /// A column holds the pixels of a face row by row, so MATLAB's order is the order of the images.
  private static func pixels(
    of array: MATArray, _ path: String, _ variable: String
  ) throws(DatasetError) -> [UInt8] {
    guard array.dimensions.count == 2, array.dimensions[0] == shape.count else {
      throw .mismatch(
        file: path, item: "variable \(variable)",
        found: "\(array.dimensions.map(String.init).joined(separator: " x ")) numbers",
        expected: "\(shape.count) x N, one face of \(shape.height) x \(shape.width) a column")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(array.values.count)
    for value in array.values {
      guard let pixel = UInt8(exactly: value) else {
        throw .mismatch(
          file: path, item: "variable \(variable)", found: "\(value)",
          expected: "whole numbers from 0 to 255")
      }
      pixels.append(pixel)
    }
    return pixels
  }

  private static func parts(
    _ splits: Splits, _ count: Int, _ seed: UInt64
  ) -> [(split: Split, rows: [Int])] {
    let (train, validation) = (sizes.train, sizes.validation)
    switch splits {
    case .all: return [(.train, Array(0..<count))]
    case .first:
      return [
        (.train, Array(0..<train)), (.validation, Array(0..<validation)),
        (.test, Array(0..<sizes.leakyTest)),
      ]
    case .shuffled:
      var order: [Int32] = []
      Lanes(count: 1, rows: count).order(
        of: 0, epoch: 0, seed: seed, shuffled: true, into: &order)
      let rows = order.map(Int.init)
      return [
        (.train, Array(rows[..<train])), (.validation, Array(rows[train..<train + validation])),
        (.test, Array(rows[(train + validation)...])),
      ]
    }
  }
}
