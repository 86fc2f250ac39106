import Foundation
import HDF5
import TestSupport
import Testing

/// Ranks whose start differs from the other ranks' start.
@Suite(.serialized) struct ReplicaTests {
  /// A name of the data set that is the same on every host, though each host has another file.
  private var settings: String {
    small.replacingOccurrences(of: "d.h5", with: "/proc/self/cwd/d.h5")
  }

  /// A difference that no sample of a large file would show.
  private static let onePixel = "one pixel of the data set"

  private func changePixel(of path: URL) throws {
    let file = try File.open(path.path)
    let offset = try #require(try file.dataset("/train/images").fileOffset)
    try file.close()
    let handle = try FileHandle(forUpdating: path)
    try handle.seek(toOffset: UInt64(offset + 2000 * 784 + 300))
    try handle.write(contentsOf: Data([77]))
    try handle.close()
  }

  /// Two ranks, each with its own executable, folder and settings, that train one run.
  private func train(
    _ second: (executable: String, folder: URL, words: String), in folder: URL
  ) throws -> Run {
    let own = Run.products.appending(path: "cleave").path
    func rank(_ executable: String, _ folder: URL, _ words: String) -> [String] {
      ["-n", "1", "-wdir", folder.path, executable]
        + ("train demo \(settings) \(words) "
        + "--out \(folder.deletingLastPathComponent().path)/run --force")
        .split(separator: " ").map(String.init)
    }
    return try Run.command(
      "mpirun",
      ["--oversubscribe", "--bind-to", "none", "--allow-run-as-root"]
        + rank(own, folder.appending(path: "a"), "")
        + [":"] + rank(second.executable, second.folder, second.words), in: folder)
  }

  /// The rank is named before any file is made or replaced.
  @Test(arguments: ["the executable", "the words", "the data set", Self.onePixel])
  func aRankThatIsUnlikeTheOthersIsNamed(what: String) throws {
    try withTemporaryFolder { folder in
      for (name, count) in [("a", 3000), ("b", what == "the data set" ? 3004 : 3000)] {
        let place = folder.appending(path: name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try prepareDigits(count, in: place)
      }
      if what == Self.onePixel { try changePixel(of: folder.appending(path: "b/d.h5")) }
      let a = folder.appending(path: "a")
      try Tool.succeed("train demo \(small) --out ../run --max-steps 2", in: a)
      var own = Run.products.appending(path: "cleave").path
      if what == "the executable" {
        let other = folder.appending(path: "b/cleave")
        try (Data(contentsOf: URL(filePath: own)) + Data([0])).write(to: other)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: other.path)
        own = other.path
      }
      let words = what == "the words" ? "--set seed=7" : ""
      let place = what.contains("data set") ? folder.appending(path: "b") : a
      let named = what == Self.onePixel ? "the data set" : what
      let before = try contents(of: folder)
      let run = try train((own, place, words), in: folder)
      let isUsage = what == "the words"
      let problem = isUsage ? "found --set where rank 0 was started with --out" : named
      #expect(run.status == (isUsage ? 64 : 1) && !run.timedOut, "\(run)")
      #expect(run.errors.contains("rank 1 (") && run.errors.contains("): \(problem)"), "\(run)")
      #expect(try contents(of: folder) == before)
    }
  }
}
