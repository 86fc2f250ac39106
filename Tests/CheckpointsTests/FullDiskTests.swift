import Checkpoints
import Foundation
import TestSupport
import Testing

/// A full disk is an error on every rank, and the last good checkpoint stays.
@Suite(.serialized, .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
struct FullDisks {
  @Test func aFullDiskAtAnyMomentLeavesTheLastCheckpoint() throws {
    let disk = try SmallDisk(bytes: 1 << 18)
    let run = try SampleRun(in: disk.path)
    try run.save(step: 1)
    let before = try run.names()
    var (refusals, successes) = (0, 0)
    // From a disk without one free page to one with room enough, page by page.
    for free in 0..<40 {
      // Write until the disk is full.
      do { try disk.fill(1 << 18) } catch {}
      let filler = try FileHandle(forUpdating: URL(fileURLWithPath: disk.path + "/filler"))
      let filled = try filler.seekToEnd()
      try filler.truncate(atOffset: filled - min(filled, UInt64(free * 4096)))
      try filler.close()
      do {
        try run.save(step: 2)
        successes += 1
        try FileManager.default.removeItem(atPath: run.path("step-00000002"))
      } catch {
        refusals += 1
        #expect("\(error)".contains("step-00000002: not saved: "))
        #expect("\(error)".hasSuffix("no space left on device"), "\(free) pages: \(error)")
        #expect(try run.names() == before, "\(free) pages free")
      }
      let selection = try run.resume()
      #expect(selection.checkpoint?.name == "step-00000001", "\(free) pages free")
      #expect(selection.skipped == [])
    }
    #expect(try openFiles(in: disk.path) == [])
    #expect(refusals > 2)
    #expect(successes > 2)
  }

  /// This process's open files in a directory, with removed files, which would still use space.
  private func openFiles(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
      var bytes = [CChar](repeating: 0, count: 4096)
      let length = readlink("/proc/self/fd/\($0)", &bytes, bytes.count)
      return String(
        decoding: bytes.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }.filter { $0.contains(directory) }
  }

  @Test func everyRankLearnsOfAFullDisk() throws {
    let disk = try SmallDisk(bytes: 450_000)
    let run = disk.path + "/run"
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: false)
    let saved = try Run.product("rank-checks", ["checkpoint-save", run], ranks: 3)
    #expect(saved.status == 0, "\(saved)")
    let refused = try Run.product("rank-checks", ["checkpoint-refused", run], ranks: 3)
    #expect(refused.status == 0, "\(refused)")
    #expect(refused.output == saved.output)
  }
}
