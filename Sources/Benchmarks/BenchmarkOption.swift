import Support

/// An option that benchmarks read.
///
/// Options of several benchmarks are declared here, an option of one benchmark in its file.
public struct BenchmarkOption: Sendable {
  /// What its value is.
  public enum Kind: Sendable {
    /// It has none.
    case flag
    /// One integer.
    case integer(ClosedRange<Int>)
    /// Integers with commas between them.
    case integers(ClosedRange<Int>)
    /// The path of a folder.
    case folder
  }

  /// The name after `--`.
  public let name: String
  /// What it does, in a line.
  public let help: String
  /// What its value is.
  public let kind: Kind

  /// An option of a benchmark.
  public init(_ name: String, _ kind: Kind, _ help: String) {
    self.name = name
    self.kind = kind
    self.help = help
  }

  /// Steps of a workload.
  public static let steps = BenchmarkOption(
    "steps", .integer(1...1_000_000),
    "steps to time (of rvae-proj and rvae-split: passes over all rows)")
  /// Images of a step.
  public static let batch = BenchmarkOption(
    "batch", .integer(1...60_000), "images in a step, over all ranks (default the peer's)")
  /// Threads of a rank; the tool starts them.
  public static let threads = BenchmarkOption(
    "threads", .integer(1...256),
    "threads of a rank (default 1); fewer ranks with more suit small batches")
  /// Exact sums.
  public static let exact = BenchmarkOption("exact", .flag, "one result on any number of ranks")
}

/// The options that were given to a benchmark.
public struct BenchmarkSettings: Sendable {
  private var numbers: [String: [Int]] = [:]
  private var folders: [String: String] = [:]
  private var flags: Set<String> = []

  /// No options.
  public init() {}

  /// Whether a flag was given.
  public func has(_ option: BenchmarkOption) -> Bool { flags.contains(option.name) }

  /// The value of an option of one integer; nil where it was not given.
  public func integer(_ option: BenchmarkOption) -> Int? { numbers[option.name]?.first }

  /// The values of an option of several integers; nil where it was not given.
  public func integers(_ option: BenchmarkOption) -> [Int]? { numbers[option.name] }

  /// The path of a folder; nil where it was not given.
  public func folder(_ option: BenchmarkOption) -> String? { folders[option.name] }

  /// Takes the text of an option's value, which is empty for a flag.
  ///
  /// - Returns: What was expected instead, with the option as it was before; nil if all is well.
  public mutating func take(_ text: String, for option: BenchmarkOption) -> String? {
    func numbers(_ words: [Substring], in range: ClosedRange<Int>) -> [Int]? {
      let values = words.compactMap { Int($0) }.filter(range.contains)
      return values.isEmpty || values.count < words.count ? nil : values
    }
    switch option.kind {
    case .flag: flags.insert(option.name)
    case .folder: folders[option.name] = text
    case .integer(let range):
      guard let values = numbers([text[...]], in: range) else {
        return Quantity.integers(range)
      }
      self.numbers[option.name] = values
    case .integers(let range):
      let words = text.split(separator: ",", omittingEmptySubsequences: false)
      guard let values = numbers(words, in: range) else {
        return "integers from \(range.lowerBound) to \(range.upperBound) with commas between them"
      }
      self.numbers[option.name] = values
    }
    return nil
  }
}
