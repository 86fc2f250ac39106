import Foundation
import TestSupport
import Testing
import Training

/// What every model of the catalogue owes to the engine: one result on any number of ranks, and resumes.
///
/// A model takes part by being in the catalogue.
@Suite(.serialized) struct CatalogueTests {
  /// Settings that a model needs beside small ones.
  private static let needs: [String: [String]] = [
    "dcgan": ["channels=4,4"], "ic-affine-em": ["epochs=12"], "iwae": ["noise=none"],
  ]

  /// 12 steps of 3 epochs in `exact` mode: whole on one rank, and on two, which stop in the middle of the second epoch for four
  /// to go on.
  @Test(arguments: Configuration.models) func oneResultOnAnyRanksAndAfterAResume(model: String)
    throws
  {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 0 --out d.h5", in: folder)
      let settings =
        [
          "model=\(model)", "hidden=12", "discriminator_hidden=8", "latent=4", "batch=16",
          "lanes=4", "epochs=3", "outer_iterations=3", "inner_epochs=1", "noise=gaussian:0.1",
          "shuffle=true", "grid_every=0", "log_every=1",
        ] + Self.needs[model, default: []]
      try Self.write(settings, to: folder.appending(path: "c.json"))
      let train = "train c.json --data d.h5 --exact --quiet"
      try Tool.succeed("\(train) --out p1", in: folder)
      let stopped = try Tool.run("\(train) --out p4 --stop-after-step 6", ranks: 2, in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      try Tool.succeed("train --resume p4 --quiet", ranks: 4, in: folder)
      let (one, several) = (RunFolder("p1", in: folder), RunFolder("p4", in: folder))
      let digests = try one.digests()
      #expect(digests["model"] != .null && digests["model"] != nil)
      #expect(try several.digests() == digests)
      #expect(try one.log("step").count == 12)
      #expect(try several.log() == one.log())
    }
  }

  /// A configuration file of the settings.
  private static func write(_ settings: [String], to file: URL) throws {
    var c = Configuration()
    for setting in settings { try c.set(setting) }
    try c.json.document.write(to: file, atomically: true, encoding: .utf8)
  }
}
