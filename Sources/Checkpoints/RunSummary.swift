/// The checkpoints of a run, for `cleave info`.
public struct RunSummary: Sendable {
  /// One checkpoint of the run.
  public struct Entry: Sendable {
    /// Its name, such as "step-00001200".
    public let name: String
    /// The total size of its files in bytes; 0 where the manifest is damaged.
    public let bytes: Int
    /// One line for each damaged file; empty for a valid checkpoint.
    public let problems: [String]
    /// Whether all its files are whole.
    public var isValid: Bool { problems.isEmpty }
  }

  /// The checkpoints, oldest first.
  public let checkpoints: [Entry]
  /// The newest valid checkpoint; nil where there is none.
  public let newest: Checkpoint?
  /// The name of the best checkpoint; nil where none has been marked.
  public let best: String?

  /// Looks at the checkpoints of the run in directory `run`; a run without any is no error.
  ///
  /// - Throws: `CheckpointError` if the directory cannot be read.
  public init(run: String, check: Checkpoint.Check = .sizes) throws {
    let store = CheckpointStore(run: run)
    var (entries, newest): ([Entry], Checkpoint?) = ([], nil)
    var lastStep: Int?
    for name in try store.candidates() {
      // A checkpoint that is being replaced counts only while its successor is missing.
      if name.stage == .replaced && lastStep == name.step { continue }
      lastStep = name.step
      do {
        let checkpoint = Checkpoint(
          directory: store.path(name), manifest: try store.manifest(of: name))
        let problems = checkpoint.problems(check)
        entries.append(
          Entry(name: name.text, bytes: checkpoint.manifest.bytes, problems: problems))
        if problems.isEmpty && newest == nil { newest = checkpoint }
      } catch {
        entries.append(Entry(name: name.text, bytes: 0, problems: ["\(error)"]))
      }
    }
    checkpoints = entries.reversed()
    self.newest = newest
    best = Disk.target(of: "\(store.directory)/best")
  }
}
