import CHDF5
import Foundation
import TestSupport
import Testing

@testable import HDF5
@testable import Inception

/// Files of weights: the whole one, and the line that each wrong one gets.
@Suite struct WeightsFileTests {
  @Test func aFileGivesTheSameNetwork() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "weights.h5").path
      let file = try start(path, source: InceptionV3.source(random: 3))
      let recorder = Recorder(RandomWeights(seed: 3)) { name, shape, values in
        try file.createDataset(name, .float32, shape: shape).write(values)
      }
      _ = try InceptionNetwork(recorder)
      try file.close()
      let (stored, made) = (try InceptionV3(path: path), try InceptionV3(randomWeights: 3))
      #expect(stored.digest == made.digest && stored.digest.count == 32)
      #expect(stored.name == "inception-v3-random" && stored.source == "random 3")
      let picture = Picture(1, 28, 28, 1)
      func features(_ extractor: InceptionV3) throws -> [Float] {
        try extractor.features(of: picture.values, count: 1, height: 28, width: 28, channels: 1)
      }
      #expect(try features(stored) == features(made))
      let others = try InceptionV3(randomWeights: 4)
      #expect(others.digest != made.digest)
      #expect(try features(others) != features(made))
    }
  }

  private static let remedy =
    " (launch/inception-weights makes this file of pytorch-fid's weights)"
  fileprivate static let first = "Conv2d_1a_3x3.conv.weight"

  @Test(arguments: Fault.allCases) func aWrongFileGetsOneLine(_ fault: Fault) throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "weights.h5").path
      try write(fault, path)
      let error = #expect(throws: WeightsError.self) { _ = try InceptionV3(path: path) }
      #expect(error?.description == "\(path): \(fault.line)\(Self.remedy)")
      #expect(error?.exitStatus == 65)
    }
  }

  /// What is wrong with a file, and what is said of it.
  enum Fault: CaseIterable {
    case absent, text, noFormat, format, version, noSource, missing, group, shape, type, nan
    case unwritten, negative, external

    var line: String {
      switch self {
      case .absent: "no such file"
      case .text: "not an HDF5 file"
      case .noFormat: "/@format: not found, expected cleave-inception"
      case .format: "/@format: found cleave-dataset, expected cleave-inception"
      case .version: "/@version: found 2, expected 1"
      case .noSource: "/@source: not found, expected where the weights come from"
      case .missing: "\(WeightsFileTests.first): no such dataset"
      case .group: "\(WeightsFileTests.first): found a group, expected a dataset"
      case .shape:
        "\(WeightsFileTests.first): found float32 [32, 3, 3, 2], expected float32 [32, 3, 3, 3]"
      case .type:
        "\(WeightsFileTests.first): found float64 [32, 3, 3, 3], expected float32 [32, 3, 3, 3]"
      case .nan: "\(WeightsFileTests.first): found nan at element 5, expected finite values"
      case .unwritten:
        "\(WeightsFileTests.first): found a dataset that was never written, expected values"
      case .negative:
        "Conv2d_1a_3x3.bn.running_var: found -0.5, expected no negative value"
      case .external:
        "/\(WeightsFileTests.first): found a link to elsewhere.h5, expected data in the file itself"
      }
    }
  }

  private func write(_ fault: Fault, _ path: String) throws {
    switch fault {
    case .absent: return
    case .text: return try Data("PK, a state dict of PyTorch".utf8).write(to: URL(filePath: path))
    default: break
    }
    let file = try start(
      path,
      format: fault == .noFormat ? nil : fault == .format ? "cleave-dataset" : "cleave-inception",
      version: fault == .version ? 2 : 1, source: fault == .noSource ? nil : "somewhere")
    var values = [Float](repeating: 0.1, count: 32 * 27)
    switch fault {
    case .group: try file.createGroup(Self.first)
    case .shape: try file.createDataset(Self.first, .float32, shape: [32, 3, 3, 2])
    case .type: try file.createDataset(Self.first, .float64, shape: [32, 3, 3, 3])
    case .nan:
      values[5] = .nan
      try file.createDataset(Self.first, .float32, shape: [32, 3, 3, 3]).write(values)
    case .unwritten:
      try file.createDataset(
        Self.first, .float32, shape: [32, 3, 3, 3], layout: .chunked([32, 3, 3, 3]))
    case .negative:
      try file.createDataset(Self.first, .float32, shape: [32, 3, 3, 3]).write(values)
      for row in ["weight", "bias", "running_mean", "running_var"] {
        try file.createDataset("Conv2d_1a_3x3.bn.\(row)", .float32, shape: [32])
          .write([Float](repeating: -0.5, count: 32))
      }
    case .external:
      #expect(
        H5Lcreate_external(
          "elsewhere.h5", "/x", file.handle, Self.first, chdf5_default_properties(),
          chdf5_default_properties()) >= 0)
    default: break
    }
    try file.close()
  }

  /// A file with attributes and without arrays.
  private func start(
    _ path: String, format: String? = "cleave-inception", version: Int = 1, source: String?
  ) throws -> File {
    let file = try File.create(path)
    if let format { try file.write(attribute: "format", on: "/", format) }
    try file.write(attribute: "version", on: "/", version)
    if let source { try file.write(attribute: "source", on: "/", source) }
    return file
  }
}

/// Hands on arrays and shows them.
private final class Recorder: WeightSource {
  private let source: any WeightSource
  private let take: (String, [Int], [Float]) throws -> Void

  init(_ source: any WeightSource, _ take: @escaping (String, [Int], [Float]) throws -> Void) {
    (self.source, self.take) = (source, take)
  }

  func values(_ name: String, _ shape: [Int]) throws -> [Float] {
    let values = try source.values(name, shape)
    try take(name, shape, values)
    return values
  }

  func error(_ name: String, _ problem: String) -> WeightsError { source.error(name, problem) }
}
