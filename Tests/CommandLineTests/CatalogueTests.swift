import Foundation
import Models
import TestSupport
import Testing
import Training

/// Duties of every model of the catalogue: one result on any number of ranks, and resumes.
///
/// Every model of the catalogue takes part, with settings that use its special parts.
@Suite(.serialized) struct CatalogueTests {
  /// Settings that a model needs beside small networks.
  private static let needs: [String: [String]] = [
    "dcgan": ["channels=4,4"], "feature-net": ["channels=4,4"],
    "dcgan, ambient": ["channels=4,4", "known_noise=gaussian-clip:0.2"],
    "gan, ambient": ["known_noise=salt-pepper-replace:0.3"],
    "ic-affine-em": sweeps,
    "ic-affine-em, components": sweeps + ["components=20"],
    "rpca": sweeps + ["rpca_tolerance=0"],
    "rpca, randomized": sweeps + ["rpca_tolerance=0", "svd=randomized"],
    "rpca, authors": sweeps + ["rpca_tolerance=0", "rpca_solver=authors"],
    "rda, tied": ["rda_variant=tied", "tied_layers=12,4", "reconstruction_term=mse"],
    "rda, rows": ["shrinkage=row", "threshold=none", "lambda=4"],
    "rda, columns": ["shrinkage=column", "threshold=none", "lambda=1"],
    "outlier-vae, convolutional": ["network=conv_bn", "channels=4,4"],
    "rvae, from a median": ["initial_split=median"],
    "rvae, from rpca": ["initial_split=rpca", "split_storage=compact"],
    "vae, student": ["reconstruction_term=student_t"],
    "vae, divergence": ["reconstruction_term=beta_divergence", "divergence_of=image"],
    "pca": ["noise=none"], "lpf": ["noise=none"], "median": ["noise=none"],
    "r-l2-vae": rounds, "rlc-vae": rounds, "ric-vae": rounds + ["recycle_grad=full"],
    "iwae": ["noise=none", "samples=3"], "dvae": ["samples=3", "corruptions=2", "kl=mc"],
    "diwae": [
      "samples=3", "corruptions=2", "validate_every=5", "rows=48", "batch=12", "clip_norm=5",
    ],
    "diwae, recurrent": [
      "samples=2", "inference=gru", "gru_corrupt=per_step", "binarize=each_step",
    ],
  ]
  private static let sweeps = ["epochs=52", "noise=none"]
  /// Models whose runs end with their first step.
  private static let single = ["pca", "lpf", "median"]
  private static let rounds = ["passes=2", "passes_from_epoch=3"]
  private static let cases =
    SystemCatalogue.names + [
      "dcgan, ambient", "gan, ambient",
      "rda, tied", "rda, rows", "rda, columns", "ic-affine-em, components", "diwae, recurrent",
      "rpca, randomized",
      "rpca, authors", "rvae, from a median", "rvae, from rpca", "vae, student",
      "vae, divergence", "outlier-vae, convolutional",
    ]

  /// 52 steps of 13 epochs in `exact` mode: whole runs on one and four ranks.
  ///
  /// A further run has two ranks, stops in the middle of the seventh epoch and continues on four.
  @Test(arguments: cases) func oneResultOnAnyRanksAndAfterAResume(of name: String) throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 0 --out d.h5", in: folder)
      let settings =
        [
          "model=\(name.prefix { $0 != "," })", "hidden=12", "discriminator_hidden=8", "latent=4",
          "batch=16",
          "lanes=4", "epochs=13", "outer_iterations=13", "inner_epochs=1", "noise=gaussian:0.1",
          "shuffle=true", "grid_every=0", "log_every=1",
        ] + Self.needs[name, default: []]
      try Self.write(settings, to: folder.appending(path: "c.json"))
      let train = "train c.json --data d.h5 --exact --quiet"
      let isSingle = Self.single.contains(name)
      for ranks in isSingle ? [1, 2, 4] : [1, 4] {
        try Tool.succeed("\(train) --out p\(ranks)", ranks: ranks, in: folder)
      }
      if !isSingle {
        let stopped = try Tool.run("\(train) --out r --stop-after-step 26", ranks: 2, in: folder)
        #expect(stopped.status == 75, "\(stopped)")
        try Tool.succeed("train --resume r --quiet", ranks: 4, in: folder)
      }

      let one = RunFolder("p1", in: folder)
      let (digests, log) = (try one.digests(), try one.log())
      #expect(digests["model"] != .null && digests["model"] != nil)
      #expect(try one.log("step").count == (isSingle ? 1 : 52))
      for name in ["p4", isSingle ? "p2" : "r"] {
        let other = RunFolder(name, in: folder)
        #expect(try other.digests() == digests, "\(name)")
        #expect(try other.log() == log, "\(name)")
      }
    }
  }

  /// Writes a configuration file of the settings.
  private static func write(_ settings: [String], to file: URL) throws {
    var c = Configuration()
    for setting in settings { try c.set(setting) }
    try c.json.document.write(to: file, atomically: true, encoding: .utf8)
  }
}
