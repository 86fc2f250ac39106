import Checkpoints
import Foundation
import Testing

/// Every damage to a file of a checkpoint is noticed.
struct DamagedCheckpoints {
  let run: SampleRun

  init() throws { run = try SampleRun() }

  /// The problems of the checkpoint, with its manifest.
  private func problems(_ name: String) -> [String] {
    do {
      return try Checkpoint(directory: run.path(name)).problems()
    } catch {
      return ["\(error)"]
    }
  }

  @Test(arguments: ["manifest.json", "checkpoint.h5", "rows-00000.h5"])
  func everyFlippedByteIsFound(file: String) throws {
    let name = try run.save(step: 1).checkpoint.name
    #expect(problems(name) == [])
    let size = try Data(contentsOf: URL(fileURLWithPath: run.path("\(name)/\(file)"))).count
    var missed: [Int] = []
    for offset in 0..<size {
      // One bit, a different bit at each byte; in text this also changes the case of letters.
      let bits: UInt8 = file == "manifest.json" && offset % 2 == 0 ? 0x20 : 1 << UInt8(offset % 8)
      try run.flip(bits, at: offset, of: "\(name)/\(file)")
      let found = problems(name)
      if found.count != 1 || !found[0].contains(file) { missed.append(offset) }
      try run.flip(bits, at: offset, of: "\(name)/\(file)")
    }
    #expect(missed == [])
    #expect(problems(name) == [])
  }

  @Test(arguments: ["manifest.json", "checkpoint.h5", "rows-00000.h5"])
  func everyTruncationIsFound(file: String) throws {
    let name = try run.save(step: 1).checkpoint.name
    let path = URL(fileURLWithPath: run.path("\(name)/\(file)"))
    let whole = try Data(contentsOf: path)
    for size in Array(stride(from: 0, to: whole.count, by: 37)) + [whole.count - 1] {
      try whole.prefix(size).write(to: path)
      let found = problems(name)
      #expect(found.count == 1 && found[0].contains(file), "\(size) bytes left: \(found)")
    }
    try (whole + [0]).write(to: path)
    #expect(problems(name).count == 1)
    try FileManager.default.removeItem(at: path)
    #expect(problems(name).count == 1)
    #expect(problems(name).first?.contains("no such file or directory") == true)
  }

  @Test func damagedCheckpointsAreNamedAndSkipped() throws {
    for step in 1...3 { try run.save(step: step) }
    try run.flip(4, at: 2100, of: "step-00000003/checkpoint.h5")
    try FileManager.default.removeItem(atPath: run.path("step-00000002/rows-00000.h5"))
    let selection = try run.resume()
    #expect(selection.checkpoint?.name == "step-00000001")
    #expect(
      selection.skipped == [
        "checkpoint step-00000003 skipped: checkpoint.h5: checksum does not match: damaged",
        "checkpoint step-00000002 skipped: rows-00000.h5: no such file or directory",
      ])
    let contents = try selection.checkpoint?.contents()
    #expect(contents == run.contents(step: 1))
  }

  @Test func damagedCheckpointsDoNotCountWhenOldOnesArePruned() throws {
    for step in [10, 20, 30] { try run.save(step: step, last: 2) }
    try run.flip(4, at: 2100, of: "step-00000030/checkpoint.h5")
    #expect(try run.resume().checkpoint?.name == "step-00000020")
    try run.save(step: 25, last: 2)
    #expect(
      try run.names() == ["latest", "step-00000020", "step-00000025", "step-00000030"])
    try run.save(step: 30, last: 2)
    #expect(try run.names() == ["latest", "step-00000025", "step-00000030"])
    #expect(problems("step-00000030") == [])
    try run.save(step: 40, last: 2)
    #expect(try run.names() == ["latest", "step-00000030", "step-00000040"])
  }

  @Test func aDirectoryUnderTheNameOfAnotherStepIsSkipped() throws {
    try run.save(step: 1)
    try FileManager.default.copyItem(
      atPath: run.path("step-00000001"), toPath: run.path("step-00000009"))
    try FileManager.default.createDirectory(
      atPath: run.path("step-00000005"), withIntermediateDirectories: false)
    let selection = try run.resume()
    #expect(selection.checkpoint?.name == "step-00000001")
    #expect(selection.skipped.count == 2)
    #expect(selection.skipped.first?.hasSuffix("found step 1 in it, expected 9") == true)
    #expect(selection.skipped.last?.hasSuffix("manifest.json: no such file or directory") == true)
  }

  @Test func aRunWithoutCheckpointsHasNone() throws {
    let selection = try run.resume()
    #expect(selection.checkpoint == nil)
    #expect(selection.skipped == [])
    #expect(throws: CheckpointError.self) { try Checkpoint(directory: run.path) }
  }
}
