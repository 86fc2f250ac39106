import CMPI
import Glibc

/// How Open MPI computes an all-reduce; raw values are Open MPI's numbers.
public enum AllReduceAlgorithm: Int32, CaseIterable, Sendable {
  /// The library chooses by message size and number of ranks.
  case automatic
  case linear, nonoverlapping, recursiveDoubling, ring, segmentedRing, rabenseifner

  private static let choiceVariable = "coll_tuned_use_dynamic_rules"
  private static let variable = "coll_tuned_allreduce_algorithm"

  /// The options that make `mpirun` use the algorithm throughout a job.
  public var mpirunOptions: String {
    "--mca \(Self.choiceVariable) 1 --mca \(Self.variable) \(rawValue)"
  }

  /// Lets ``select()`` take effect; must be called before MPI starts.
  public static func allowSelection() { setenv("OMPI_MCA_\(choiceVariable)", "1", 0) }

  /// Makes communicators that are created from now on use the algorithm.
  ///
  /// The C function is `MPI_T_cvar_write`.
  ///
  /// - Returns: Whether this library has such a choice.
  /// - Throws: `MPIError` if the library refuses the algorithm.
  public func select() throws(MPIError) -> Bool {
    var provided: Int32 = 0
    try check("MPI_T_init_thread", MPI_T_init_thread(cmpi_thread_funneled(), &provided))
    defer { MPI_T_finalize() }
    var index: Int32 = 0
    guard MPI_T_cvar_get_index(Self.variable, &index) == MPI_SUCCESS else { return false }
    var handle: MPI_T_cvar_handle?
    var count: Int32 = 0
    try check("MPI_T_cvar_handle_alloc", MPI_T_cvar_handle_alloc(index, nil, &handle, &count))
    defer { MPI_T_cvar_handle_free(&handle) }
    var number = rawValue
    try check("MPI_T_cvar_write", MPI_T_cvar_write(handle, &number))
    return true
  }
}
