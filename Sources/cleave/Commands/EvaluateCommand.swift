import Datasets
import Evaluation
import Foundation
import MPI
import Models
import Support
import Tensors
import Training

/// `cleave evaluate`: metrics of a run on a data set.
struct EvaluateCommand: Subcommand {
  static let name = "evaluate"
  static let summary = "measure a run on a data set"
  static let details = """
    Metrics: mse (per pixel), psnr (dB), elbo and kl (nats an image), spread (mean over the pixels of the
    standard deviation of 10,000 samples). Errors are taken against the clean images where the data set
    has them; X stands for the model's input, L for the clean part of the rows trained on. A model that is
    trained with noise gets such noise here too, unless the images are corrupted already.
    Models with a likelihood: bound (nats an image with the samples of training; its negative for binary
    images, lower being better, the log-density itself for a Gaussian decoder), nll (-log p(x) by --samples
    importance samples) and bits (the same in bits a pixel), on inputs without noise.
    """
  static let operands = [Operand("RUN", "the directory of a run")]
  static let options =
    [
      Option.data, Option.split,
      Option.value("metrics", "LIST", "what to measure (default mse,psnr,elbo)"),
      Option.value("samples", "N", "samples of z for each image in nll and bits (default 5000)"),
      Option.value("rows", "N", "measure the first N images only"),
      Option.best, Option.flag("corrupted", "the bound at inputs with the noise of training"),
      Option.flag("negated", "the negative bound of a Gaussian decoder, too"), Option.json,
    ] + PassesOption.options + Option.layout

  private let run: RunDirectory
  private let data: DataOptions
  private let metrics: [Metric]
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
    options.isCorrupted = arguments.has("corrupted")
    options.isNegated = arguments.has("negated")
    self.options = options
    isAsked = arguments.has("metrics")
    let names = arguments.value("metrics") ?? "mse,psnr,elbo"
    for option in ["corrupted", "negated"] where arguments.has(option) && !names.contains("bound") {
      throw UsageError("--\(option) is about the bound; found --metrics \(names)")
    }
    metrics = try names.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard let metric = Metric(rawValue: String(name)) else {
        throw UsageError(
          "unknown metric \(name)"
            + Spelling.hint(for: String(name), in: Metric.allCases.map(\.rawValue)))
      }
      return metric
    }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    Workers.start(1)
    let trained = try TrainedModel.load(run, passes, isBest: isBest, on: world, console)
    let images = try data.open(for: trained.configuration, on: world)
    let evaluation = try world.agree {
      try Evaluation(trained, on: images, options: options, world: world)
    }
    let result = try evaluation.run(metrics)
    let missing = metrics.first { metric in !result.metrics.contains { $0.metric == metric } }
    if let missing, isAsked {
      try world.agree {
        throw UsageError(
          "--metrics: found \(missing), which \(trained.configuration.model) does not have")
      }
    }
    console.result(isJSON ? Self.document(result).document : Self.text(result))
    return 0
  }

  private static func document(_ result: EvaluationResult) -> JSONValue {
    let metrics = result.metrics.map { metric, values in
      let isPlain = values.count == 1 && values[0].name.isEmpty
      let members = values.map { JSONValue.Member($0.name, .real($0.value)) }
      return JSONValue.Member(metric.rawValue, isPlain ? .real(values[0].value) : .object(members))
    }
    return [
      "run": .string(result.run), "data": .string(result.data), "split": .string(result.split),
      "rows": .integer(result.rows), "reference": .string(result.reference),
      "metrics": .object(metrics),
    ]
  }

  private static func text(_ result: EvaluationResult) -> String {
    let rows = result.metrics.flatMap { metric, values in
      values.map { [metric.rawValue, $0.name, Quantity.significant($0.value, 6)] }
    }
    return "\(result.run) on \(result.data), \(result.split): "
      + "\(Quantity.grouped(result.rows)) images against "
      + (result.reference == "clean" ? "the clean ones\n" : "themselves\n")
      + Columns.text(["metric", "of", "value"], rows)
  }
}
