import Checkpoints
import Foundation
import MPI
import Testing

/// Damages a checkpoint at random, a thousand times.
///
/// `info --verify` and a resume notice each damage; the resume takes the previous checkpoint.
@Suite struct DamageCampaignTests {
  private static let files = ["manifest.json", "checkpoint.h5", "rows-00000.h5"]
  private static let count = 1000

  @Test func noDamageIsAccepted() throws {
    let run = try SampleRun()
    for step in 1...2 { try run.save(step: step) }
    let whole = try run.resume()
    #expect(whole.checkpoint?.name == "step-00000002")
    let originals = try Self.files.map {
      try Data(contentsOf: URL(fileURLWithPath: run.path("step-00000002/\($0)")))
    }
    var chance = SystemRandomNumberGenerator()
    let started = Date()
    var (flips, missed) = (0, [String]())
    for _ in 0..<Self.count {
      let index = Int.random(in: 0..<Self.files.count, using: &chance)
      let original = originals[index]
      let place = Int.random(in: 0..<original.count, using: &chance)
      let (damaged, what): (Data, String)
      if Bool.random(using: &chance) {
        let bits = UInt8.random(in: 1...255, using: &chance)
        var bytes = original
        bytes[place] ^= bits
        (damaged, what) = (bytes, "byte \(place) ^ \(bits)")
        flips += 1
      } else {
        (damaged, what) = (original.prefix(place), "\(place) bytes left")
      }
      let path = URL(fileURLWithPath: run.path("step-00000002/\(Self.files[index])"))
      try damaged.write(to: path)
      let summary = try RunSummary(run: run.path, check: .checksums)
      let selections = [try run.resume(), try resumeWithRows(run)]
      if summary.checkpoints.map(\.isValid) != [true, false]
        || summary.newest?.name != "step-00000001"
        || selections.contains(where: {
          $0.checkpoint?.name != "step-00000001" || $0.skipped.count != 1
        })
      {
        missed.append("\(Self.files[index]), \(what)")
      }
      try original.write(to: path)
    }
    print(
      "\(flips) bytes changed and \(Self.count - flips) files cut off, \(missed.count) missed, in "
        + String(format: "%.1f s", -started.timeIntervalSinceNow))
    #expect(missed == [])
    #expect(try run.resume().checkpoint?.name == "step-00000002")
    #expect(try resumeWithRows(run).isLoaded)
  }

  /// Looks for the newest checkpoint and reads its rows on the way, as a training run does.
  private func resumeWithRows(_ run: SampleRun) throws -> CheckpointStore.Selection {
    let bytes = 5 * run.layout.rowCount * 4
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * bytes, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    let target = RowTarget(
      rows: 0..<5, of: run.layout,
      arrays: [memory[..<bytes], memory[bytes...]].map {
        UnsafeMutableRawBufferPointer(rebasing: $0)
      })
    var store = CheckpointStore(run: run.path)
    return try store.newestValid(on: .alone(), loading: target)
  }
}
