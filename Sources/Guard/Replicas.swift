import Checkpoints
import Foundation
import MPI
import Support

/// Checks that a job's ranks are copies: the same program, settings, images and weights.
public struct Replicas {
  private let world: Communicator

  /// The ranks of a job.
  public init(_ world: Communicator) { self.world = world }

  /// Compares the program and settings of the ranks.
  ///
  /// **Collective.**
  ///
  /// - Throws: `ReplicaError` that names the rank and the difference.
  public func checkStart(settings: String) throws {
    guard world.size > 1 else { return }
    try compare("the executable") { try Self.fileDigest("/proc/self/exe") }
    try compare("the configuration") { Self.digest(Array(settings.utf8)) }
  }

  /// Compares the weights of the ranks, `count` floats.
  ///
  /// Ranks of one node may share the weights in memory; then each node has one copy.
  /// **Collective.**
  ///
  /// - Throws: `ReplicaError` that names the rank that drifted.
  func checkWeights(_ values: UnsafePointer<Float>, count: Int, step: Int) throws {
    guard world.size > 1 else { return }
    try compare("the weights after step \(step)") {
      let digest = Digest()
      digest.update(UnsafeRawBufferPointer(start: values, count: 4 * count))
      return digest.text
    }
  }

  /// Compares what the ranks know of a data set.
  ///
  /// **Collective.**
  ///
  /// - Throws: `ReplicaError` that names the first rank whose text differs from that of most ranks.
  public func check(dataSet path: String, _ text: String) throws {
    guard world.size > 1 else { return }
    try compare("the data set \(path)") { text }
  }

  /// Finds the first rank whose text differs from the text of most ranks.
  private func compare(_ what: String, _ text: () throws -> String) throws {
    let own = try world.agree { try text() }
    let all = try world.allGather(own)
    guard Set(all).count > 1 else { return }
    let hosts = try world.allGather(world.hostName)
    let counts = all.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    // If two texts are equally frequent, the text of the lower rank is right.
    let most = counts.values.max() ?? 0
    let common = all.first { counts[$0] == most }
    let odd = all.firstIndex { $0 != common } ?? 0
    try world.agree { throw ReplicaError(what: what, rank: odd, host: hosts[odd]) }
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    let digest = Digest()
    digest.update(bytes)
    return digest.text
  }

  /// The number of pieces of a file that are compared, and the bytes of each piece.
  private static let samples = (count: 64, bytes: 1 << 16)

  private static func fileDigest(_ path: String) throws -> String {
    let file = try FileError.wrap(path) { try FileHandle(forReadingFrom: URL(filePath: path)) }
    defer { try? file.close() }
    return try FileError.wrap(path) {
      let size = try file.seekToEnd()
      let digest = Digest()
      digest.update([size])
      for sample in 0..<UInt64(samples.count) {
        try file.seek(toOffset: size / UInt64(samples.count) * sample)
        digest.update(Array(try file.read(upToCount: samples.bytes) ?? Data()))
      }
      return digest.text
    }
  }
}

/// A rank that differs from the other ranks where all must agree.
public struct ReplicaError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The thing that differs.
  public let what: String
  /// The first rank that differs from most ranks.
  public let rank: Int
  /// Its host.
  public let host: String

  /// One line.
  public var description: String {
    "rank \(rank) (\(host)): \(what) found unlike that of the other ranks, expected the same on all"
  }

  /// 1: trouble of the machine.
  public var exitStatus: Int32 { 1 }
}
