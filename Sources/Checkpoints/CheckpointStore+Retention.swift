/// The links, and the end of old checkpoints.
extension CheckpointStore {
  /// Points the links to the right checkpoints and removes those that need not stay.
  ///
  /// The new checkpoint is safe by now, so what goes wrong is returned, one line each, not thrown.
  func tidy(after saved: CheckpointName, keeping retention: Retention) -> [String] {
    var warnings: [String] = []
    func attempt(_ body: () throws -> Void) {
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

  /// The checkpoint with the lowest score, the oldest of equals; nil where none has a score.
  private func bestName(upTo saved: CheckpointName) throws -> CheckpointName? {
    var best: (name: CheckpointName, score: Double)?
    for name in try committed(upTo: saved) where !damaged.contains(name.text) {
      // A manifest that cannot be read is no reason to fail: its checkpoint is not the best one.
      guard let manifest = try? manifest(of: name), let score = manifest.score else { continue }
      if best == nil || score <= best?.score ?? .infinity { best = (name, score) }
    }
    return best?.name
  }

  /// What is neither among the newest nor the best.
  ///
  /// Later steps belong to a run that went another way, or are damaged: they neither count nor go.
  private func superseded(
    by saved: CheckpointName, keeping retention: Retention, best: CheckpointName?
  ) throws -> [CheckpointName] {
    let all = try committed(upTo: saved)
    let kept = all.filter { !damaged.contains($0.text) }.prefix(retention.last)
    guard kept.count == retention.last, let oldest = kept.last else { return [] }
    return all.filter { $0.step < oldest.step && $0 != best }
  }

  /// Committed checkpoints up to a step, newest first.
  private func committed(upTo saved: CheckpointName) throws -> [CheckpointName] {
    try candidates().filter { $0.stage == .committed && $0.step <= saved.step }
  }
}
