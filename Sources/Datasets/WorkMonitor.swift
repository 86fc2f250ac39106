/// Shows the progress of long work on a data set, and can stop the work.
public struct WorkMonitor {
  /// Called now and then with the number of finished images and the number of all images.
  public let progress: (_ done: Int, _ total: Int) -> Void
  /// Asked equally often whether to stop.
  public let isStopped: () -> Bool

  /// A monitor; the default shows nothing and never stops the work.
  public init(
    progress: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in },
    isStopped: @escaping () -> Bool = { false }
  ) {
    self.progress = progress
    self.isStopped = isStopped
  }
}
