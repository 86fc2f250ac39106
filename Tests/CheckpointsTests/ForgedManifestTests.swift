import Foundation
import HDF5
import Testing

@testable import Checkpoints

/// A manifest with the right checksum of itself is refused if it says what no checkpoint has.
struct ForgedManifests {
  /// A change of the text of a manifest, and the words of the refusal.
  struct Forgery: Sendable, CustomTestStringConvertible {
    let old, new, message: String
    var testDescription: String { "\(old) to \(new)" }

    init(_ old: String, _ new: String, _ message: String) {
      (self.old, self.new, self.message) = (old, new, message)
    }
  }

  static let forgeries = [
    Forgery("\"step\" : 1,", "\"step\" : -1,", "step: found -1"),
    Forgery("\"step\" : 1,", "\"step\" : 4611686018427387904,", "step: found 46116860184273879"),
    Forgery("\"step\" : 1,", "\"step\" : 1e300,", "no manifest of a checkpoint"),
    Forgery("\"ranks\" : 1,", "\"ranks\" : 0,", "ranks: found 0"),
    Forgery("\"lanes\" : 8,", "\"lanes\" : 9223372036854775807,", "lanes: found 92233720368547758"),
    Forgery("\"lanes\" : 8,", "", "no manifest of a checkpoint (lanes)"),
    Forgery("checkpoint.h5", "../../canary", "files: found ../../canary"),
    Forgery("checkpoint.h5", "/dev/zero", "files: found /dev/zero"),
    Forgery("checkpoint.h5", "rows-00001.h5", "files: found no checkpoint.h5"),
    Forgery("rows-00000.h5", "rows-0.h5", "files: found rows-0.h5"),
    Forgery("rows-00000.h5", "checkpoint.h5", "files: found checkpoint.h5 twice"),
    Forgery("\"first_row\" : 0", "\"first_row\" : -1", "first_row -1"),
    Forgery(
      "\"first_row\" : 0", "\"first_row\" : 9223372036854775807", "first_row 92233720368547758"),
    Forgery("\"first_row\" : 0,", "", "no first_row"),
    Forgery("\"block_bytes\" : 16777216", "\"block_bytes\" : 0", "block_bytes: found 0"),
    Forgery("\"block_bytes\" : 16777216", "\"block_bytes\" : -5", "block_bytes: found -5"),
    Forgery("\"block_bytes\" : 16777216", "\"block_bytes\" : 1", "checksums of 1 blocks"),
    Forgery("\"type\" : \"float32\"", "\"type\" : \"int8\", \"step\" : 0", "step: found 0"),
    Forgery("\"name\" : \"R\"", "\"name\" : \"S\"", "plain names that differ"),
    Forgery("\"name\" : \"R\"", "\"name\" : \"..\"", "plain names that differ"),
    Forgery("\"name\" : \"R\"", "\"name\" : \"\\u001b[2J\"", "plain names that differ"),
    Forgery("      2,\n      3,\n      1\n", "      0,\n      3,\n      1\n", "row_shape: found 0"),
    Forgery("      2,\n      3,\n      1\n", "", "row_shape: found 0 extents"),
    Forgery(
      "      2,\n      3,\n      1\n", "      65536,\n      65536,\n      65536\n",
      "elements of a row"),
    Forgery("\"rows\" : 5,\n    \"", "\"rows\" : -5,\n    \"", "split: rows: found -5"),
    Forgery("\"rows\" : 5,\n    \"", "\"rows\" : 6,\n    \"", "found 5 rows, expected the 6"),
  ]

