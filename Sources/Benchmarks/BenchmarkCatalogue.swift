/// Every benchmark there is, one line each.
public enum BenchmarkCatalogue {
  /// The benchmarks, in the order in which they are listed.
  public static let all: [any Benchmark] =
    Workload.all + [
      ReductionBenchmark(),
      ConvolutionBenchmark(),
      CheckpointBenchmark(),
      InceptionBenchmark(),
    ]

  /// The benchmark of a name; nil if there is none.
  public static func named(_ name: String) -> (any Benchmark)? { all.first { $0.name == name } }

  /// The options that any of them reads, each once.
  public static var options: [BenchmarkOption] {
    var found: [BenchmarkOption] = []
    for option in all.flatMap(\.options) where !found.contains(where: { $0.name == option.name }) {
      found.append(option)
    }
    return found
  }
}
