import Foundation
import Support

/// A thread that ends this rank soon after the launcher of the job is gone.
///
/// Nobody would collect its status or end it, while another job may already go on with its work.
enum LauncherWatch {
  /// Processes that start ranks: of Open MPI, of Slurm, and of PMIx.
  static let launchers: Set = [
    "mpirun", "mpiexec", "orterun", "orted", "prterun", "prted", "slurmstepd",
  ]

  /// Starts the watch, in a process that a launcher has started.
  static func start() {
    let launcher = ProcessIdentity.ancestor(named: launchers)
    guard Launch.isParallel, launcher.isAlive == true else { return }
    let thread = Thread {
      while launcher.isAlive != false { usleep(500_000) }
      printError("cleave: \(launcher.words), which started this rank, is gone")
      _exit(1)
    }
    thread.name = "cleave-launcher"
    thread.start()
  }
}
