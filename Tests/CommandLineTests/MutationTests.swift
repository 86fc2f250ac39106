import Foundation
import HDF5
import Images
import TestSupport
import Testing

/// Changed files are refused in one line, or read as far as they make sense.
///
/// No command crashes, hangs or changes the files. Of the kinds `manifest`, `settings` and
/// `contents` a run is forged, with the right checksums: nothing outside of it is opened.
/// `CLEAVE_TEST_MUTATIONS` sets the number of mutants of each kind; `launch/soak --inputs` runs
/// them all.
@Suite(.serialized) struct MutationTests {
  /// A kind of file, with the facts that are known of its outcomes.
  struct Kind: Sendable, CustomTestStringConvertible {
    let name: String
    /// Whether checksums of the format protect the images, so that no change stays unnoticed.
    let isGuarded: Bool
    var testDescription: String { name }
  }

  static let kinds = [
    Kind(name: "idx", isGuarded: false), Kind(name: "gz", isGuarded: true),
    Kind(name: "zip", isGuarded: true), Kind(name: "png", isGuarded: true),
    Kind(name: "jpeg", isGuarded: false), Kind(name: "tiff", isGuarded: false),
    Kind(name: "bmp", isGuarded: false), Kind(name: "gif", isGuarded: false),
    Kind(name: "webp", isGuarded: false), Kind(name: "png16", isGuarded: true),
    Kind(name: "mixed", isGuarded: true), Kind(name: "npy", isGuarded: false),
    Kind(name: "npz", isGuarded: false), Kind(name: "csv", isGuarded: false),
    Kind(name: "arrays", isGuarded: false), Kind(name: "mat", isGuarded: true),
    Kind(name: "hdf5", isGuarded: false), Kind(name: "json", isGuarded: false),
    Kind(name: "checkpoint", isGuarded: false), Kind(name: "manifest", isGuarded: false),
    Kind(name: "settings", isGuarded: false), Kind(name: "contents", isGuarded: false),
  ]

  private static let count =
    ProcessInfo.processInfo.environment["CLEAVE_TEST_MUTATIONS"].flatMap { Int($0) } ?? 60

