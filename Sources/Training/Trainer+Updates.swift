import Distributed

/// What happens to gradients between backward and the update.
extension Trainer {
  /// A gradient of a pass is final, and the pass reads the parameter's values no more.
  func isReady(block: Int, pass: Int, _ gradient: UnsafeMutablePointer<Float>) {
    let start = gradient + buckets.offset(of: block)
    session.faults?.spoil(start, of: parameters.entries[block].name)
    finite.check(gradient: start, of: block, lane: localLanes.lowerBound + pass)
    if pass == buckets.passes - 1 { sentinel?.check(block: block) }
    buckets.ready(block: block, pass: pass)
  }

  /// Whether a phase, and with it what is left of its step, is left out because some rank found something not finite.
  ///
  /// **Collective.** Phases before it have been made.
  func isToBeDropped(_ held: HeldGradients, groups: UInt64) throws -> Bool {
    guard configuration.onNonFinite == .skip else { return false }
    if let block = held.firstNonFinite(groups: groups) {
      finite.note(NonFinite(lane: nil, place: .gradient, parameter: block))
    }
    dropped = try NonFinite.first(finite.found, on: world)
    if dropped != nil { finite.reset() }
    return dropped != nil
  }

  /// Updates a phase's parameters from its gradients, scaled down where they are too long.
  ///
  /// **Collective.**
  func update(_ optimizer: Optimizer, from held: HeldGradients) throws {
    optimizer.beginStep()
    try held.clip(groups: optimizer.groups, on: world)
    try buckets.updateOwned(groups: optimizer.groups) { bucket, values, count in
      optimizer.update(
        bucket: bucket, piece: 0..<count, values: values, gradient: held.gradient(bucket: bucket))
    }
  }
}
