import Support

/// A run directory that cannot be used: an error of one line that names it.
public enum RunError: ExitStatusError, Equatable, CustomStringConvertible {
  case exists(String, isRun: Bool)
  case foreign(String, [String])
  case holdsInput(String, String)
  case place(String, String)
  case noRun(String)
  case aside(String, String, RunOwner?)
  case owned(String, RunOwner)
  case lost(String, RunOwner)
  case vanished(String)
  case noCheckpoint(String)
  case data(String, String)

  /// One line.
  public var description: String {
    switch self {
    case .exists(let path, isRun: true):
      "\(path): found a run, expected a new directory; go on with it by --resume \(path), or "
        + "replace it by --force"
    case .exists(let path, isRun: false):
      "\(path): found a file or a directory that is no run, expected a new directory"
    case .foreign(let path, let names):
      "\(path): found \(Quantity.list(names.map(\.printable), atMost: 3)), which is no "
        + "part of the run, expected nothing else there; move it away first, --force deletes only runs"
    case .holdsInput(let path, let data):
      "\(path): found the data set \(data) in it, expected a run that can be replaced; move the "
        + "data away first"
    case .place(let path, let reason): "\(path): \(reason)"
    case .aside(let path, _, let owner?):
      "\(path): found a run that is being replaced by \(owner.words); try again when the new run has "
        + "begun"
    case .aside(let path, let name, nil):
      "\(path): found the run aside in \(name), where a --force that was killed has left it; put it "
        + "back by train --resume \(path), or replace it by --force again"
    case .noRun(let path):
      "\(path): found no run there (no run.json, no config.json), expected a run directory"
    case .owned(let path, let owner):
      "\(path): found in training by \(owner.words), expected a run that nobody trains; end that "
        + "process, or wait for it by --wait SECONDS"
    case .lost(let path, let owner):
      "\(path): taken over by \(owner.words); this process writes nothing more there"
    case .vanished(let path):
      "\(path): the run is gone: it was moved, removed or replaced while it trained; nothing more is "
        + "written there"
    case .noCheckpoint(let path):
      "\(path): found no checkpoint whose checksums hold, expected at least one"
    case .data(let path, let reason): "\(path): \(reason)"
    }
  }

  /// The message without the name of the file, where it is about a file's content.
  public var reason: String {
    if case .data(_, let reason) = self { reason } else { description }
  }

  /// Why a file of a run was not read.
  static func unread(_ path: String, _ refusal: RegularFile.Refusal) -> any Error {
    refusal.isBadData
      ? RunError.data(path, refusal.description) : FileError(path, refusal.description)
  }

  /// 64 for usage, 65 for data, 1 for other errors.
  public var exitStatus: Int32 {
    switch self {
    case .exists, .foreign, .holdsInput, .place, .owned: 64
    case .aside(_, _, let owner): owner == nil ? 65 : 64
    // A run that is gone is not begun anew by whoever tries again.
    case .noRun, .noCheckpoint, .data, .vanished: 65
    case .lost: 1
    }
  }
}
