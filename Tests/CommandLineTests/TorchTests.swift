import Foundation
import HDF5
import Support
import TestSupport
import Testing

/// What a checkpoint says to PyTorch about its networks.
@Suite(.serialized) struct TorchTests {
  /// The text attributes of the group of weights.
  private func texts(_ settings: String, in folder: URL) throws -> [String: String] {
    let run = "run-\(UUID().uuidString)"
    try Tool.succeed("train \(settings) --out \(run) --max-steps 1 --quiet", in: folder)
    let file = try File.open(
      folder.appending(path: "\(run)/checkpoints/latest/checkpoint.h5").path)
    defer { _ = try? file.close() }
    var texts: [String: String] = [:]
    for name in [
      "encoder", "mean", "log_variance", "log_deviation", "decoder", "x", "code", "images",
    ] {
      texts[name] = try file.stringAttribute(name, on: "/model")
    }
    return texts
  }

  @Test func networksAreExpressionsOfPyTorch() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 200 --test 0 --out d.h5 --quiet", in: folder)
      try Tool.succeed("synthesize faces --count 64 --test 0 --out f.h5 --quiet", in: folder)
      let dense = try texts(
        "mnist-vae --data d.h5 --set hidden=16,8 --set latent=3 --set batch=64 --set lanes=8 "
          + "--set activation=relu", in: folder)
      #expect(
        dense == [
          "encoder": "Sequential(Linear(784, 16), ReLU(), Linear(16, 8), ReLU())",
          "mean": "Linear(8, 3)", "log_variance": "Linear(8, 3)",
          "decoder": "Sequential(Linear(3, 8), ReLU(), Linear(8, 16), ReLU(), Linear(16, 784))",
          "x": "[N, 784]: height, width, channels, from 0 to 1", "code": "mean(encoder(x))",
          "images": "sigmoid(decoder(z))",
        ])
      let deep = try texts(
        "celeba-vae --data f.h5 --set channels=4,6 --set latent=3 --set batch=16 --set lanes=8 "
          + "--set network=conv_bn --set output_normalization=false", in: folder)
      #expect(
        deep["encoder"]
          == "Sequential(Conv2d(3, 4, 4, 2, 1), LeakyReLU(0.2), Conv2d(4, 6, 4, 2, 1), "
          + "BatchNorm2d(6), LeakyReLU(0.2), Flatten())")
      #expect(deep["mean"] == "Linear(1536, 3)")
      #expect(
        deep["decoder"]
          == "Sequential(Linear(3, 1536), ReLU(), Unflatten(1, (6, 16, 16)), "
          + "ConvTranspose2d(6, 4, 4, 2, 1), BatchNorm2d(4), ReLU(), ConvTranspose2d(4, 3, 4, 2, 1))"
      )
      #expect(deep["x"] == "[N, 3, 64, 64]: channels, height, width, from 0 to 1")
      // PyTorch has no such GRU, so nothing speaks of it.
      let gated = try texts(
        "mnist-dvae-gru --data d.h5 --set hidden=8 --set latent=3 --set batch=64", in: folder)
      #expect(gated["encoder"] == nil && gated["code"] == nil, "\(gated)")
      #expect(gated["images"] == "sigmoid(decoder(z))", "\(gated)")
    }
  }
}
