import Datasets
import Evaluation
import MPI
import Models
import Support

/// A command that passes images to a run's model and writes the results.
///
/// Such a command defines its name and its output; the other steps are the same for all.
protocol ImagesCommand: Subcommand {
  /// The allowed endings of the output's name.
  static var endings: [String] { get }
  /// Run, images and output.
  var query: RunQuery { get }

  /// A command with these arguments.
  init(query: RunQuery)

  /// Writes the model's results for the images. **Collective.**
  ///
  /// - Returns: what a reader should know about them, a line each.
  func write(_ images: ImageSet, by outputs: Outputs) throws -> [String]
}

extension ImagesCommand {
  static var operands: [Operand] { [RunQuery.operand] }
  static var options: [Option] { RunQuery.options }
  static var endings: [String] { RunQuery.files }

  init(_ arguments: Arguments) throws {
    self.init(query: try RunQuery(arguments, endings: Self.endings))
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try query.answer(on: world, console) { outputs, trained in
      try world.agree { _ = try trained.encoder() }
      let (images, line) = try query.data.open(for: trained, on: world, console)
      console.note(line)
      let lines = try write(images, by: outputs)
      for line in lines { console.note(line) }
      let extent = try outputs.extent(of: images)
      return [
        .init("data", .string(images.path)), .init("split", .string(images.split.rawValue)),
        .init("rows", .integer(extent.images)),
      ] + (extent.patches.map { [.init("patches", .integer($0))] } ?? []) + [
        .init("notes", .array(([line] + lines).map { .string($0) }))
      ]
    }
  }
}
