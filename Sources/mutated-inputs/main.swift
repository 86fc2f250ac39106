// Reads damaged and forged files, one after the other; tests and launch/soak start it:
//
//     mutated-inputs KIND FOLDER SEED FIRST COUNT [leave]
//
// FOLDER holds the undamaged files of KIND. For each number from FIRST on, a file is changed, read,
// and put right again. Each number is printed before the reading, so that the number of a crash or
// hang is known. The outcome follows: `refused` with one clear line, `same` as the undamaged file,
// or `changed`. With `leave`, a forged run stays forged, and is not read.

import Foundation
import MPI

/// Prints at once: a crash must not swallow it.
func say(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

let arguments = Array(CommandLine.arguments.dropFirst())
withMPI(program: "mutated-inputs") { _ in
  guard arguments.count >= 5, let seed = Int(arguments[2]), let first = Int(arguments[3]),
    let count = Int(arguments[4])
  else {
    throw InputFailure("expected KIND FOLDER SEED FIRST COUNT", exitStatus: 64)
  }
  let outcome: (Int) throws -> String
  if let kind = ForgedRun.Kind(rawValue: arguments[0]) {
    let run = try ForgedRun(kind, folder: arguments[1])
    if arguments.last == "leave" {
      try run.forge(seed: seed, first)
      return 0
    }
    outcome = { try run.outcome(seed: seed, $0) }
  } else if let reader = MutatedInputs.readers[arguments[0]] {
    let inputs = try MutatedInputs(folder: arguments[1], reader)
    outcome = { try inputs.outcome(seed: seed, $0) }
  } else {
    let kinds = MutatedInputs.readers.keys.sorted() + ForgedRun.Kind.allCases.map(\.rawValue)
    throw InputFailure("expected one of \(kinds.joined(separator: ", "))", exitStatus: 64)
  }
  for number in first..<first + count {
    say("\(number) ")
    say(try outcome(number) + "\n")
  }
  return 0
}
