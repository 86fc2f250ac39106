import Foundation
import HDF5
import TestSupport
import Testing

/// Commands for models without an encoder or without a prior, possible and impossible.
@Suite(.serialized) struct SamplingTests {
  private static let networks =
    "--set hidden=8 --set discriminator_hidden=8 --set latent=3 --set batch=32 --set epochs=1 "
    + "--quiet"

  /// Each impossible request gets one line that names the run, and leaves no files.
  @Test func questionsThatHaveNoAnswer() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 0 --out d.h5", in: folder)
      for preset in ["mnist-gan", "mnist-ae"] {
        try Tool.succeed(
          "train \(preset) --data d.h5 --out \(preset.dropFirst(6)) \(Self.networks)", in: folder)
      }
      let noEncoder = "gan: found model=gan, which has no encoder"
      let noPrior = "ae: found model=ae, whose codes were matched to no prior, expected --chain T"
      for input in [
        BadInput("encode gan --data d.h5 --out x.h5", noEncoder, 64),
        BadInput("reconstruct gan --data d.h5 --out x.png", noEncoder, 64),
        BadInput("denoise gan --data d.h5 --out x.h5", noEncoder, 64),
        BadInput("evaluate gan --data d.h5", noEncoder, 64),
        BadInput("sample gan --chain 2 --out x.png", noEncoder, 64),
        BadInput("sample ae --out x.h5", noPrior, 64),
        BadInput("sample ae --start prior --out x.h5", "--start: found prior, expected normal", 64),
        BadInput("sample ae --codes mean --out x.h5", "--codes: found mean without --chain", 64),
        BadInput(
          "sample ae --chain 2 --codes all --out x.h5",
          "--codes: found all, expected one of sample, mean", 64),
        BadInput("sample ae --chain -1 --out x.h5", "--chain: found -1, expected an integer", 64),
      ] {
        try input.expectFailure(ranks: nil, in: folder)
      }
      try BadInput("encode gan --data d.h5 --out x.h5", noEncoder, 64)
        .expectFailure(ranks: 2, in: folder)

      try Tool.succeed("sample gan --count 5 --out gan.h5", in: folder)
      try Tool.succeed("sample ae --count 5 --chain 3 --out ae.h5", ranks: 2, in: folder)
      try Tool.succeed("evaluate gan --data d.h5 --metrics spread", in: folder)
      for name in ["gan.h5", "ae.h5"] {
        let samples = try File.open(folder.appending(path: name).path).dataset("/samples")
        #expect(samples.shape == [5, 28, 28, 1])
        #expect(try samples.readAll(as: Float.self).allSatisfy { (0...1).contains($0) })
      }
      // A gan's run draws samples, and no reconstructions.
      let pictures = try FileManager.default.contentsOfDirectory(
        atPath: folder.appending(path: "gan/images").path)
      #expect(pictures.contains("epoch-001-samples.png"))
      #expect(!pictures.contains("epoch-001.png"))
    }
  }

  /// Settings of which no model can be made are refused before any file is written.
  @Test func settingsThatDoNotGoTogether() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 0 --out d.h5", in: folder)
      for (preset, setting, message) in [
        ("mnist-rvae", "recycle_test=sample", "recycle_test: found sample, expected mean with"),
        (
          "frey-ic-affine-em", "noise=gaussian:0.1", "noise: found gaussian:0.1, expected none with"
        ),
        (
          "frey-ic-affine-em", "binarize=each_step",
          "binarize: found each_step, expected none or once with"
        ),
        (
          "mnist-idaae", "averaged_copies=0", "averaged_copies: found 0, expected an integer from 1"
        ),
        (
          "mnist-daae-gmm", "latent=3", "latent: found 3, expected 2, which prior=gmm10 is made for"
        ),
        ("mnist-gan", "network=conv", "network: found conv, expected mlp with model=gan"),
        ("mnist-gan", "dropout=1", "dropout: found 1, expected a number of at least 0 and below 1"),
        ("celeba-dcgan", "channels=8,8,8", "channels: found 3 for images of 28x28, expected"),
        ("mnist-daae", "idaae=pictures", "idaae: found pictures, expected one of codes, images"),
      ] {
        try BadInput(
          "train \(preset) --data d.h5 --out run \(Self.networks) --set \(setting)", message, 64
        ).expectFailure(ranks: nil, in: folder)
      }
    }
  }
}
