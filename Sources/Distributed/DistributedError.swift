import MPI
import Support

/// Why gradients cannot be reduced as asked.
public enum DistributedError: ExitStatusError, Equatable, CustomStringConvertible {
  /// More ranks than lanes: the number of ranks and that of lanes.
  case moreRanksThanLanes(Int, Int)
  /// A shared window was asked for and the ranks are on several nodes.
  case severalNodes
  /// Plain all-reduce was asked for in exact mode.
  case plainReductionIsNotExact

  /// What is wrong and what to set.
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
