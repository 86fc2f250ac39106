import Foundation
import HDF5
import Support
import TestSupport
import Testing
import Training

/// The built tool, as a user runs it.
enum Tool {
  /// Runs `cleave` in a folder, alone or under `mpirun`.
  static func run(
    _ arguments: [String], ranks: Int? = nil, in folder: URL,
    environment: [String: String?] = [:]
  ) throws -> Run {
    try Run.product("cleave", arguments, ranks: ranks, environment: environment, in: folder)
  }

  /// Runs `cleave` with one line of words.
  static func run(
    _ line: String, ranks: Int? = nil, in folder: URL, environment: [String: String?] = [:]
  ) throws -> Run {
    try run(
      line.split(separator: " ").map(String.init), ranks: ranks, in: folder,
      environment: environment)
  }

  /// Runs a command that must succeed, and returns its output.
  @discardableResult
  static func succeed(_ line: String, ranks: Int? = nil, in folder: URL) throws -> String {
    let run = try run(line, ranks: ranks, in: folder)
    #expect(run.status == 0, "cleave \(line)\n\(run)")
    return run.output
  }

  /// The JSON document that a command printed.
  static func document(_ line: String, ranks: Int? = nil, in folder: URL) throws -> JSONValue {
    try JSONValue(parsing: succeed(line, ranks: ranks, in: folder))
  }
}

/// Small networks, so that a run takes a moment.
let tiny =
  "--set hidden=16 --set latent=2 --set batch=64 --set outer_iterations=2 --set inner_epochs=1 "
  + "--set log_every=1"

/// The names of all files in a folder, with sizes and times, to find changes.
///
/// Folders are named alone: the owner of a run comes and goes as a file in its folder.
func contents(of folder: URL) throws -> [String] {
  try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted().map { name in
    let path = folder.appending(path: name).path
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    if attributes[.type] as? FileAttributeType == .typeDirectory { return name }
    return "\(name) \(attributes[.size] ?? 0) \(attributes[.modificationDate] ?? 0)"
  }
}

/// IDX files made by hand.
enum IDX {
  /// `count` images of 4 x 4; the header may announce other numbers.
  static func images(_ count: Int, announcing announced: Int? = nil, magic: UInt8 = 3) -> Data {
    Data([0, 0, 8, magic]) + word(announced ?? count) + word(4) + word(4)
      + Data((0..<count * 16).map { UInt8($0 & 255) })
  }

  /// `count` labels.
  static func labels(_ count: Int) -> Data {
    Data([0, 0, 8, 1]) + word(count) + Data((0..<count).map { UInt8($0 % 10) })
  }

  private static func word(_ value: Int) -> Data {
    Data([
      UInt8(value >> 24 & 255), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255),
      UInt8(value & 255),
    ])
  }

  /// The four files of a set in a folder.
  static func write(
    to folder: URL, images: Data = images(6), labels: Data = labels(6)
  ) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for prefix in ["train", "t10k"] {
      try images.write(to: folder.appending(path: "\(prefix)-images-idx3-ubyte"))
      try labels.write(to: folder.appending(path: "\(prefix)-labels-idx1-ubyte"))
    }
  }
}
