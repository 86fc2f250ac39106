/// Reading ahead of training, for sets that memory cannot hold.
extension Trainer {
  /// Steps whose images are on their way from the disk while one is computed.
  private static let stepsAhead = 4

  /// Asks for the images of a coming step, so that they are in memory when it begins.
  ///
  /// At the start of an epoch, and where training goes on after something else, for those of all
  /// steps up to it. Costs nothing where images are not mapped or are few.
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
