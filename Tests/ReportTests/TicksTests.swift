import Foundation
import Testing

@testable import Report

@Suite("Ticks of axes") struct TicksTests {
  /// Ranges of all widths, far from 0 and around it: 4,000 of a fixed seed.
  static let ranges: [ClosedRange<Double>] = {
    var draws = Numbers(seed: 18)
    return (0..<4000).map { _ in
      let width = pow(10, draws.next(-12, 12))
      let offset = draws.next(-1, 1) * pow(10, draws.next(0, 8).rounded(.down))
      let low = draws.next(0, 4) < 1 ? 0 : width * offset
      return low...low + width
    }
  }()

  @Test("Linear: 3 to 8 round numbers that cover the range")
  func linear() {
    for range in TicksTests.ranges {
      let ticks = Ticks.linear(range)
      let values = ticks.map(\.value)
      let (low, high) = (range.lowerBound, range.upperBound)
      let step = (values[values.count - 1] - values[0]) / Double(values.count - 1)
      let slack = (high - low) * 1e-6
      #expect((3...8).contains(ticks.count), "\(range): \(values)")
      #expect(values.allSatisfy { $0 >= low - slack && $0 <= high + slack }, "\(range): \(values)")
      #expect(values[0] - step < low && values[values.count - 1] + step > high, "\(range)")
      // The step is 1, 2 or 5 times a power of ten, and ticks are its multiples.
      let mantissa = step / pow(10, (log10(step) + 1e-6).rounded(.down))
      #expect([1, 2, 5].contains { abs(mantissa - $0) < 1e-4 }, "\(range): step \(step)")
      // Far from 0, the difference of two ticks has lost digits: the round step has not.
      let round = mantissa.rounded() * pow(10, (log10(step) + 1e-6).rounded(.down))
      for value in values {
        let multiple = value / round
        #expect(
          abs(multiple - multiple.rounded()) < 1e-4 + abs(multiple) * 4 * Double.ulpOfOne,
          "\(range)")
      }
      #expect(Set(ticks.map(\.label)).count == ticks.count, "\(range): \(ticks.map(\.label))")
      for tick in ticks {
        let read = TicksTests.number(tick.label)
        #expect(abs(read - tick.value) <= step * 1e-6 + abs(tick.value) * 1e-14, "\(tick)")
      }
    }
  }

  /// What a label says.
  static func number(_ label: String) -> Double {
    var text = label.replacing("−", with: "-").replacing(",", with: "")
    guard let cut = text.range(of: "10", options: .backwards), text.contains(where: isSuperscript)
    else { return Double(text) ?? .nan }
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    let exponent = text[cut.upperBound...].map { character in
      digits.firstIndex(of: character).map(String.init) ?? "-"
    }
    text = String(text[..<cut.lowerBound])
    let factor = text.isEmpty ? 1 : Double(text.replacing("×", with: "")) ?? .nan
    return factor * pow(10, Double(exponent.joined()) ?? .nan)
  }

  private static func isSuperscript(_ character: Character) -> Bool {
    "⁰¹²³⁴⁵⁶⁷⁸⁹".contains(character)
  }

  @Test("Logarithmic: 3 to 10 numbers inside the range")
  func logarithmic() {
    var draws = Numbers(seed: 81)
    for _ in 0..<4000 {
      let low = pow(10, draws.next(-200, 200))
      let high = low * pow(10, pow(10, draws.next(-6, 2)))
      let ticks = Ticks.logarithmic(low...high)
      let values = ticks.map(\.value)
      #expect((3...10).contains(ticks.count), "\(low) to \(high): \(values)")
      #expect(values.allSatisfy { $0 >= low * (1 - 1e-6) && $0 <= high * (1 + 1e-6) })
      #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
      #expect(Set(ticks.map(\.label)).count == ticks.count, "\(ticks.map(\.label))")
      for tick in ticks {
        let read = TicksTests.number(tick.label)
        #expect(abs(read - tick.value) <= abs(tick.value) * 1e-6, "\(tick)")
      }
    }
  }

  @Test func knownAxes() {
    func labels(_ range: ClosedRange<Double>) -> [String] { Ticks.linear(range).map(\.label) }
    #expect(labels(0...1) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(labels(0...55_000) == ["0", "10,000", "20,000", "30,000", "40,000", "50,000"])
    #expect(labels(-0.011...0.012) == ["−0.010", "−0.005", "0.000", "0.005", "0.010"])
    #expect(
      labels(0...3e-7) == [
        "0", "0.5×10⁻⁷", "1.0×10⁻⁷", "1.5×10⁻⁷", "2.0×10⁻⁷", "2.5×10⁻⁷", "3.0×10⁻⁷",
      ])
    #expect(labels(1000.0001...1000.0004).first == "1,000.00010")
    func powers(_ range: ClosedRange<Double>) -> [String] {
      Ticks.logarithmic(range).map(\.label)
    }
    #expect(powers(1...1000) == ["1", "10", "100", "1,000"])
    #expect(powers(0.02...3) == ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"])
    #expect(
      powers(1e-9...1e-7) == ["10⁻⁹", "2×10⁻⁹", "5×10⁻⁹", "10⁻⁸", "2×10⁻⁸", "5×10⁻⁸", "10⁻⁷"])
    #expect(powers(2...3).count >= 3)
  }

  @Test("Values keep their places, whatever their size")
  func places() {
    for range in [0...1, -5...5, 1e270...2e270, -1e280...1e280, 3...3, 0...0, 1e-300...1e-300] {
      let scale = Scale(Plot.Axis("a"), range, below: 0.05, above: 0.05)
      for value in [range.lowerBound, range.upperBound] {
        let place = scale.place(value)
        #expect(place > 0.01 && place < 0.99, "\(range): \(place)")
        #expect(abs(scale.place(scale.value(at: place)) - place) < 1e-6)
      }
      #expect((3...8).contains(scale.ticks.count))
    }
    for range in [1...10, 1e-279...1e279, 7...7, 1e-279...1e-279] {
      let scale = Scale(Plot.Axis("a", .logarithmic), range, below: 0.05, above: 0.05)
      #expect(scale.place(range.lowerBound) > 0.01 && scale.place(range.upperBound) < 0.99)
      #expect((3...10).contains(scale.ticks.count), "\(range): \(scale.ticks)")
    }
    #expect(Scale(Plot.Axis("a", .logarithmic), nil).range == 1...10)
    #expect(Scale(Plot.Axis("a", range: 2...3), 0...10, above: 1).range == 2...3)
  }
}
