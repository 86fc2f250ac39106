import Doctor
import MPI
import Support
import Tensors
import Training

/// `cleave doctor`: measures the machine for training and says what to improve.
struct DoctorCommand: Subcommand {
  static let name = "doctor"
  static let summary = "check MPI, BLAS, HDF5, disk and network, and say what to mend"
  static let details = """
    Run it the way training will run: under the same mpirun or srun, in the directory runs go to.
    It tries the ways to sum gradients and prints the line that starts ranks on this machine or
    allocation. The matrix kernel in use is measured against the ones this processor could run.
    The exit status is 0 whatever the checks find.
    """
  static let operands = [
    Operand("DIRECTORY", "where runs will be written (default: here)", count: 0...1)
  ]
  static let options = [
    Option.flag("sgemm", "only this process's matrix kernel and its speed"), Option.json,
  ]

  private let directory: String
  private let isSGEMMOnly: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) {
    directory = arguments.operands.first ?? "."
    isSGEMMOnly = arguments.has("sgemm")
    AllReduceAlgorithm.allowSelection()
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    Workers.start(1)
    if isSGEMMOnly { return try world.onRoot { printSGEMM(console) } }
    let examination = Examination(
      of: world, directory: directory, kernelWords: [Self.name, "--sgemm", "--json"])
    var checks = try examination.collectiveChecks()
    return try world.onRoot {
      checks += examination.rootChecks()
      checks.sort { $0.order < $1.order }
      console.result(isJSON ? Self.document(checks).document : Self.text(checks))
      return 0
    }
  }

  private func printSGEMM(_ console: Console) -> Int32 {
    let speed = MatrixKernel.measure()
    if isJSON {
      console.result(speed.json)
    } else {
      console.result("\(speed.kernel): \(Quantity.decimal(speed.gflops, 0)) GFLOP/s")
    }
    return 0
  }

  private static func document(_ checks: [Check]) -> JSONValue {
    [
      "checks": .array(
        checks.map {
          [
            "name": .string($0.name), "ok": .boolean($0.isFine), "found": .string($0.found),
            "advice": .string($0.advice),
          ]
        })
    ]
  }

  private static func text(_ checks: [Check]) -> String {
    let width = checks.map(\.name.count).max() ?? 0
    let indent = String(repeating: " ", count: width + 8)
    return checks.map { check in
      let gap = String(repeating: " ", count: width - check.name.count)
      let advice = check.advice.isEmpty ? "" : "\n\(indent)\(check.advice)"
      return "\(check.isFine ? "ok    " : "MEND  ")\(check.name)\(gap)  \(check.found)\(advice)"
    }.joined(separator: "\n")
  }
}
