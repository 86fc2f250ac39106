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

  /// The variables in which launchers tell a process its rank.
  static let rankVariables = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"]

  /// The rank that the launcher has given this process; nil without a launcher.
  static var rank: Int? { rankVariables.lazy.compactMap { variable($0).flatMap { Int($0) } }.first }

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

  /// The name of this program's file.
  static var programName: String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &path, path.count)
    let bytes = path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
    return String(decoding: bytes.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self)
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
  /// 64 where the command that started the ranks is wrong, 1 where it is not known to be.
  public let exitStatus: Int32

  init(description: String, exitStatus: Int32 = 64) {
    self.description = description
    self.exitStatus = exitStatus
  }
}
