import Datasets
import Evaluation
import MPI
import Models
import Runs
import Support
import Tensors
import Training

/// The arguments that commands of a trained run share: the run, the images, and the output file.
struct RunQuery {
  let run: RunDirectory
  let data: DataOptions
  let output: String
  let isForced: Bool
  let passes: PassesOption
  let isBest: Bool
  let isJSON: Bool
  let rounds: Int
  /// Whether the output is a folder of pictures.
  var isFolder: Bool { output.hasSuffix("/") }

  static let operand = Operand("RUN", "the directory of a run")
  static let files = [".h5", ".hdf5"]
  static let pictures = [".png"]
  /// The end of the name of a folder.
  static let folders = ["/"]

  static let options =
    [
      Option.data, Option.group, Option.split, Option.acceptData, Option.best, Option.out,
      Option.force, Option.json,
    ]
    + Option.layout

  init(_ arguments: Arguments, endings: [String]) throws(UsageError) {
    run = RunDirectory(arguments.operands[0])
    data = try DataOptions(arguments)
    output = try arguments.required("out")
    isForced = arguments.has("force")
    passes = try PassesOption(arguments)
    isBest = arguments.has("best")
    isJSON = arguments.has("json")
    rounds = try arguments.rounds()
    guard endings.contains(where: { output.hasSuffix($0) }) else {
      throw UsageError(
        "--out: found \(output), expected a name that ends in " + endings.joined(separator: " or "))
    }
  }

  /// Checks the output, loads the model and lets `body` write its results for the images.
  ///
  /// **Collective.**
  ///
  /// - Parameter body: returns what the document of `--json` says of the results.
  func answer(
    on world: Communicator, _ console: Console,
    _ body: (Outputs, TrainedModel) throws -> [JSONValue.Member]
  ) throws -> Int32 {
    Workers.start(1)
    _ = try world.onRoot {
      try Outputs.checkTarget(output, force: isForced, inputs: [data.path].compactMap { $0 })
      return 0
    }
    let trained = try TrainedModel.load(run, passes, isBest: isBest, on: world, console)
    try world.agree { try trained.checkDrawable(output, option: "--out") }
    // Known only now: the training set and the checkpoint, which no answer may replace.
    _ = try world.onRoot {
      try Outputs.checkTarget(output, force: isForced, inputs: trained.inputs)
      return 0
    }
    let facts = try body(Outputs(trained, force: isForced, world: world), trained)
    console.note("written: \(output)")
    if isJSON {
      let answer: [JSONValue.Member] = [
        .init("output", .string(output)), .init("run", .string(run.path)),
        .init("checkpoint", .string(trained.checkpoint.name)),
      ]
      console.result(.object(answer + facts))
    }
    return 0
  }
}

extension TrainedModel {
  /// Refuses pictures of features.
  ///
  /// - Throws: `UsageError`.
  func checkDrawable(_ output: String, option: String) throws(UsageError) {
    let isPicture = (RunQuery.pictures + RunQuery.folders).contains(where: output.hasSuffix)
    guard imageShape.isFeatures, isPicture else { return }
    throw UsageError(
      "\(option): found \(output) for features, which have no pictures, expected "
        + (option == "--out" ? "a name that ends in .h5" : "none"))
  }

  /// The model of a run; damaged checkpoints that were skipped become warnings.
  ///
  /// **Collective.**
  ///
  /// - Throws: `RunError` where there is no run or no valid checkpoint, the same on all ranks.
  static func load(
    _ run: RunDirectory, _ passes: PassesOption = PassesOption(), isBest: Bool = false,
    upTo step: Int? = nil, on world: Communicator, _ console: Console
  ) throws -> TrainedModel {
    let trained = try TrainedModel(
      run: run, isBest: isBest, upTo: step, on: world, adjust: passes.apply)
    for line in trained.skipped { console.warning(line) }
    return trained
  }
}