  @Test(arguments: forgeries) func itIsRefusedByName(forgery: Forgery) throws {
    let run = try SampleRun()
    let name = try run.save(step: 1, version: 1).checkpoint.name
    let path = URL(filePath: run.path("\(name)/manifest.json"))
    let text = try String(contentsOf: path, encoding: .utf8)
    let place = try #require(text.range(of: forgery.old), "\(text)")
    try Self.sign(text.replacingCharacters(in: place, with: forgery.new), to: path)
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint(directory: run.path(name))
    }
    #expect(error?.exitStatus == 65)
    #expect(error?.message.contains(forgery.message) == true, "\(String(describing: error))")
    #expect(try run.resume().checkpoint == nil)
  }

  @Test func theSignatureOfTheTestHolds() throws {
    let run = try SampleRun()
    let name = try run.save(step: 1).checkpoint.name
    let path = URL(filePath: run.path("\(name)/manifest.json"))
    let text = try String(contentsOf: path, encoding: .utf8)
    try Self.sign(text, to: path)
    #expect(try String(contentsOf: path, encoding: .utf8) == text)
    try Self.sign(text.replacing("\"ranks\" : 1,", with: "\"ranks\" : 2,"), to: path)
    #expect(try Checkpoint(directory: run.path(name)).manifest.ranks == 2)
  }

  /// What is no regular file of the folder is not opened: a pipe would keep its reader waiting.
  @Test(arguments: ["manifest.json", "checkpoint.h5", "rows-00000.h5"])
  func otherKindsOfFilesAreRefused(file: String) throws {
    let run = try SampleRun()
    let name = try run.save(step: 1).checkpoint.name
    let path = run.path("\(name)/\(file)")
    try FileManager.default.moveItem(atPath: path, toPath: run.path("elsewhere"))
    for (found, make) in [
      ("a symbolic link", { symlink(run.path("elsewhere"), path) }),
      ("a symbolic link", { symlink("/dev/zero", path) }),
      ("a pipe", { mkfifo(path, 0o600) }), ("a directory", { mkdir(path, 0o700) }),
    ] {
      #expect(make() == 0)
      let selection = try run.resume()
      #expect(selection.checkpoint == nil)
      #expect(selection.skipped.first?.contains(found) == true, "\(selection.skipped)")
      try FileManager.default.removeItem(atPath: path)
    }
  }

  /// Elements that lie elsewhere are found by who checks every byte, as by who reads them.
  @Test func elementsElsewhereAreAProblem() throws {
    let run = try SampleRun()
    let saved = try run.save(step: 1).checkpoint
    let path = saved.contentsPath
    var contents = try saved.contents()
    let away = contents.model.removeFirst()
    try ContentsFile.write(contents, rowLayout: nil, rowFiles: [], to: path)
    let file = try File.open(path, writable: true)
    try file.createVirtualDataset(
      "/model/\(away.name)", .float32, shape: away.shape,
      parts: [VirtualPart(file: "rows-00000.h5", dataset: "/S", rows: 0..<away.shape[0])])
    try file.close()
    let manifest = URL(filePath: "\(saved.directory)/manifest.json")
    let (bytes, checksum) = try Disk.checksum(of: path)
    let old = try #require(saved.manifest.files.first { $0.file == ContentsFile.name })
    try Self.sign(
      try String(contentsOf: manifest, encoding: .utf8)
        .replacing(old.checksum, with: checksum)
        .replacing("\"bytes\" : \(old.bytes)", with: "\"bytes\" : \(bytes)"), to: manifest)
    let checkpoint = try Checkpoint(directory: saved.directory)
    #expect(checkpoint.problems(.contents) == [])
    let problems = checkpoint.problems()
    #expect(
      problems.count == 1 && problems[0].contains("/model/\(away.name): found "), "\(problems)")
    #expect(try RunSummary(run: run.path, check: .checksums).checkpoints[0].isValid == false)
  }

  /// Writes a manifest with its checksum.
  private static func sign(_ text: String, to path: URL) throws {
    let end = try #require(text.range(of: ",\n  \"checksum\" : \"", options: .backwards))
    let body = text[..<end.upperBound]
    let digest = Digest()
    digest.update(Array(body.utf8))
    try Data((body + digest.text + "\"\n}\n").utf8).write(to: path)
  }
}
