/// The name of a checkpoint's directory, in any stage of its life.
struct CheckpointName: Equatable {
  /// A stage other than committed has a hidden name that ends in the stage.
  enum Stage: String {
    /// Whole: "step-00001200".
    case committed
    /// Being written: ".step-00001200.OWNER.partial", where the run has an owner. After a killed run
    /// it is worthless.
    case partial
    /// Whole, but a newer one of the same step is taking its place: ".step-00001200.replaced".
    case replaced
    /// Being removed: ".step-00001200.removed".
    case removed
  }

  let step: Int
  let stage: Stage
  /// Who writes it: no two owners of a run write under one name.
  let owner: String?

  init(step: Int, _ stage: Stage = .committed, of owner: String? = nil) {
    self.step = step
    self.stage = stage
    self.owner = owner
  }

  /// Reads a name; nil if no checkpoint has such a name.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let isHidden = (3...4).contains(parts.count) && parts[0].isEmpty
    let stage = isHidden ? Stage(rawValue: String(parts[parts.count - 1])) : nil
    let visible = stage == nil ? text[...] : parts[1]
    let owner = stage == .partial && parts.count == 4 ? String(parts[2]) : nil
    if let owner, owner.isEmpty || !owner.allSatisfy(\.isHexDigit) { return nil }
    let digits = visible.dropFirst(CheckpointName.prefix.count)
    guard visible.hasPrefix(CheckpointName.prefix), let step = Int(digits) else { return nil }
    self.init(step: step, stage ?? .committed, of: owner)
    if self.text != text { return nil }
  }

  /// The name as it stands in the file system.
  var text: String {
    let digits = String(step)
    let padding = String(repeating: "0", count: max(0, 8 - digits.count))
    let visible = CheckpointName.prefix + padding + digits
    if stage == .committed { return visible }
    return ".\(visible)" + (owner.map { ".\($0)" } ?? "") + ".\(stage.rawValue)"
  }

  private static let prefix = "step-"
}

extension CheckpointStore {
  /// Whether Cleave writes a file or folder of this name, in parts, into a folder of checkpoints.
  public static func owns(_ parts: [String], isFolder: Bool) -> Bool {
    guard let first = parts.first, let name = parts.last else { return false }
    let links = ["latest", "best"]
    switch parts.count {
    case 1 where isFolder: return CheckpointName(first) != nil
    case 1: return links.contains(name) || links.contains { name.hasPrefix(".\($0).") }
    case 2:
      return !isFolder && CheckpointName(first) != nil
        && ([ContentsFile.name, Manifest.fileName].contains(name) || RowFile.isName(name))
    default: return false
    }
  }
}
