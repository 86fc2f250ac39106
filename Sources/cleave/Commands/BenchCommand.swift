import Benchmarks
import MPI
import Support

/// `cleave bench`: lists the benchmarks, or runs one of them.
struct BenchCommand: Subcommand {
  static let name = "bench"
  static let summary = "list the benchmarks, or run one of them"
  static let details = """
    The workloads have networks and batches of launch/torch_train.py, on synthetic images in
    memory; the time is that of the median step, after a warm-up. NAME is one of

    \(list)

    A benchmark refuses options that it does not read.
    """
  static let operands = [Operand("NAME", "the benchmark to run", count: 0...1)]
  static var options: [Option] { BenchmarkCatalogue.options.map(Option.init) + [.json] }

  private let benchmark: (any Benchmark)?
  private let settings: BenchmarkSettings
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    benchmark = try arguments.operands.first.map(Self.benchmark)
    settings = try arguments.settings(of: benchmark)
    isJSON = arguments.has("json")
    try UsageError.check(threads: settings.threads, exact: settings.has(.exact))
  }

  private static func benchmark(_ name: String) throws(UsageError) -> any Benchmark {
    guard let benchmark = BenchmarkCatalogue.named(name) else {
      let names = BenchmarkCatalogue.all.map(\.name)
      throw UsageError("unknown benchmark \(name)" + Spelling.hint(for: name, in: names))
    }
    return benchmark
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    guard let benchmark else {
      return try world.onRoot {
        if isJSON { console.result(Self.document) } else { console.result(Self.list) }
        return 0
      }
    }
    console.startWorkers(settings.threads)
    let report = try benchmark.run(settings, on: world, progress: console.progress)
    if isJSON {
      console.result(report.json)
    } else {
      console.result(report.lines.joined(separator: "\n"))
    }
    return 0
  }

  private static var list: String {
    let rows = BenchmarkCatalogue.all.map { (left: $0.name, right: $0.summary) }
    return String(Help.table(rows).dropLast())
  }

  private static var document: JSONValue {
    let members = BenchmarkCatalogue.all.map { JSONValue.Member($0.name, .string($0.summary)) }
    return ["benchmarks": .object(members)]
  }
}

extension Option {
  /// A benchmark's option on the command line.
  fileprivate init(_ option: BenchmarkOption) {
    self =
      switch option.kind {
      case .flag: .flag(option.name, option.help)
      case .integer: .value(option.name, "N", option.help)
      case .integers: .value(option.name, "N,N", option.help)
      case .folder: .value(option.name, "DIR", option.help)
      }
  }
}

extension Arguments {
  /// The options that a benchmark reads.
  ///
  /// - Throws: `UsageError` for a value that the option does not take, and for an option that the
  ///   benchmark does not read.
  fileprivate func settings(of benchmark: (any Benchmark)?) throws(UsageError) -> BenchmarkSettings
  {
    var settings = BenchmarkSettings()
    for option in BenchmarkCatalogue.options {
      guard let text = value(option.name) else { continue }
      guard let benchmark else { throw UsageError("--\(option.name): missing NAME of a benchmark") }
      guard benchmark.options.contains(where: { $0.name == option.name }) else {
        let known = benchmark.options.map { "--\($0.name)" }.joined(separator: ", ")
        throw UsageError("--\(option.name): \(benchmark.name) does not read it, only \(known)")
      }
      if let expected = settings.take(text, for: option) {
        throw UsageError("--\(option.name): found \(text), expected \(expected)")
      }
    }
    return settings
  }
}

extension BenchmarkSettings {
  /// Threads of a rank.
  fileprivate var threads: Int { integer(.threads) ?? 1 }
}
