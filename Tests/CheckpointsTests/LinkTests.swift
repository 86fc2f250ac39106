import Foundation
import Testing

@testable import Checkpoints

/// Unchanged rows are not written again: a later checkpoint shares the row files.
struct LinkedCheckpoints {
  let run: SampleRun

  init() throws { run = try SampleRun() }

  private func inode(_ name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(
      atPath: run.path("\(name)/rows-00000.h5"))
    return try #require(attributes[.systemFileNumber] as? Int)
  }

  @Test func anUnchangedRowStateIsLinked() throws {
    let first = try run.save(step: 1, version: 3)
    let second = try run.save(step: 2, version: 3)
    #expect(try inode("step-00000001") == inode("step-00000002"))
    #expect(first.linkedBytes == 0)
    #expect(second.linkedBytes == second.checkpoint.manifest.files.last?.bytes)
    #expect(second.checkpoint.manifest.files.last == first.checkpoint.manifest.files.last)
    #expect(second.checkpoint.problems() == [])
  }

  @Test func aChangedRowStateIsWritten() throws {
    try run.save(step: 1, version: 3)
    #expect(try run.save(step: 2, variant: 0.5, version: 4).linkedBytes == 0)
    #expect(try inode("step-00000001") != inode("step-00000002"))
    let checkpoint = try #require(try run.resume().checkpoint)
    #expect(try run.rowState(0..<5, of: checkpoint).sparse == run.rows(variant: 0.5).sparse)
  }

  @Test func whatNobodyCountsIsWritten() throws {
    try run.save(step: 1)
    #expect(try run.save(step: 2).linkedBytes == 0)
    #expect(try inode("step-00000001") != inode("step-00000002"))
  }

  /// Pruning the older checkpoint leaves the newer whole, and links may follow each other.
  @Test func linksDoNotDependOnTheOlderCheckpoint() throws {
    for step in 1...4 { try run.save(step: step, last: 1, best: false, version: 1) }
    #expect(try run.names() == ["latest", "step-00000004"])
    let selection = try run.resume()
    let checkpoint = try #require(selection.checkpoint)
    #expect(checkpoint.problems() == [])
    #expect(try run.rowState(0..<5, of: checkpoint).residual == run.rows().residual)
  }

  /// Damage to a shared file must not cost every checkpoint: a checkpoint without that file stays.
  @Test func oneThatSharesNothingStays() throws {
    for (step, version) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2), (6, 2)] {
      try run.save(step: step, variant: Float(version), last: 2, best: false, version: version)
    }
    #expect(try run.names() == ["latest", "step-00000002", "step-00000005", "step-00000006"])
    try run.flip(1, at: 2100, of: "step-00000006/rows-00000.h5")
    let selection = try run.resume()
    #expect(selection.checkpoint?.name == "step-00000002" && selection.skipped.count == 2)
  }

  @Test func aResumedRunLinksToWhatItWentOnFrom() throws {
    try run.save(step: 1, version: 2)
    _ = try run.resume()
    #expect(try run.save(step: 2, version: 2).linkedBytes > 0)
    #expect(try inode("step-00000001") == inode("step-00000002"))
    // A new process that has read no checkpoint does not know the owner of those rows.
    run.store = CheckpointStore(run: run.path)
    #expect(try run.save(step: 3, version: 2).linkedBytes == 0)
  }

  @Test func savingAStepAgainLinksToItsFormerSelf() throws {
    try run.save(step: 1, version: 2)
    let before = try inode("step-00000001")
    #expect(try run.save(step: 1, variant: 0, version: 2).linkedBytes > 0)
    #expect(try inode("step-00000001") == before)
    #expect(try run.names() == ["latest", "step-00000001"])
  }

  @Test func whereLinksFailRowsAreWritten() throws {
    try run.save(step: 1, version: 2)
    try FileManager.default.removeItem(atPath: run.path("step-00000001/rows-00000.h5"))
    let saved = try run.save(step: 2, version: 2)
    #expect(saved.linkedBytes == 0)
    #expect(saved.checkpoint.problems() == [])
    #expect(try run.rowState(0..<5, of: saved.checkpoint).sparse == run.rows().sparse)
  }
}

