import MPI
import Support

/// The reason why gradients cannot be reduced as requested.
public enum DistributedError: ExitStatusError, Equatable, CustomStringConvertible {
  /// More ranks than lanes: the number of ranks, then the number of lanes.
  case moreRanksThanLanes(Int, Int)
  /// A shared window was requested, but the ranks are on several hosts.
  case severalNodes
  /// Plain all-reduce was requested in exact mode.
  case plainReductionIsNotExact

  /// What is wrong, and what to set.
  public var description: String {
    switch self {
    case .moreRanksThanLanes(let ranks, let lanes):
      "\(ranks) ranks for \(lanes) lanes; start at most \(lanes) ranks, "
        + "or a new run with lanes=\(ranks) or more"
    case .severalNodes:
      "the ranks are on several nodes, which share no memory"
    case .plainReductionIsNotExact:
      "exact mode needs the window or the messages path, not plain all-reduce"
    }
  }

  /// 64: wrong usage.
  public var exitStatus: Int32 { 64 }
}
