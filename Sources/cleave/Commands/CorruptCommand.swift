import Datasets
import Foundation
import MPI

/// `cleave corrupt`: writes a corrupted copy of a data set, together with the clean images.
struct CorruptCommand: Subcommand {
  static let name = "corrupt"
  static let summary = "write corrupted images beside the clean ones"
  static var details: String {
    let kinds = Corruption.kinds
    let width = kinds.map(\.spec.count).max() ?? 0
    let lines = kinds.map {
      "  " + $0.spec.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.summary
    }
    return """
      A SPEC is a kind of noise and its level:
      \(lines.joined(separator: "\n"))
      The noise of an image is a function of the seed and its row alone.
      """
  }
  static let operands = [
    Operand("IN.h5", "the data set, or images of a file from elsewhere"),
    Operand("OUT.h5", "what to write; or --out OUT.h5", count: 0...1),
  ]
  static let options =
    [
      Option.out,
      Option.value("noise", "SPEC", "the corruption"),
      Option.value("seed", "K", "another K draws other noise (default 595)"),
      Option.force, Option.json,
    ] + Option.layout

  private let input: String
  private let output: String
  private let noise: Corruption
  private let seed: UInt64
  private let isForced: Bool
  private let isJSON: Bool
  private let layout: ImageSetOptions?

  init(_ arguments: Arguments) throws {
    input = arguments.operands[0]
    let second = arguments.operands.dropFirst().first
    if let second, let named = arguments.value("out") {
      throw UsageError("found the outputs \(second) and --out \(named), expected one of them")
    }
    guard let output = second ?? arguments.value("out") else { throw UsageError("missing OUT.h5") }
    self.output = output
    noise = try Corruption(parsing: arguments.required("noise"))
    seed = try arguments.seed()
    isForced = arguments.has("force")
    isJSON = arguments.has("json")
    layout = try DataOptions.layout(arguments)
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      let readings = try CorruptImages.run(
        input: input, output: output, noise: noise, seed: seed,
        options: layout ?? ImageSetOptions(), force: isForced)
      for line in readings { console.note(line) }
      try DatasetReport(of: output).print(on: console, asJSON: isJSON)
      return 0
    }
  }
}
