import Foundation

/// `manifest.json`: what a committed checkpoint consists of.
public struct Manifest: Codable, Equatable, Sendable {
  /// One file of the checkpoint.
  public struct File: Codable, Equatable, Sendable {
    /// Its name in the checkpoint's directory.
    public let file: String
    /// Its size.
    public let bytes: Int
    /// XXH3-128 of its bytes, as `xxhsum -H128` prints it.
    public let checksum: String
    /// The first of the rows of the split it holds; nil for other files.
    public let firstRow: Int?
    /// How many rows of the split it holds; nil for other files.
    public let rowCount: Int?
    /// Where its rows lie, with checksums of its blocks; nil for other files.
    public let layout: RowLayout?

    /// The global indices of its rows.
    var rows: Range<Int>? {
      guard let firstRow, let rowCount else { return nil }
      return firstRow..<firstRow + rowCount
    }

    enum CodingKeys: String, CodingKey {
      case file, bytes, checksum, layout
      case firstRow = "first_row"
      case rowCount = "rows"
    }
  }

  /// Where the rows lie in a row file, so that a reader can read and check those it needs alone.
  public struct RowLayout: Codable, Equatable, Sendable {
    /// The place of S in the file, in bytes.
    public let sparseOffset: Int
    /// The place of R in the file, in bytes.
    public let residualOffset: Int
    /// Bytes of a block of the file; the last one is shorter.
    public let blockBytes: Int
    /// XXH3-128 of each block.
    public let blocks: [String]

    enum CodingKeys: String, CodingKey {
      case blocks
      case sparseOffset = "sparse_offset"
      case residualOffset = "residual_offset"
      case blockBytes = "block_bytes"
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
  /// The BLAS kernel it was trained with.
  public let blasKernel: String
  /// The metric that decides which checkpoint is best, the lower the better; nil where none was
  /// measured.
  public let score: Double?
  /// The extents of the split; nil for models without one.
  public let split: SplitShape?
  /// Every file but the manifest, row files in row order.
  public let files: [File]

  /// The total size of the files.
  public var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

  enum CodingKeys: String, CodingKey {
    case format, version, step, ranks, lanes, score, split, files
    case blasKernel = "blas_kernel"
  }
}

extension Manifest {
  static let fileName = "manifest.json"
  static let formatName = "cleave-checkpoint"
  static let currentVersion = 1

  /// The text ends in a checksum of all that precedes its digits, so that the manifest guards
  /// itself as it guards the other files.
  private static let beforeChecksum = ",\n  \"checksum\" : \""
  private static let afterChecksum = "\"\n}\n"

  /// The manifest as it is written.
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

  /// Decodes a manifest.
  ///
  /// - Throws: `CheckpointError` if a byte of it has changed or its version is unknown.
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
      throw CheckpointError(path: path, message: "found JSON that is no manifest of a checkpoint")
    }
    guard format == Manifest.formatName, version == Manifest.currentVersion else {
      throw CheckpointError(
        path: path,
        message: "found format \(format) version \(version), "
          + "expected \(Manifest.formatName) version \(Manifest.currentVersion)")
    }
  }

  private static func checksum(of text: String) -> String {
    let digest = Digest()
    digest.update(Array(text.utf8))
    return digest.text
  }
}
