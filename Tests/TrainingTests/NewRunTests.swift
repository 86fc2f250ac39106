import Foundation
import TestSupport
import Testing

@testable import Training

/// Runs that take the place of other runs, and processes that die while they do that.
@Suite struct NewRunTests {
  private func withDirectory(_ body: (RunDirectory) throws -> Void) throws {
    try withTemporaryFolder { try body(RunDirectory($0.appending(path: "run").path)) }
  }

  private func names(_ directory: RunDirectory) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
  }

  /// A run that stands, with the configuration `text`.
  private func make(_ text: String, in directory: RunDirectory) throws {
    let new = try NewRun(directory, configuration: text, replacing: true)
    #expect(try new.stands() == nil)
    new.lease.release()
  }

  private func configuration(_ directory: RunDirectory) throws -> String {
    try String(contentsOfFile: directory.configuration, encoding: .utf8)
  }

  @Test func aRunIsReplacedAndNothingStays() throws {
    try withDirectory { directory in
      try make("first", in: directory)
      let first = directory.identity
      try make("second", in: directory)
      #expect(directory.identity != nil && directory.identity != first)
      #expect(try configuration(directory) == "second\n")
      #expect(try names(directory) == ["checkpoints", "config.json", "images", "run.json"])
    }
  }

  @Test func anErrorPutsTheOldRunBack() throws {
    try withDirectory { directory in
      try make("first", in: directory)
      let first = directory.identity
      let new = try NewRun(directory, configuration: "second", replacing: true)
      #expect(try configuration(directory) == "second\n")
      new.undo()
      #expect(directory.identity == first)
      #expect(try configuration(directory) == "first\n")
      #expect(try names(directory) == ["checkpoints", "config.json", "images", "run.json"])
    }
  }

  @Test func aFailedNewRunLeavesNothing() throws {
    try withDirectory { directory in
      try NewRun(directory, configuration: "only", replacing: false).undo()
      #expect(!FileManager.default.fileExists(atPath: directory.path))
    }
  }

  /// After each of the renames that replacing a run takes, a process may die.
  ///
  /// The state is made here as that process has left it.
  @Test(arguments: 0...7) func aDeathInTheMiddleLosesNoRun(moves: Int) throws {
    try withDirectory { directory in
      try make("first", in: directory)
      let first = directory.identity
      let aside = RunDirectory("\(directory.path)/.replaced-x")
      try FileManager.default.createDirectory(atPath: aside.path, withIntermediateDirectories: true)
      for name in ["checkpoints", "config.json", "images", "run.json"].prefix(moves) {
        try FileManager.default.moveItem(
          atPath: "\(directory.path)/\(name)", toPath: "\(aside.path)/\(name)")
      }
      if moves > 4 { try directory.write(configuration: "second") }
      if moves > 5 {
        try FileManager.default.createDirectory(
          atPath: directory.checkpoints, withIntermediateDirectories: false)
      }
      if moves > 6 { try directory.writeMark() }
      try RunLease.resuming(directory, patience: 0) { _ in }.release()
      #expect(try configuration(directory) == (moves > 6 ? "second\n" : "first\n"))
      #expect((directory.identity == first) == (moves <= 6))
      #expect(!(try names(directory).contains(".replaced-x")))
    }
  }

  /// What is aside can be replaced again, and is no empty place.
  @Test func aRunThatIsAsideCountsAsOne() throws {
    try withDirectory { directory in
      try make("first", in: directory)
      let aside = "\(directory.path)/.replaced-x"
      try FileManager.default.createDirectory(atPath: aside, withIntermediateDirectories: true)
      for name in ["checkpoints", "config.json", "images", "run.json"] {
        try FileManager.default.moveItem(
          atPath: "\(directory.path)/\(name)", toPath: "\(aside)/\(name)")
      }
      #expect(throws: RunError.exists(directory.path, isRun: true)) {
        try NewRun(directory, configuration: "second", replacing: false)
      }
      try make("second", in: directory)
      #expect(try configuration(directory) == "second\n")
      #expect(try names(directory) == ["checkpoints", "config.json", "images", "run.json"])
    }
  }

  /// And while the old run is put back, or removed.
  @Test func aDeathWhileItIsPutBackLosesNoRun() throws {
    try withDirectory { directory in
      try make("first", in: directory)
      let aside = RunDirectory("\(directory.path)/.replaced-x")
      try FileManager.default.createDirectory(atPath: aside.path, withIntermediateDirectories: true)
      try FileManager.default.moveItem(
        atPath: directory.configuration, toPath: aside.configuration)
      try RunLease.resuming(directory, patience: 0) { _ in }.release()
      #expect(try configuration(directory) == "first\n")
      #expect(try names(directory) == ["checkpoints", "config.json", "images", "run.json"])
    }
  }

  @Test func foreignFilesAreKept() throws {
    try withDirectory { directory in
      try make("first", in: directory)
      for name in [
        "notes.txt", "images/notes.txt", "images/holiday.png", "checkpoints/step-1", "injected",
      ] {
        let path = "\(directory.path)/\(name)"
        try Data("x".utf8).write(to: URL(filePath: path))
        #expect(throws: RunError.foreign(directory.path, [name])) {
          try NewRun(directory, configuration: "second", replacing: true)
        }
        #expect(try configuration(directory) == "first\n")
        unlink(path)
      }
      let path = "\(directory.path)/metrics.jsonl"
      try Data("x".utf8).write(to: URL(filePath: path))
      #expect(throws: RunError.self) {
        try NewRun(directory, configuration: "second", replacing: true, inputs: [path])
      }
    }
  }

  @Test(arguments: ["{\"name\": \"my project\"}", "{", ""]) func aStrangersFolderIsKept(
    configuration text: String
  ) throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory.checkpoints, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(filePath: directory.configuration))
      #expect(throws: RunError.exists(directory.path, isRun: false)) {
        try NewRun(directory, configuration: "second", replacing: true)
      }
      #expect(try configuration(directory) == text)
    }
  }
}
