import Checkpoints
import Datasets
import Foundation
import HDF5
import Images
import MPI
import Models
import Support
import Training

/// Undamaged files of a kind, which are changed, read, and put right again one after the other.
struct MutatedInputs {
  /// Reads all there is, and returns a digest of it.
  typealias Reader = @Sendable (_ folder: String) throws -> String

  static let readers: [String: Reader] = [
    "idx": { try imported(MNISTImporter.self, $0) },
    "gz": { try imported(MNISTImporter.self, $0) },
    "mat": { try imported(FreyImporter.self, $0 + "/faces.mat") },
    "zip": { try imported(ImageImporter.self, $0 + "/pictures.zip", ["size": "16"]) },
    "png": { try imported(ImageImporter.self, $0, ["size": "16"]) },
    "jpeg": { try imported(ImageImporter.self, $0, ["size": "16"]) },
    "tiff": { try imported(ImageImporter.self, $0, ["size": "16"]) },
    "bmp": { try imported(ImageImporter.self, $0, ["size": "16"]) },
    "gif": { try imported(ImageImporter.self, $0, ["size": "16"]) },
    "webp": { try imported(ImageImporter.self, $0, ["size": "16"]) },
    "png16": { try imported(ImageImporter.self, $0) },
    "mixed": { try imported(ImageImporter.self, $0) },
    "npy": { try imported(ArrayImporter.self, $0 + "/x.npy") },
    "npz": { try imported(ArrayImporter.self, $0 + "/x.npz") },
    "csv": { try imported(ArrayImporter.self, $0 + "/x.csv") },
    "arrays": { try imported(HDF5Importer.self, $0 + "/x.h5") },
    "hdf5": { try images(in: $0 + "/data.h5") },
    "json": { folder in
      let bytes = try Data(contentsOf: URL(filePath: folder + "/run.json"))
      let text = String(decoding: bytes, as: UTF8.self)
      return try Configuration.load(json: text).validated(rows: 1000).json.line
    },
    "checkpoint": { folder in
      var store = CheckpointStore(run: folder)
      guard let found = try store.newestValid(on: .alone()).checkpoint else { return "none" }
      return "\(found.name) \(try found.digests())"
    },
  ]

  private static func imported(
    _ importer: any Importer.Type, _ source: String, _ options: [String: String] = [:]
  ) throws -> String {
    let output = NSTemporaryDirectory() + "/mutant-\(getpid()).h5"
    defer { unlink(output) }
    do {
      _ = try importer.run(sources: [source], options: options, to: output)
    } catch {
      if access(output, F_OK) == 0 { throw InputFailure("an import that failed left \(output)") }
      throw error
    }
    return try images(in: output)
  }

  /// Pixels and labels.
  private static func images(in path: String) throws -> String {
    let file = try File.open(path)
    if file.isDataset("/train/pixels") {
      try MixedPictures.check(path, split: "train")
      let digest = Digest()
      digest.update(try file.dataset("/train/pixels").readAll(as: Float.self))
      let sizes = try file.dataset("/train/sizes").readAll(as: Int32.self)
      return "\(sizes) \(digest.text)"
    }
    let set = try ImageSet.open(path)
    let digest = Digest()
    let step = set.shape.blockRows
    for first in stride(from: 0, to: set.count, by: step) {
      digest.update(set.values(first..<min(first + step, set.count)))
    }
    digest.update(set.labels ?? [])
    return "\(set.count) \(set.shape) \(digest.text)"
  }

  private let folder: String
  private let reader: Reader
  private let files: [String]
  private let expected: String

  init(folder: String, _ reader: @escaping Reader) throws {
    self.folder = folder
    self.reader = reader
    files = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
      .map { "\(folder)/\($0)" }
      .filter { path in
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      }
    expected = try reader(folder)
  }

  /// What comes of mutation `number`.
  func outcome(seed: Int, _ number: Int) throws -> String {
    var chance = SplitMix64(seed: seed &* 1_000_003 &+ number)
    let file = files[chance.next(below: files.count)]
    let original = try Data(contentsOf: URL(filePath: file))
    var mutant = original
    for _ in 0...chance.next(below: 3) { Self.mutate(&mutant, &chance) }
    // In place: a checkpoint's row files have other names elsewhere.
    try mutant.write(to: URL(filePath: file))
    defer { _ = FileManager.default.createFile(atPath: file, contents: original) }
    let started = Date()
    let outcome = Result { try reader(folder) }
    guard -started.timeIntervalSinceNow < 5 else {
      throw InputFailure("\(file): took \(-started.timeIntervalSinceNow) s")
    }
    guard try Data(contentsOf: URL(filePath: file)) == mutant else {
      throw InputFailure("\(file): was changed by reading it")
    }
    switch outcome {
    case .success(let found): return found == expected ? "same" : "changed"
    case .failure(let error):
      let isTyped =
        error is DatasetError || error is HDF5Error || error is ImageError
        || error is CheckpointError || error is ConfigurationError
      let text = "\(error)"
      guard isTyped, !text.isEmpty, !text.contains("\n") else {
        throw InputFailure("\(file): \(type(of: error)): \(text)")
      }
      return "refused"
    }
  }

  /// Does one thing to the bytes of a file.
  static func mutate(_ data: inout Data, _ chance: inout SplitMix64) {
    guard !data.isEmpty else { return }
    // Half of the time near the beginning, where formats keep what matters.
    func place() -> Int {
      chance.next(below: chance.next() % 2 == 0 ? min(200, data.count) : data.count)
    }
    let at = place()
    let length = min(1 + chance.next(below: 16), data.count - at)
    switch chance.next(below: 7) {
    case 0: data[at] ^= 1 << UInt8(chance.next(below: 8))
    case 1: data[at] = UInt8(truncatingIfNeeded: chance.next())
    case 2: data = data.prefix(at)
    case 3: data.removeSubrange(at..<at + length)
    case 4: data.insert(contentsOf: data[at..<at + length], at: at)
    case 5: data.replaceSubrange(at..<at + length, with: repeatElement(0, count: length))
    default:
      // A length or an offset that nobody expects.
      let number = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000][chance.next(below: 6)]
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
      let word = chance.next() % 2 == 0 ? bytes : bytes.reversed()
      data.replaceSubrange(at..<at + min(4, length), with: word.prefix(min(4, length)))
    }
    data = Data(data)
  }
}

/// A file that was not read as files have to be.
struct InputFailure: ExitStatusError, CustomStringConvertible {
  let description: String
  let exitStatus: Int32

  init(_ description: String, exitStatus: Int32 = 1) {
    self.description = description
    self.exitStatus = exitStatus
  }
}
