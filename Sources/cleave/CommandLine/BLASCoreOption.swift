import Doctor
import Foundation
import Tensors

extension BLASCore {
  /// Set in the process that `--blas-core` started, so that this process does not start another.
  private static let guardVariable = "CLEAVE_BLAS_CORE"

  /// Restarts this process with another kernel, if the requested kernel is not in use.
  ///
  /// Call it before `MPI_Init`: the launcher does not notice the exchange then. The new process
  /// checks that OpenBLAS knows the name and uses the kernel.
  ///
  /// - Throws: `UsageError` for a name that OpenBLAS refuses, or if the exchange fails.
  static func use(_ name: String) throws(UsageError) {
    if getenv(guardVariable) != nil {
      try check(name)
      return
    }
    if name == "auto" {
      guard getenv(variable) != nil else { return }
      unsetenv(variable)
    } else {
      setenv(variable, name, 1)
    }
    setenv(guardVariable, name, 1)
    let words = CommandLine.arguments.map { strdup($0) }
    execv("/proc/self/exe", words + [nil])
    throw UsageError("--blas-core: cannot start again: \(String(cString: strerror(errno)))")
  }

  private static func check(_ name: String) throws(UsageError) {
    guard name != "auto" else { return }
    let kernel = BLAS.kernelName
    if kernel.lowercased() != name.lowercased() {
      throw UsageError("--blas-core: OpenBLAS does not offer \(name) here; it took \(kernel)")
    }
  }
}
