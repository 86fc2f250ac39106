import Support

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
    // The run may remove or replace a checkpoint while it is looked at: that one counts no more.
    var look = try Look(store, check)
    for _ in 0..<Self.mostLooks where look.hasLost && look.newest == nil {
      look = try Look(store, check)
    }
    checkpoints = look.entries.reversed()
    newest = look.newest
    best = Disk.target(of: "\(store.directory)/best").flatMap { CheckpointName($0)?.text }
  }

  private static let mostLooks = 100

  /// One look at all checkpoints, newest first.
  private struct Look {
    var entries: [Entry] = []
    var newest: Checkpoint?
    /// Whether a checkpoint was removed or replaced in the meantime.
    var hasLost = false

    init(_ store: CheckpointStore, _ check: Checkpoint.Check) throws {
      var lastStep: Int?
      for name in try store.candidates() {
        // A checkpoint that is being replaced counts only while its successor is missing.
        if name.stage == .replaced && lastStep == name.step { continue }
        lastStep = name.step
        var folder: HeldFiles?
        var problems: [String] = []
        var checkpoint: Checkpoint?
        do {
          let held = try HeldFiles(store.path(name), [])
          folder = held
          let manifest = try store.manifest(of: name, held: held)
          let found = Checkpoint(
            directory: store.path(name), manifest: manifest,
            held: held.holding(manifest.files.map(\.file)))
          checkpoint = found
          problems = found.problems(check)
        } catch { problems = ["\(error)"] }
        if !problems.isEmpty && !(folder?.isInPlace ?? Disk.isDirectory(store.path(name))) {
          hasLost = true
          continue
        }
        entries.append(
          Entry(
            name: name.text, bytes: checkpoint?.manifest.bytes ?? 0,
            problems: problems.map(\.printable)))
        if problems.isEmpty && newest == nil { newest = checkpoint }
      }
    }
  }
}
