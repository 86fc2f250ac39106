/// How long work on a data set tells how far it has come, and learns that it shall stop.
public struct WorkMonitor {
  /// Called now and then with the images done and all that there are.
  public let progress: (_ done: Int, _ total: Int) -> Void
  /// Asked as often whether to stop.
  public let isStopped: () -> Bool

  /// A monitor; by default one that says nothing and goes on to the end.
  public init(
    progress: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in },
    isStopped: @escaping () -> Bool = { false }
  ) {
    self.progress = progress
    self.isStopped = isStopped
  }
}
