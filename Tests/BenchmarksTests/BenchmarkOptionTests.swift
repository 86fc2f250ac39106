import Testing

@testable import Benchmarks

/// What benchmarks read of a command line.
@Suite struct BenchmarkOptionTests {
  @Test func namesAreUnique() {
    let names = BenchmarkCatalogue.all.map(\.name)
    #expect(Set(names).count == names.count)
    for name in names { #expect(BenchmarkCatalogue.named(name)?.name == name) }
    let options = BenchmarkCatalogue.options.map(\.name)
    #expect(Set(options).count == options.count)
  }

  @Test func valuesAreChecked() {
    var settings = BenchmarkSettings()
    let several = BenchmarkOption("several", .integers(1...9), "")
    #expect(settings.take("3,4", for: several) == nil)
    #expect(settings.integers(several) == [3, 4])
    for text in ["", "3,", "3,10", "3;4", "x"] {
      #expect(settings.take(text, for: several) != nil, "\(text)")
    }
    #expect(settings.integers(several) == [3, 4])
    #expect(settings.take("0", for: .steps) == "an integer from 1 to 1000000")
    #expect(settings.integer(.steps) == nil && !settings.has(.exact))
    #expect(settings.take("", for: .exact) == nil && settings.has(.exact))
  }
}