  @Test(arguments: kinds) func mutantsAreRefusedOrRead(kind: Kind) throws {
    try withTemporaryFolder { folder in
      let original = folder.appending(path: kind.name)
      try FileManager.default.createDirectory(at: original, withIntermediateDirectories: true)
      try Self.prepare(kind.name, original, in: folder)
      let before = try Self.bytes(of: original)
      // With the links and pipes that a mutant may have left.
      func putBack() throws {
        try FileManager.default.removeItem(at: original)
        try FileManager.default.copyItem(at: folder.appending(path: "kept"), to: original)
      }
      try FileManager.default.copyItem(at: original, to: folder.appending(path: "kept"))
      var outcomes: [String: Int] = [:]
      var (next, crashes) = (0, 0)
      while next < Self.count {
        let run = try Run.product(
          "mutated-inputs",
          [kind.name, original.path, "1", "\(next)", "\(Self.count - next)"],
          environment: ["TMPDIR": folder.path], in: folder, limit: 60 + Double(Self.count) / 4)
        let lines = run.output.split(separator: "\n").map { $0.split(separator: " ") }
        for line in lines where line.count == 2 { outcomes[String(line[1]), default: 0] += 1 }
        if run.status == 0 && !run.timedOut { break }
        let last = lines.last.flatMap { $0.first.flatMap { Int($0) } } ?? next
        // If HDF5 itself would read for ever, the process ends with a line.
        if run.status == 65
          && ["reads it for ever", "crashes on it"].contains(where: {
            run.errors.hasSuffix("found a damaged file: HDF5 \($0)\n")
          })
        {
          outcomes["refused", default: 0] += 1
          next = last + 1
          try putBack()
          continue
        }
        Issue.record("\(kind.name) \(last): \(run.timedOut ? "hangs" : run.errors) (\(run.status))")
        next = last + 1
        crashes += 1
        if crashes > 20 { break }
        try putBack()
      }
      let counts = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      print(
        "\(kind.name): \(Self.count) mutants, \(counts.joined(separator: ", ")), \(crashes) crashes"
      )
      #expect(try Self.bytes(of: original).filter { $0.key != "canary.h5" } == before)
      #expect(!kind.isGuarded || outcomes["changed"] == nil, "\(outcomes)")
      // A resume takes the checkpoint before a damaged one.
      if kind.name == "checkpoint" { #expect(outcomes["refused"] == nil, "\(outcomes)") }
      guard ["manifest", "settings", "contents"].contains(kind.name) else { return }
      for number in 0..<max(4, Self.count / 25) {
        try putBack()
        try Self.readForged(kind.name, number, original)
      }
    }
  }

  /// Forges a run, and reads it as users do.
  private static func readForged(_ kind: String, _ number: Int, _ original: URL) throws {
    let forging = try Run.product(
      "mutated-inputs", [kind, original.path, "2", "\(number)", "1", "leave"], in: original)
    #expect(forging.status == 0, "\(forging)")
    // The owner's file may name another host: a resume would wait for its next renewal.
    unlink(original.appending(path: "run/owner.json").path)
    for command in [
      "info run --verify --digest", "denoise run --data d.h5 --out out.h5 --force",
      "train --resume run --data d.h5 --stop-after-step 5",
    ] {
      let run = try Tool.run(command, in: original)
      #expect([0, 1, 65, 75].contains(run.status) && !run.timedOut, "\(kind) \(number): \(run)")
      let text = run.output + run.errors
      let steering = text.unicodeScalars.filter {
        $0 != "\n" && ($0.value < 32 || (0x7f..<0xa0).contains($0.value))
      }
      #expect(steering.isEmpty, "\(kind) \(number): \(text)")
      // 1 is for numbers with which no training goes on.
      if run.status == 1 { #expect(run.errors.contains("not finite"), "\(kind) \(number): \(run)") }
      if run.status == 65 && !command.hasPrefix("info") {
        #expect(run.errors.contains("cleave"), "\(kind) \(number): \(run)")
      }
    }
  }

  private static func bytes(of folder: URL) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
      let path = folder.appending(path: name)
      if (try? path.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true {
        found[name] = try Data(contentsOf: path)
      }
    }
    return found
  }

  /// Undamaged files of a kind.
  private static func prepare(_ kind: String, _ original: URL, in folder: URL) throws {
    func picture(_ index: Int) -> Picture { PictureFiles.pattern(index, height: 16, width: 16) }
    func path(_ name: String) -> URL { original.appending(path: name) }
    switch kind {
    case "idx", "gz":
      try IDX.write(to: original, images: IDX.images(40), labels: IDX.labels(40))
      if kind == "gz" {
        for name in try FileManager.default.contentsOfDirectory(atPath: original.path) {
          #expect(try Run.command("gzip", [path(name).path]).status == 0)
        }
      }
    case "zip":
      let entries = try (0..<3).map { ("\($0).png", try PictureFiles.png(picture($0))) }
      try PictureFiles.zip(entries, to: path("pictures.zip").path, deflated: true)
    case "png":
      for index in 0..<3 { try PictureFiles.png(picture(index)).write(to: path("\(index).png")) }
    case "jpeg":
      for index in 0..<3 { try PictureFiles.jpeg(picture(index)).write(to: path("\(index).jpg")) }
    case "tiff", "bmp", "gif", "webp":
      let formats = ["tiff": "TIFF", "bmp": "BMP", "gif": "GIF", "webp": "WEBP"]
      for index in 0..<3 {
        let own = PictureFiles.pattern(
          index, height: 16, width: 16, channels: index == 2 && kind == "tiff" ? 1 : 3)
        try PictureFiles.file(
          formats[kind] ?? kind, own, orientation: index + 1, pages: index == 1 ? 1 : 2,
          isPacked: index > 0
        ).write(to: path("\(index).\(kind)"))
      }
    case "png16":
      for index in 0..<3 {
        try PictureFiles.file("PNG", PictureFiles.deepPattern(index, height: 9, width: 12))
          .write(to: path("\(index).png"))
      }
    case "mixed":
      for index in 0..<3 {
        try PictureFiles.png(PictureFiles.pattern(index, height: 9 + index, width: 16))
          .write(to: path("\(index).png"))
      }
    case "npy":
      try NumPyFiles.array("<f4", [6, 4, 5], (0..<120).map { Float($0) / 119 })
        .write(to: path("x.npy"))
    case "npz":
      let images = NumPyFiles.array("|u1", [6, 4, 5], (0..<120).map { UInt8($0 * 2) })
      let labels = NumPyFiles.array("<i8", [6], (0..<6).map { Int64($0) })
      try PictureFiles.zip(
        [("x_train.npy", images), ("y_train.npy", labels)], to: path("x.npz").path,
        deflated: true)
    case "csv":
      let rows = (0..<6).map { row in
        ([row] + (0..<16).map { row * 16 + $0 * 9 }).map(String.init).joined(separator: ",")
      }
      let heading = (["label"] + (0..<16).map { "pixel\($0)" }).joined(separator: ",")
      try Data(([heading] + rows).joined(separator: "\n").utf8).write(to: path("x.csv"))
    case "arrays":
      let file = try File.create(path("x.h5").path)
      try file.createDataset(
        "x_train", .int32, shape: [9, 4, 5], layout: .chunked([2, 3, 5], level: 4)
      ).write((0..<180).map { Int32($0) })
      try file.createDataset("y_train", .int64, shape: [9]).write((0..<9).map { Int64($0) })
      try file.close()
    case "mat":
      try MATLABFiles.write(
        path("faces.mat").path, variable: "ff", rows: 560, columns: 9,
        .bytes((0..<5040).map { UInt8($0 % 251) }))
    case "hdf5":
      try Tool.succeed("synthesize digits --count 64 --test 16 --out \(kind)/data.h5", in: folder)
    case "json":
      let text = try Tool.succeed("presets mnist-rvae", in: folder)
      try Data(text.utf8).write(to: path("run.json"))
    default:
      try Tool.succeed("synthesize digits --count 64 --test 0 --out d.h5", in: folder)
      let small = tiny.replacing("hidden=16", with: "hidden=8").replacing(
        "batch=64", with: "batch=16")
      let settings = kind == "checkpoint" ? tiny : small
      for (step, words) in [(2, "demo \(settings) --data d.h5 --out run"), (4, "--resume run")] {
        let run = try Tool.run("train \(words) --quiet --stop-after-step \(step)", in: folder)
        #expect(run.status == 75 || run.status == 0, "\(run)")
      }
      if kind != "checkpoint" {
        for name in ["run", "d.h5"] {
          try FileManager.default.copyItem(at: folder.appending(path: name), to: path(name))
        }
        return
      }
      try FileManager.default.copyItem(
        at: folder.appending(path: "run/checkpoints"), to: path("checkpoints"))
    }
  }
}
