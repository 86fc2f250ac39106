import CMPI
import Glibc
import Support

/// How this process was started.
enum Launch {
  /// The value of an environment variable.
  static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// The number of ranks that the launcher announces; nil without a launcher or an announcement.
  static var announcedSize: Int? {
    for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
      if let size = variable(name).flatMap({ Int($0) }) { return size }
    }
    if variable("PMIX_RANK") != nil {
      return variable("SLURM_STEP_NUM_TASKS").flatMap { Int($0) }
    }
    return nil
  }

  /// Whether a launcher of parallel programs started this process.
  static var isParallel: Bool {
    announcedSize != nil || variable("PMIX_RANK") != nil || variable("PMI_RANK") != nil
  }

  /// The number of tasks of a Slurm step whose `srun` does not connect its tasks.
  ///
  /// Each such task would believe that it is the only rank.
  static var unconnectedTasks: Int? {
    guard !isParallel, variable("SLURM_STEP_ID") != nil,
      let tasks = variable("SLURM_STEP_NUM_TASKS").flatMap({ Int($0) }), tasks > 1
    else { return nil }
    return tasks
  }

  /// This machine's name.
  ///
  /// The C function is `gethostname`.
  static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown host" }
    return name.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { String(cString: $0) } ?? "unknown host"
    }
  }
}

/// A launch that does not connect the ranks.
public struct LaunchError: ExitStatusError, CustomStringConvertible {
  /// What was found, and what to do.
  public let description: String
  /// 64: the command that started the ranks is wrong.
  public var exitStatus: Int32 { 64 }
}
