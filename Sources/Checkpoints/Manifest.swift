import Foundation

/// `manifest.json`: the files of a committed checkpoint, with sizes and checksums.
public struct Manifest: Codable, Equatable, Sendable {
  /// One file of the checkpoint.
  public struct File: Codable, Equatable, Sendable {
    /// Its name in the checkpoint's directory.
    public let file: String
    /// Its size.
    public let bytes: Int
    /// XXH3-128 of its bytes, as `xxhsum -H128` prints it.
    public let checksum: String
    /// The first row that it holds; nil for files without rows.
    public let firstRow: Int?
    /// How many rows it holds; nil for files without rows.
    public let rowCount: Int?
    /// Where its rows lie, with checksums of its segments; nil for files without rows.
    public let places: RowPlaces?

    /// The global indices of its rows.
    var rows: Range<Int>? {
      guard let firstRow, let rowCount else { return nil }
      return firstRow..<firstRow + rowCount
    }

    enum CodingKeys: String, CodingKey {
      case file, bytes, checksum
      case places = "layout"
      case firstRow = "first_row"
      case rowCount = "rows"
    }
  }

  /// Where the rows lie in a row file: a reader reads and checks no other rows than its own.
  public struct RowPlaces: Codable, Equatable, Sendable {
    /// The place of each array in the file, in bytes from the start, rising.
    public let offsets: [Int]
    /// Bytes of a segment of the file; the last segment may be shorter.
    public let segmentBytes: Int
    /// XXH3-128 of each segment.
    public let segments: [String]

    init(offsets: [Int], segmentBytes: Int, segments: [String]) {
      self.offsets = offsets
      self.segmentBytes = segmentBytes
      self.segments = segments
    }

    /// Decodes the places; earlier manifests name the places of S and R.
    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      segmentBytes = try values.decode(Int.self, forKey: .segmentBytes)
      segments = try values.decode([String].self, forKey: .segments)
      if let offsets = try values.decodeIfPresent([Int].self, forKey: .offsets) {
        self.offsets = offsets
        return
      }
      let former = try decoder.container(keyedBy: FormerKeys.self)
      offsets = [
        try former.decode(Int.self, forKey: .sparseOffset),
        try former.decode(Int.self, forKey: .residualOffset),
      ]
    }

    enum CodingKeys: String, CodingKey {
      case offsets
      case segments = "blocks"
      case segmentBytes = "block_bytes"
    }

    private enum FormerKeys: String, CodingKey {
      case sparseOffset = "sparse_offset"
      case residualOffset = "residual_offset"
    }
  }

  /// "cleave-checkpoint".
  public let format: String
  /// The version of the format.
  public let version: Int
  /// Steps finished.
  public let step: Int
  /// Number of ranks that wrote it, P.
  public let ranks: Int
  /// Number of lanes, V.
  public let lanes: Int
  /// The BLAS kernel it was trained with; several where ranks differed: "Haswell, SkylakeX".
  public let blasKernel: String
  /// The score that decides which checkpoint is best, the lower the better; nil where none was
  /// measured.
  public let score: Double?
  /// What scores of the run are, such as "loss"; nil in earlier manifests, which do not say.
  public let measure: String?
  /// The digest of the images trained on; nil in earlier manifests, which do not say.
  public let data: String?
  /// The layout of the row state; nil for models without one.
  public let rowLayout: RowLayout?
  /// Every file but the manifest, row files in row order.
  public let files: [File]

  /// The total size of the files.
  public var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

  /// Whether its score is comparable with that of another: by the same measure, on the same
  /// images.
  ///
  /// Earlier runs with a row state may have the error to the clean images as their score, which
  /// none of today's compares with.
  func hasScore(like other: Manifest) -> Bool {
    (measure == other.measure || measure == nil && rowLayout == nil)
      && (data == other.data || data == nil || other.data == nil)
  }

  enum CodingKeys: String, CodingKey {
    case format, version, step, ranks, lanes, score, data, files
    case measure = "score_of"
    case rowLayout = "split"
    case blasKernel = "blas_kernel"
  }
}

extension Manifest {
  static let fileName = "manifest.json"
  static let formatName = "cleave-checkpoint"
  static let currentVersion = 1

  /// A checksum of each 16 MiB of a row file needs 36 bytes.
  private static let mostBytesOfText = 1 << 28

  /// The text ends in a checksum of all bytes before its digits, which guards the manifest itself.
  private static let beforeChecksum = ",\n  \"checksum\" : \""
  private static let afterChecksum = "\"\n}\n"

  /// The text of a new manifest.
  func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let json = String(decoding: try encoder.encode(self), as: UTF8.self)
    guard json.hasSuffix("\n}") else {
      throw CheckpointError(path: Manifest.fileName, message: "found \(json), expected an object")
    }
    let body = json.dropLast(2) + Manifest.beforeChecksum
    return body + Manifest.checksum(of: String(body)) + Manifest.afterChecksum
  }

  /// Reads the manifest of a checkpoint, and its text.
  ///
  /// - Parameter held: the directory, where it is held open.
  /// - Throws: `CheckpointError` if there is no manifest or it is damaged.
  static func read(
    in directory: String, held: HeldFiles? = nil
  ) throws -> (manifest: Manifest, text: String) {
    let path = "\(directory)/\(fileName)"
    var bytes: [UInt8] = []
    try Disk.read(path, through: held?.path(of: fileName), atMost: mostBytesOfText) { bytes += $0 }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CheckpointError(path: path, message: "checksum does not match: damaged")
    }
    return (try Manifest(text: text, path: path), text)
  }

  /// Decodes a manifest.
  ///
  /// - Throws: `CheckpointError` if a byte of it has changed, its version is unknown, or it says
  ///   what no checkpoint has.
  init(text: String, path: String) throws {
    let parts = text.range(of: Manifest.beforeChecksum, options: .backwards)
    guard let parts else { throw CheckpointError(path: path, message: "incomplete") }
    let body = String(text[..<parts.upperBound])
    guard text == body + Manifest.checksum(of: body) + Manifest.afterChecksum else {
      throw CheckpointError(path: path, message: "checksum does not match: damaged")
    }
    do {
      self = try JSONDecoder().decode(Manifest.self, from: Data(text.utf8))
    } catch {
      throw CheckpointError(
        path: path,
        message: "found JSON that is no manifest of a checkpoint" + Manifest.place(of: error))
    }
    guard format == Manifest.formatName, version == Manifest.currentVersion else {
      throw CheckpointError(
        path: path,
        message: "found format \(format.shortened) version \(version), "
          + "expected \(Manifest.formatName) version \(Manifest.currentVersion)")
    }
    do throws(Flaw) { try check() } catch {
      throw CheckpointError(path: path, message: error.message)
    }
  }

  /// ` (files.0.bytes)`: where the decoder has found something else than it expected.
  private static func place(of error: any Error) -> String {
    let context: DecodingError.Context? =
      switch error as? DecodingError {
      case .typeMismatch(_, let context), .valueNotFound(_, let context),
        .keyNotFound(_, let context), .dataCorrupted(let context):
        context
      default: nil
      }
    var names = context?.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue } ?? []
    if case .keyNotFound(let key, _)? = error as? DecodingError { names.append(key.stringValue) }
    return names.isEmpty ? "" : " (\(names.joined(separator: ".")))"
  }

  private static func checksum(of text: String) -> String {
    let digest = Digest()
    digest.update(Array(text.utf8))
    return digest.text
  }
}
