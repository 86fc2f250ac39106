import Foundation
import Support
import TestSupport
import Testing

/// Distances of features by the tool: ranks, kept statistics, and numbers that do not go together.
@Suite(.serialized) struct FeatureDistanceTests {
  /// A net, and a VAE on each of two sets of digits.
  private func prepare(in folder: URL) throws {
    let small = "--set hidden=16 --set latent=3 --set batch=64 --set lanes=4 --set epochs=1"
    for seed in [1, 2] {
      try Tool.succeed(
        "synthesize digits --count 160 --test 60 --seed \(seed) --out d\(seed).h5", in: folder)
      try Tool.succeed(
        "train mnist-vae --data d\(seed).h5 --out v\(seed) \(small) --set rows=null "
          + "--set grid_every=0 --quiet", in: folder)
    }
    try Tool.succeed(
      "train feature-net --data d1.h5 --out net --set channels=4,8 --set latent=8 --set batch=32 "
        + "--set epochs=2 --quiet", in: folder)
  }

  /// The same numbers on any number of ranks, with kept statistics and without.
  @Test func ranksAndKeptStatisticsMakeNoDifference() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let line = "evaluate v1 --metrics fid,kid,precision --net net --generated 60 --json"
      let one = try Tool.document(line, in: folder)
      #expect(try #require(one["metrics"]?["fid"]?["samples"]?.number) > 0)
      // Fewer images than the features have dimensions tell real images from others, too.
      let real = try #require(one["metrics"]?["fid"]?["real"]?.number)
      #expect(try #require(one["metrics"]?["fid"]?["samples"]?.number) > real)
      for ranks in [2, 3] {
        let more = try Tool.document(line + " --reference r\(ranks).h5", ranks: ranks, in: folder)
        #expect(one["metrics"] == more["metrics"], "\(ranks) ranks")
        let again = try Tool.document(line + " --reference r\(ranks).h5", in: folder)
        #expect(one["metrics"] == again["metrics"], "kept by \(ranks) ranks")
      }
    }
  }

  /// Unlike images, nets and counts are refused in one line, the same on any number of ranks.
  @Test func unlikeNumbersDoNotGoTogether() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let line = "--metrics fid --net net --generated"
      try Tool.succeed("evaluate v1 \(line) 60 --reference r.h5", in: folder)
      for (command, status, words) in [
        ("compare v1 v2 \(line) 60", 65, "v2: fid: found feature-net"),
        ("evaluate v1 \(line) 50 --reference r.h5", 65, "r.h5: fingerprint: found feature-net"),
        ("evaluate v1 \(line) 500", 65, "found 160 images, expected 500"),
        ("evaluate v1 --metrics fid --net v2 --generated 60", 65, "v2: found model=vae"),
        ("evaluate v1 --metrics fid --net d1.h5 --generated 60", 65, "found cleave-dataset"),
      ] {
        for ranks in [1, 3] {
          let run = try Tool.run(command, ranks: ranks, in: folder)
          let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("cleave ") }
          #expect(
            Int(run.status) == status && lines.count == 1
              && lines.first?.contains(words) == true && lines.first?.contains("rank ") == false,
            "\(ranks) ranks, \(command): \(run)")
        }
      }
    }
  }
}
