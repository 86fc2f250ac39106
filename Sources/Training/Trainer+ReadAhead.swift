/// Reads images ahead of training, for sets larger than memory.
extension Trainer {
  /// Steps whose images are being read from disk during a step.
  private static let stepsAhead = 4

  /// Asks for the images of a coming step, so that they are in memory when it begins.
  ///
  /// At the start of an epoch, and after other work, it asks for the images of all steps up to that
  /// step. The call costs nothing where images are few or not mapped.
  func readAhead() {
    images.expect(optimization.shuffle ? .random : .sequential)
    let laneBatch = settings.laneBatch
    let isFresh = progress.stepInEpoch == 0 || progress.step != lastReadAhead + 1
    lastReadAhead = progress.step
    let nearest = progress.stepInEpoch + (isFresh ? 1 : Self.stepsAhead)
    for step in nearest...(progress.stepInEpoch + Self.stepsAhead) where step < stepsPerEpoch {
      for order in orders {
        let first = min(step * laneBatch, order.count)
        images.prefetch(order[first..<min(first + laneBatch, order.count)])
      }
    }
  }
}
