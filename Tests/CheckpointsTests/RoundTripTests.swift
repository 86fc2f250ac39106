import Checkpoints
import Foundation
import HDF5
import Testing

/// A checkpoint that is read equals the checkpoint that was saved.
struct CheckpointRoundTrips {
  let run: SampleRun

  init() throws { run = try SampleRun() }

  @Test func contentsAreKept() throws {
    let saved = try run.save(step: 1200)
    #expect(saved.warnings == [])
    #expect(saved.checkpoint.name == "step-00001200")
    let checkpoint = try #require(try run.resume().checkpoint)
    #expect(try checkpoint.contents() == run.contents(step: 1200))
    #expect(try checkpoint.progress() == run.contents(step: 1200).progress)
    #expect(try checkpoint.configuration() == run.contents(step: 1200).configuration)
    #expect(checkpoint.manifest == saved.checkpoint.manifest)
    #expect(checkpoint.manifest.files.map(\.file) == ["checkpoint.h5", "rows-00000.h5"])
    #expect(checkpoint.manifest.blasKernel == "SkylakeX")
    #expect(try run.names() == ["latest", "step-00001200"])
    #expect(try run.target("latest") == "step-00001200")
  }

  @Test func rowsAreKept() throws {
    let checkpoint = try run.save(step: 1).checkpoint
    let (sparse, residual) = run.rows()
    for rows in [0..<5, 1..<4, 4..<5, 2..<2] {
      let found = try run.rowState(rows, of: checkpoint)
      #expect(found.sparse == Array(sparse[rows.lowerBound * 6..<rows.upperBound * 6]))
      #expect(found.residual == Array(residual[rows.lowerBound * 6..<rows.upperBound * 6]))
    }
  }

  @Test func anyHDF5ReaderSeesOneRowState() throws {
    let checkpoint = try run.save(step: 1).checkpoint
    try FileManager.default.moveItem(atPath: checkpoint.directory, toPath: run.path("elsewhere"))
    let file = try File.open(run.path("elsewhere/checkpoint.h5"))
    let sparse = try file.dataset("/split/S")
    try sparse.expect(.float32, shape: [5, 2, 3, 1])
    #expect(try sparse.readAll() == run.rows().sparse)
    #expect(try file.dataset("/split/R").readAll() == run.rows().residual)
    #expect(try file.stringAttribute("format", on: "/") == "cleave-checkpoint")
    #expect(try file.intAttribute("images_seen", on: "/progress") == 200)
    #expect(try file.intAttribute("step", on: "/optimizer/autoencoder/encoder.0.weight") == 1)
    #expect(try file.dataset("/history/loss").shape == [2, 2])
    #expect(try file.children(of: "/model").first == "encoder.0.weight")
  }

  @Test func modelsWithoutRowsHaveNone() throws {
    let checkpoint = try run.save(step: 7, withRows: false).checkpoint
    #expect(checkpoint.manifest.rowLayout == nil)
    #expect(checkpoint.manifest.files.map(\.file) == ["checkpoint.h5"])
    #expect(try checkpoint.digests().rowState == nil)
    #expect(try !File.open(checkpoint.directory + "/checkpoint.h5").exists("/split"))
  }

  @Test func digestsDependOnTheValuesAlone() throws {
    let first = try run.save(step: 5).checkpoint.digests()
    let other = try SampleRun()
    var contents = other.contents(step: 5)
    contents.model.reverse()
    contents.progress.epoch += 1
    contents.history = [:]
    let reordered = try other.store.save(
      contents, keeping: Retention(last: 1, best: false), on: .alone()
    ).checkpoint.digests()
    #expect(reordered.model == first.model)
    #expect(reordered.optimizer == first.optimizer)
    let changed = try other.save(step: 5, variant: 1e-6).checkpoint.digests()
    #expect(changed.model != first.model)
    #expect(changed.optimizer != first.optimizer)
    #expect(changed.rowState != first.rowState)
    #expect(try run.save(step: 5).checkpoint.digests() == first)
  }

  @Test func theManifestIsPlainJSON() throws {
    let checkpoint = try run.save(step: 3, score: 0.25).checkpoint
    let text = try Data(contentsOf: URL(fileURLWithPath: checkpoint.directory + "/manifest.json"))
    let json = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    #expect(json["format"] as? String == "cleave-checkpoint")
    #expect(json["version"] as? Int == 1)
    #expect(json["ranks"] as? Int == 1)
    #expect(json["lanes"] as? Int == 8)
    #expect(json["score"] as? Double == 0.25)
    #expect((json["checksum"] as? String)?.count == 32)
    let files = try #require(json["files"] as? [[String: Any]])
    #expect(files.map { $0["bytes"] as? Int } == checkpoint.manifest.files.map(\.bytes))
    #expect(files.last?["rows"] as? Int == 5)
  }

  @Test func theSummaryListsEveryCheckpoint() throws {
    #expect(try RunSummary(run: run.path).checkpoints.isEmpty)
    try run.save(step: 1, score: 2)
    try run.save(step: 2, score: 3)
    try run.flip(1, at: 2100, of: "step-00000002/rows-00000.h5")
    let quick = try RunSummary(run: run.path)
    #expect(quick.checkpoints.map(\.name) == ["step-00000001", "step-00000002"])
    #expect(quick.checkpoints.map(\.isValid) == [true, true])
    #expect(quick.best == "step-00000001")
    let thorough = try RunSummary(run: run.path, check: .checksums)
    #expect(thorough.checkpoints.map(\.isValid) == [true, false])
    #expect(
      thorough.checkpoints[1].problems == ["rows-00000.h5: checksum does not match: damaged"])
    #expect(thorough.newest?.name == "step-00000001")
    #expect(thorough.checkpoints[0].bytes == thorough.newest?.manifest.bytes)
  }
}
