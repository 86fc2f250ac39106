import Datasets
import Evaluation
import Foundation
import MPI
import Runs
import Support
import Tensors
import Training

/// `cleave evaluate`: metrics of a run on a data set.
struct EvaluateCommand: Subcommand {
  static let name = "evaluate"
  static let summary = "measure a run on a data set"
  static let details = """
    Metrics:
    \(metricTable)

    Errors are taken against the clean images where the data set has them; X stands for the model's
    input, L for the clean part as denoise writes it, repaired for X where it is near L, and L elsewhere.
    Beside them: medians of X, and the mean of the clean images, which looks at no X. A model that is
    trained with noise gets such noise here too, unless the images are corrupted already. Bounds are of inputs
    without noise; a Gaussian decoder's are log-densities, higher being better.
    """
  private static let metricTable = String(
    Help.table(
      MetricCatalogue.metrics.map {
        ($0.name, $0.summary + ($0.needs.map { "; needs \($0)" } ?? ""))
      }
    ).dropLast())
  static let operands = [RunQuery.operand]
  static let options =
    [
      Option.data, Option.split, Option.acceptData,
      Option.value("metrics", "LIST", "what to measure (default \(usual))"),
      Option.value("samples", "N", "samples of z for each image in nll and bits (default 5000)"),
      Option.value("rows", "N", "measure the first N images only"),
      Option.rounds, Option.best,
      Option.flag("corrupted", "the bound at inputs with the noise of training"),
      Option.flag("negated", "the negative bound of a Gaussian decoder, too"), Option.json,
    ] + PassesOption.options + Option.layout

  private static let usual = MetricCatalogue.usual.map { $0.name }.joined(separator: ",")

  private let run: RunDirectory
  private let data: DataOptions
  private let metrics: [any Metric.Type]
  private let isAsked: Bool
  private let options: Evaluation.Options
  private let isBest: Bool
  private let isJSON: Bool
  private let passes: PassesOption

  init(_ arguments: Arguments) throws {
    run = RunDirectory(arguments.operands[0])
    data = try DataOptions(arguments)
    isJSON = arguments.has("json")
    passes = try PassesOption(arguments)
    isBest = arguments.has("best")
    var options = Evaluation.Options()
    if let samples = try arguments.integer("samples", in: 1...10_000_000) {
      options.samples = samples
    }
    options.rows = try arguments.integer("rows", in: 1...Int.max)
    options.rounds = try arguments.rounds()
    options.isCorrupted = arguments.has("corrupted")
    options.isNegated = arguments.has("negated")
    self.options = options
    isAsked = arguments.has("metrics")
    let names = arguments.value("metrics") ?? Self.usual
    for option in ["corrupted", "negated"] where arguments.has(option) && !names.contains("bound") {
      throw UsageError("--\(option) is about the bound; found --metrics \(names)")
    }
    metrics = try names.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard let metric = MetricCatalogue.metric(String(name)) else {
        throw UsageError(
          "unknown metric \(name)"
            + Spelling.hint(for: String(name), in: MetricCatalogue.names))
      }
      return metric
    }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    Workers.start(1)
    let trained = try TrainedModel.load(run, passes, isBest: isBest, on: world, console)
    let (images, line) = try data.open(for: trained, rows: options.rows, on: world, console)
    let evaluation = try world.agree {
      try Evaluation(trained, on: images, options: options, world: world)
    }
    let result = try evaluation.run(metrics)
    let missing = metrics.first { result[$0.name].isEmpty }
    if let missing, isAsked || result.metrics.isEmpty {
      try world.agree {
        _ = try trained.encoder()  // a model without one says what can be done with it
        throw UsageError(
          "--metrics: found \(missing.name), which \(trained.configuration.model) does not have"
            + (missing.needs.map { "; it needs \($0)" } ?? ""))
      }
    }
    console.note(line)
    for line in result.remarks { console.note(line) }
    for line in result.warnings { console.warning(line) }
    console.result(isJSON ? Self.document(result).document : Self.text(result))
    return 0
  }

  private static func document(_ result: EvaluationResult) -> JSONValue {
    let metrics = result.metrics.map { name, values in
      let isPlain = values.count == 1 && values[0].of.isEmpty
      let members = values.map {
        JSONValue.Member($0.of, $0.value.isNaN ? .null : .real($0.value))
      }
      return JSONValue.Member(name, isPlain ? .real(values[0].value) : .object(members))
    }
    return .object(
      [
        .init("run", .string(result.run)), .init("data", .string(result.data)),
        .init("split", .string(result.split)), .init("rows", .integer(result.rows)),
      ] + (result.patches.map { [.init("patches", .integer($0))] } ?? []) + [
        .init("reference", .string(result.reference)), .init("metrics", .object(metrics)),
        .init(
          "notes",
          .object(result.notes.map { JSONValue.Member($0.name, .string($0.text)) })),
      ])
  }

  private static func text(_ result: EvaluationResult) -> String {
    let rows = result.metrics.flatMap { name, values -> [[String]] in
      let unit = MetricCatalogue.unit(of: name) ?? .count
      return values.filter { !$0.value.isNaN }.map {
        [name, $0.of, unit.text($0.value), unit.unit]
      }
    }
    return "\(result.run) on \(result.data), \(result.part): ".printable
      + (result.patches == nil ? "\(Quantity.grouped(result.rows)) images" : result.extent + ",")
      + " against "
      + (result.reference == "clean" ? "the clean ones\n" : "themselves\n")
      + Columns.text(["metric", "of", "value", "unit"], rows)
      + result.notes.map { "\n\($0.name): \($0.text)" }.joined()
  }
}
