import Checkpoints
import Datasets
import Foundation
import Guard
import MPI

extension DataIdentity {
  /// Bytes of images that a digest takes at once; it is part of the rule in docs/files.md.
  private static let blockBytes = 1 << 20

  /// The identity of the first `rows` whole images of a set.
  ///
  /// The digest is that of the digests of blocks of rows, so ranks share the work and no number of
  /// ranks matters. Ranks that read one file of one host share its blocks. Where files of ranks may
  /// differ, each file is read as a whole, and all must agree. **Collective.**
  ///
  /// - Throws: `ReplicaError` that names the rank whose images differ; `MPIError`.
  public init(of images: ImageSet, rows: Int, on world: Communicator) throws {
    // Patches are identified by their whole images.
    let count = images.whole.count
    let images = try images.whole.limited(to: rows)
    let shape = [images.shape.height, images.shape.width, images.shape.channels]
    let element = images.isEightBit ? "uint8" : "float32"
    let replicas = Replicas(world)
    try replicas.check(dataSet: images.path, "\(count) \(rows) \(shape) \(element)")
    let places = try world.allGather(Self.place(of: images.path, on: world))
    let sharers = places.indices.filter { places[$0] == places[world.rank] }
    let share = sharers.firstIndex(of: world.rank) ?? 0
    let rowBytes = images.shape.count * (images.isEightBit ? 1 : MemoryLayout<Float>.size)
    let blockRows = max(1, Self.blockBytes / rowBytes)
    let blocks = (rows + blockRows - 1) / blockRows
    images.expect(.sequential)
    var words: [UInt64] = []
    for block in share * blocks / sharers.count..<(share + 1) * blocks / sharers.count {
      let (high, low) = Digest.words(
        of: images.stored(block * blockRows..<min((block + 1) * blockRows, rows)))
      words += [high, low]
    }
    let all = try world.allGather(words.withUnsafeBytes { Array($0) })
    let digest = Digest()
    digest.update((shape + [rows, rowBytes / images.shape.count]).map { UInt64($0) })
    if let sizes = images.sizes {
      digest.update(sizes.flatMap { [UInt64($0.height), UInt64($0.width)] })
    }
    if let scale = images.unusualScale { digest.update([UInt64(scale.bitPattern)]) }
    for rank in sharers { digest.update(all[rank]) }
    let text = digest.text
    try replicas.check(dataSet: images.path, text)
    self.init(
      digest: text, rows: rows, shape: shape,
      largest: images.isMixed ? images.largestShape.sides : nil, element: element,
      path: images.path)
  }

  /// A text that is equal on ranks that read the same file of the same host.
  private static func place(of path: String, on world: Communicator) -> String {
    guard let stamp = FileStamp(path) else { return "rank \(world.rank)" }
    let boot = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id") ?? Data()
    return "\(world.hostName) \(String(decoding: boot, as: UTF8.self)) \(stamp.file)"
  }
}

/// What the system says of a file without reading it: another stamp may mean another content.
private struct FileStamp: Equatable {
  /// Device and number of the file.
  let file: [UInt64]
  private let size: Int
  private let times: [Int]

  /// The stamp of a file; nil if there is none.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    file = [UInt64(status.st_dev), UInt64(status.st_ino)]
    size = Int(status.st_size)
    times = [
      status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
    ]
  }
}

/// The training set with its identity, and a watch on its file while the run trains.
public final class IdentifiedImages {
  /// The images as stored, before noise.
  public let images: ImageSet
  /// The identity of the rows trained on.
  public let identity: DataIdentity
  /// What a first stage made of the images, where the run has one.
  private let first: IdentifiedImages?
  private var stamp: FileStamp?

  /// Identifies the first `rows` whole images.
  ///
  /// **Collective.**
  ///
  /// - Parameter first: what a first stage made of them, on which the run trains.
  /// - Throws: `ReplicaError` that names the rank whose images differ; `MPIError`.
  public init(
    _ images: ImageSet, rows: Int, first: ImageSet? = nil, on world: Communicator
  ) throws {
    self.images = images
    // A change from here on is found later.
    stamp = FileStamp(images.path)
    var identity = try DataIdentity(of: images, rows: rows, on: world)
    self.first = try first.map { try IdentifiedImages($0, rows: rows, on: world) }
    identity.first = self.first?.identity.digest
    self.identity = identity
  }

  /// Makes sure that the images in use are still those of the run.
  ///
  /// The images are read again only if the file has another size, time or place. **Collective.**
  ///
  /// - Returns: one line where the file was touched or replaced, and the images in use are the
  ///   same.
  /// - Throws: `RunError.data` on all ranks if they are not.
  func check(on world: Communicator) throws -> String? {
    if let line = try first?.check(on: world) { return line }
    let now = FileStamp(images.path)
    var changed = [Int64(now == stamp ? 0 : 1)]
    try world.allReduce(&changed, .max)
    guard changed[0] > 0 else { return nil }
    let found = try DataIdentity(of: images, rows: identity.rows, on: world)
    try world.agree {
      guard found.digest != identity.digest else { return }
      throw RunError.data(
        images.path,
        "found images of digest \(found.digest), expected \(identity.digest): the file was "
          + "rewritten while the run trained on it; no checkpoint is made of that")
    }
    stamp = now
    return
      "\(images.path): touched or replaced while the run trains; the images in use are the same"
  }
}
