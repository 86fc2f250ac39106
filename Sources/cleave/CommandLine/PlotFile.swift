import Evaluation
import MPI
import Report

/// `--plot`: the file of a picture of a metric.
struct PlotFile {
  let path: String
  private let isForced: Bool

  /// Takes the options from the arguments; nil without `--plot`.
  ///
  /// - Throws: `PlotError` for a name with another ending, or PNG where it cannot be drawn.
  init?(_ arguments: Arguments) throws(PlotError) {
    guard let path = arguments.value("plot") else { return nil }
    try Plot.check(path)
    self.path = path
    isForced = arguments.has("force")
  }

  /// Makes sure that the file can be written, before any long work.
  ///
  /// **Collective.**
  func check(inputs: [String], on world: Communicator) throws {
    _ = try world.onRoot {
      try Outputs.checkTarget(path, force: isForced, inputs: inputs)
      return 0
    }
  }

  /// Writes a picture on rank 0.
  ///
  /// **Collective.**
  func write(_ plot: Plot?, on world: Communicator, _ console: Console) throws {
    try world.agree {
      if world.isRoot { try plot?.write(to: path) }
    }
    if plot != nil { console.note("written: \(path)") }
  }
}

extension Option {
  /// The picture of what was measured.
  static let plot = value("plot", "FILE", "draw the metric: FILE.svg or FILE.png")
}
