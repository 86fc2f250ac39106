import HDF5
import Tensors
import TestSupport
import Testing

@testable import Inception

/// Each kind of layer against PyTorch in double precision, within 16 units of float epsilon times
/// the largest value.
@Suite struct GoldenLayerTests {
  private static let tolerance = 16.0

  @Test func layersAreThoseOfPyTorch() throws {
    let golden = try Golden("inception.h5")
    for name in try golden.names(in: "layers") {
      let path = "layers/\(name)"
      func attribute(_ name: String) throws -> Int {
        try Int(#require(try golden.number(name, of: path)))
      }
      let shape = try golden.shape("\(path)/conv.weight")
      let filters = try Filters(
        name, channels: shape[1], features: shape[0], kernel: (shape[2], shape[3]),
        from: GoldenWeights(golden, path))
      let found = try run(path, golden) { network in
        network.convolution(
          network.input, filters, stride: (try attribute("stride")),
          padding: (try attribute("padding_height"), try attribute("padding_width")))
      }
      let off = try deviation(found, from: golden.values("\(path)/output"))
      #expect(off < Self.tolerance, "\(name): \(off) units")
    }
  }

  @Test func poolingsAreThoseOfPyTorch() throws {
    let golden = try Golden("inception.h5")
    for name in try golden.names(in: "poolings") {
      let path = "poolings/\(name)"
      func attribute(_ name: String) throws -> Int {
        try Int(#require(try golden.number(name, of: path)))
      }
      let found = try run(path, golden) { network in
        network.pooling(
          name.hasPrefix("maximum") ? .maximum : .mean, network.input,
          kernel: try attribute("kernel"), stride: try attribute("stride"),
          padding: try attribute("padding"))
      }
      let off = try deviation(found, from: golden.values("\(path)/output"))
      #expect(off < Self.tolerance, "\(name): \(off) units")
    }
  }

  @Test func concatenationKeepsTheOrderOfChannels() throws {
    let golden = try Golden("inception.h5")
    let path = "poolings/maximum"
    let values = try golden.floats("\(path)/input")
    // Pooling by windows of one value copies.
    let found = try run(path, golden) { network in
      let copy = network.pooling(.mean, network.input, kernel: 1)
      let half = network.pooling(.maximum, network.input, kernel: 1)
      return network.concatenation([copy, half, network.concatenation([half, copy])])
    }
    #expect(found == values + values + values + values)
    #expect(Set(values).count > 100)
  }

  @Test func sizesAreThoseOfPyTorch() throws {
    let golden = try Golden("inception.h5")
    for number in try golden.names(in: "sizes") {
      let path = "sizes/\(number)"
      let (shape, sides) = (
        try golden.shape("\(path)/image"), try golden.shape("\(path)/output")
      )
      let resize = TorchResize(
        height: shape[0], width: shape[1], channels: shape[2], to: (sides[0], sides[1]))
      let result = Storage(count: sides.reduce(1, *))
      // Twice: the second image must not meet rows of the first.
      resize([Float](repeating: 0.5, count: shape.reduce(1, *)), into: result.pointer)
      resize(try golden.floats("\(path)/image"), into: result.pointer)
      let found = Array(UnsafeBufferPointer(start: result.pointer, count: result.count))
      let off = try deviation(found, from: golden.values("\(path)/output"))
      #expect(off < Self.tolerance, "\(shape) to \(sides): \(off) units")
    }
  }

  @Test func activationsOfAGroupStayApart() throws {
    let golden = try Golden("inception.h5")
    let network = FrozenNetwork(channels: 16, height: 9, width: 8)
    let before = network.pooling(.maximum, network.input, kernel: 1)
    let kept = network.pooling(.maximum, before, kernel: 1)
    network.startGroups()
    let after = network.pooling(.maximum, kept, kernel: 1)
    let result = network.pooling(.maximum, network.concatenation([kept, after]), kernel: 1)
    let memory = NetworkMemory(network, group: 3)
    let count = 16 * 9 * 8
    let values = try golden.floats("poolings/maximum/input")
    memory.run(3) { image, place in
      for i in 0..<count { place[i] = Float(image + 1) * values[i] }
    }
    for image in 0..<3 {
      let found = read(result, image, of: memory)
      let expected = values.map { Float(image + 1) * $0 }
      // Loaded channels last, read channels first.
      #expect(found[0] == expected[0] && found.count == 2 * count)
      #expect(Set(found) == Set(expected), "image \(image)")
    }
  }

  /// What a small network makes of the input [C, H, W] of a case.
  private func run(
    _ path: String, _ golden: Golden, _ build: (FrozenNetwork) throws -> FeatureMaps
  ) throws -> [Float] {
    let shape = try golden.shape("\(path)/input")
    let values = try golden.floats("\(path)/input")
    let network = FrozenNetwork(channels: shape[0], height: shape[1], width: shape[2])
    let result = try build(network)
    let memory = NetworkMemory(network, group: 1)
    let pixels = shape[1] * shape[2]
    memory.run(1) { _, place in
      for channel in 0..<shape[0] {
        for pixel in 0..<pixels {
          place[pixel * shape[0] + channel] = values[channel * pixels + pixel]
        }
      }
    }
    return read(result, 0, of: memory)
  }

  private func read(_ x: FeatureMaps, _ image: Int, of memory: NetworkMemory) -> [Float] {
    let values = Storage(count: x.channels * x.height * x.width)
    memory.read(x, image: image, into: values.pointer)
    return Array(UnsafeBufferPointer(start: values.pointer, count: values.count))
  }
}

/// The arrays of a layer in a fixture.
private final class GoldenWeights: WeightSource {
  private let golden: Golden
  private let path: String

  init(_ golden: Golden, _ path: String) { (self.golden, self.path) = (golden, path) }

  func values(_ name: String, _ shape: [Int]) throws -> [Float] {
    // The layer's own name goes before.
    let item = name.drop { $0 != "." }.dropFirst()
    return try golden.floats("\(path)/\(item)")
  }

  func error(_ name: String, _ problem: String) -> WeightsError {
    WeightsError(file: path, item: name, problem: problem)
  }
}
