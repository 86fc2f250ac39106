// Reads damaged files, one after the other; tests and launch/soak start it:
//
//     mutated-inputs KIND FOLDER SEED FIRST COUNT
//
// FOLDER holds the undamaged files of KIND. For each number from FIRST on, a file is changed, read,
// and put right again. Each number is printed before the reading, so that the number of a crash or
// hang is known. The outcome follows: `refused` with one clear line, `same` as the undamaged file,
// or `changed`.

import Foundation
import MPI

/// Prints at once: a crash must not swallow it.
func say(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

let arguments = Array(CommandLine.arguments.dropFirst())
withMPI(program: "mutated-inputs") { _ in
  guard arguments.count == 5, let reader = MutatedInputs.readers[arguments[0]],
    let seed = Int(arguments[2]), let first = Int(arguments[3]), let count = Int(arguments[4])
  else {
    let kinds = MutatedInputs.readers.keys.sorted().joined(separator: ", ")
    throw InputFailure("expected one of \(kinds); FOLDER SEED FIRST COUNT", exitStatus: 64)
  }
  let inputs = try MutatedInputs(folder: arguments[1], reader)
  for number in first..<first + count {
    say("\(number) ")
    say(try inputs.outcome(seed: seed, number) + "\n")
  }
  return 0
}
