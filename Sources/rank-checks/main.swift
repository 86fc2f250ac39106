// Checks that need several ranks; tests start them. `mpirun -n P rank-checks NAME [argument]...`
// ends with status 0 if the check holds on every rank. `rank-checks` without a name lists the
// checks.

import MPI

let checks: [String: RankCheck] = communicatorChecks.merging(bucketChecks) { first, _ in first }
  .merging(checkpointChecks) { first, _ in first }
  .merging(signalChecks) { first, _ in first }

let arguments = CommandLine.arguments.dropFirst()
withMPI(program: "rank-checks") { world in
  guard let name = arguments.first, let check = checks[name] else {
    if world.isRoot { print(checks.keys.sorted().joined(separator: "\n")) }
    try world.agree {
      throw CheckFailure("no such check: \(arguments.first ?? "none given")", exitStatus: 64)
    }
    return 0
  }
  try check(world, Array(arguments.dropFirst()))
  return 0
}