/// Row files of several segments, each with its own checksum.
struct SegmentedRowFiles {
  private let layout = RowLayout(
    rows: 700, rowShape: [64, 64, 3],
    arrays: [RowArray("S", .float16), RowArray("R", .steps, step: 0.5)])

  /// Saves rows 0..<700 in one file: S takes a little more than one segment, R half a segment.
  private func saved(in run: SampleRun) throws -> Checkpoint {
    let count = layout.rows * layout.rowCount
    let sparse = (0..<count).map { UInt16(truncatingIfNeeded: $0 &* 40_503) & 0x3fff }
    let residual = (0..<count).map { Int8(truncatingIfNeeded: $0 &* 97) }
    return try sparse.withUnsafeBytes { sparse in
      try residual.withUnsafeBytes { residual in
        try run.store.save(
          run.contents(step: 1),
          rows: RowPart(rows: 0..<layout.rows, of: layout, arrays: [sparse, residual]),
          keeping: Retention(last: 1, best: false), on: .alone()
        ).checkpoint
      }
    }
  }

  private func load(_ rows: Range<Int>, of checkpoint: Checkpoint) throws -> ([UInt16], [Int8]) {
    var sparse = [UInt16](repeating: 0, count: rows.count * layout.rowCount)
    var residual = [Int8](repeating: 0, count: rows.count * layout.rowCount)
    try sparse.withUnsafeMutableBytes { sparse in
      try residual.withUnsafeMutableBytes { residual in
        try checkpoint.load(RowTarget(rows: rows, of: layout, arrays: [sparse, residual]))
      }
    }
    return (sparse, residual)
  }

  @Test func anyRowsAreReadAndChecked() throws {
    let run = try SampleRun()
    let checkpoint = try saved(in: run)
    let file = try #require(checkpoint.manifest.files.last)
    let places = try #require(file.places)
    #expect(places.segments.count == 2 && file.bytes > SegmentDigest.segmentBytes)
    #expect(checkpoint.problems() == [])
    let n = layout.rowCount
    for rows in [0..<700, 0..<1, 650..<700, 681..<684, 300..<500] {
      let (sparse, residual) = try load(rows, of: checkpoint)
      let first = rows.lowerBound * n
      #expect(
        sparse.indices.allSatisfy {
          sparse[$0] == UInt16(truncatingIfNeeded: (first + $0) &* 40_503) & 0x3fff
        })
      #expect(
        residual.indices.allSatisfy {
          residual[$0] == Int8(truncatingIfNeeded: (first + $0) &* 97)
        })
    }
  }

  /// A reader of a damaged segment finds the damage; other readers continue.
  @Test func damageIsFoundByWhoReadsTheSegment() throws {
    let run = try SampleRun()
    let checkpoint = try saved(in: run)
    let file = try #require(checkpoint.manifest.files.last)
    // The file's last byte belongs to R, or follows R.
    try run.flip(1, at: file.bytes - 1, of: "step-00000001/rows-00000.h5")
    #expect(throws: CheckpointError.self) { try load(699..<700, of: checkpoint) }
    #expect(throws: CheckpointError.self) { try load(0..<700, of: checkpoint) }
    try run.flip(1, at: file.bytes - 1, of: "step-00000001/rows-00000.h5")
    for offset in [0, 3000, 1_000_000] {
      try run.flip(4, at: offset, of: "step-00000001/rows-00000.h5")
      #expect(throws: CheckpointError.self) { try load(0..<10, of: checkpoint) }
      try run.flip(4, at: offset, of: "step-00000001/rows-00000.h5")
    }
    _ = try load(0..<700, of: checkpoint)
  }
}
