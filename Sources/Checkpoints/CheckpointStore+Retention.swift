/// The links, and the end of old checkpoints.
extension CheckpointStore {
  /// Points the links to the right checkpoints and removes the checkpoints that need not stay.
  ///
  /// The new checkpoint is safe by now: problems are returned, one line each, not thrown.
  func tidy(after saved: CheckpointName, keeping retention: Retention) -> [String] {
    var warnings: [String] = []
    func attempt(_ body: () throws -> Void) {
      // Nothing of a run that was lost in the meantime, which the next save tells.
      do { try mayCommit?() } catch { return }
      do { try body() } catch { warnings.append("\(error)") }
    }
    attempt { try Disk.link("latest", to: saved.text, in: directory) }
    attempt {
      let best = retention.best ? try bestName(upTo: saved) : nil
      if let best {
        try Disk.link("best", to: best.text, in: directory)
      } else {
        try Disk.remove("\(directory)/best")
      }
      for name in try superseded(by: saved, keeping: retention, best: best) {
        attempt { try remove(name) }
      }
    }
    attempt { try Disk.synchronize(directory) }
    return warnings
  }

  /// The checkpoint with the lowest score, the oldest of equals; nil where none has a score that
  /// compares with that of the saved one.
  private func bestName(upTo saved: CheckpointName) throws -> CheckpointName? {
    var best: (name: CheckpointName, score: Double)?
    let newest = try manifest(of: saved)
    for name in try committed(upTo: saved) where !damaged.contains(name.text) {
      // A manifest that cannot be read is no reason to fail: its checkpoint is not the best.
      guard let manifest = try? manifest(of: name), let score = manifest.score,
        manifest.hasScore(like: newest)
      else { continue }
      if best == nil || score <= best?.score ?? .infinity { best = (name, score) }
    }
    return best?.name
  }

  /// The checkpoints to remove: older than the newest, not the best, and not the spare.
  ///
  /// Later steps belong to a run that went another way, or are damaged: they neither count nor go.
  private func superseded(
    by saved: CheckpointName, keeping retention: Retention, best: CheckpointName?
  ) throws -> [CheckpointName] {
    let all = try committed(upTo: saved)
    let whole = all.filter { !damaged.contains($0.text) }
    let kept = whole.prefix(retention.last)
    guard kept.count == retention.last, let oldest = kept.last else { return [] }
    let spare = retention.last > 1 ? spare(for: saved, among: whole) : nil
    return all.filter { $0.step < oldest.step && $0 != best && $0 != spare }
  }

  /// The newest checkpoint that shares no row file with the saved checkpoint.
  ///
  /// A damaged file then leaves one of the two whole. Nil where the saved one has no row files.
  private func spare(for saved: CheckpointName, among names: [CheckpointName]) -> CheckpointName? {
    func rowFiles(_ name: CheckpointName) -> [Manifest.File]? {
      // A manifest that cannot be read belongs to no checkpoint to go back to.
      (try? manifest(of: name))?.files.filter { $0.rows != nil }
    }
    guard let own = rowFiles(saved), !own.isEmpty else { return nil }
    return names.first { rowFiles($0).map { $0.allSatisfy { !own.contains($0) } } ?? false }
  }

  /// Committed checkpoints up to a step, newest first.
  private func committed(upTo saved: CheckpointName) throws -> [CheckpointName] {
    try candidates().filter { $0.stage == .committed && $0.step <= saved.step }
  }
}
