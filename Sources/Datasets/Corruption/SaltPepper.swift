import Foundation
import Tensors

/// C1, `replace=False`: flips exactly int(p d) distinct pixels of d.
struct SaltPepper: SlopedNoise {
  static let name = "salt-pepper"
  static let summary = "flips a fraction P of the pixels: over 0.5 to 0, others to 1"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let fraction: Double

  init(level: Double) { fraction = level }

  static func level(in estimate: NoiseEstimate) -> Double? { estimate.level(of: .flips) }

  func channel(of shape: ImageShape) -> NoiseChannel? {
    NoiseChannel(flip: Double(Int(fraction * Double(shape.count))) / Double(shape.count))
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    forEachHit(of: values.count, row: row, draws: draws) { values[$0] = flipped(values[$0]) }
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, slopes: UnsafeMutableBufferPointer<Float>,
    shape: ImageShape, row: Int, draws: Draws
  ) {
    slopes.update(repeating: 1)
    forEachHit(of: values.count, row: row, draws: draws) {
      (values[$0], slopes[$0]) = (1 - values[$0], -1)
    }
  }

  /// Calls `flip` with each position that is flipped.
  private func forEachHit(of count: Int, row: Int, draws: Draws, flip: (Int) -> Void) {
    forEachDistinctPosition(
      Int(fraction * Double(count)), below: count, row: row, draws: draws
    ) { position, _ in flip(position) }
  }
}

/// C1, `replace=True`: draws int(p d) positions with replacement and flips them in turn.
///
/// An even number of hits restores a binary value; the first hit makes a grey pixel binary.
struct SaltPepperReplacing: SlopedNoise {
  static let name = "salt-pepper-replace"
  static let summary = "the same with positions drawn with replacement"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let fraction: Double

  init(level: Double) { fraction = level }

  /// The chance of an odd number of hits; an even one makes a grey pixel binary, which is left out.
  func channel(of shape: ImageShape) -> NoiseChannel? {
    let hits = Double(Int(fraction * Double(shape.count)))
    return NoiseChannel(flip: (1 - pow(1 - 2 / Double(shape.count), hits)) / 2)
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    forEachHit(of: values.count, row: row, draws: draws) { values[$0] = flipped(values[$0]) }
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, slopes: UnsafeMutableBufferPointer<Float>,
    shape: ImageShape, row: Int, draws: Draws
  ) {
    slopes.update(repeating: 1)
    forEachHit(of: values.count, row: row, draws: draws) {
      (values[$0], slopes[$0]) = (1 - values[$0], -slopes[$0])
    }
  }

  /// Calls `flip` with each position that is flipped, as often as it is.
  private func forEachHit(of count: Int, row: Int, draws: Draws, flip: (Int) -> Void) {
    let hits = Int(fraction * Double(count))
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: hits) { words in
      guard let first = words.baseAddress, hits > 0 else { return }
      draws.words(row: row, into: first, count: hits)
      for word in words { flip(Draws.integer(below: count, from: word)) }
    }
  }
}

/// C2: each array element (each channel) becomes 0 or 1 with probability p, 0 and 1 being equally
/// likely.
struct SaltPepperRandom: SlopedNoise {
  static let name = "salt-pepper-random"
  static let summary = "each value with probability P to 0 or 1, at equal odds"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let probability: Float

  init(level: Double) { probability = Float(level) }

  /// On a dark background alone, they look like flips of half the level.
  static func level(in estimate: NoiseEstimate) -> Double? {
    estimate.level(of: .impulses) ?? estimate.level(of: .flips).map { min(1, 2 * $0) }
  }

  func channel(of shape: ImageShape) -> NoiseChannel? {
    NoiseChannel(zero: Double(probability) / 2, one: Double(probability) / 2)
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: values.count) { uniform in
      guard let first = uniform.baseAddress else { return }
      draws.uniform(row: row, into: first, count: values.count)
      // One uniform u decides twice: u < p replaces the element, u < p / 2 makes it 1.
      for i in values.indices {
        let replacement: Float = uniform[i] < probability / 2 ? 1 : 0
        values[i] = uniform[i] < probability ? replacement : values[i]
      }
    }
  }
}

/// C2, `per_pixel=True`: each pixel becomes black or white with probability p, its colours alike.
struct SaltPepperRandomPixel: SlopedNoise {
  static let name = "salt-pepper-random-pixel"
  static let summary = "the same for whole pixels: all colours become 0, or all 1"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let probability: Float

  init(level: Double) { probability = Float(level) }

  /// That of each value by itself; the channels of a colour share their fate, which no channel
  /// says.
  func channel(of shape: ImageShape) -> NoiseChannel? {
    guard shape.channels == 1 else { return nil }
    return NoiseChannel(zero: Double(probability) / 2, one: Double(probability) / 2)
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    let channels = shape.channels
    withUnsafeTemporaryAllocation(of: Float.self, capacity: values.count / channels) { uniform in
      guard let first = uniform.baseAddress else { return }
      draws.uniform(row: row, into: first, count: uniform.count)
      for (pixel, u) in uniform.enumerated() where u < probability {
        for channel in 0..<channels {
          values[pixel * channels + channel] = u < probability / 2 ? 1 : 0
        }
      }
    }
  }
}

/// 1 (salt) for a dark pixel, 0 (pepper) for a bright pixel.
private func flipped(_ value: Float) -> Float { value > 0.5 ? 0 : 1 }
