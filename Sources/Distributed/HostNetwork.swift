import MPI

/// The network between the hosts of a job.
public struct HostNetwork: Sendable {
  /// Bytes a second from one host to another, while as many come back.
  public let bytesPerSecond: Double

  /// Bytes that are sent each way, in messages of the usual size, and how often.
  private static let trial = (bytes: 1 << 22, rounds: 4)

  /// Measures it between rank 0 and the first rank of another host; nil for a single host.
  ///
  /// **Collective.**
  public init?(on world: Communicator) throws {
    let hosts = try world.allGather(world.hostName)
    guard let other = hosts.firstIndex(where: { $0 != hosts[0] }) else { return nil }
    let floats = Self.trial.bytes / 4
    let sent = allocateFloats(floats), received = allocateFloats(floats)
    defer {
      sent.deallocate()
      received.deallocate()
    }
    let messages = PreparedMessages(on: world)
    if world.rank == 0 || world.rank == other {
      let peer = world.rank == 0 ? other : 0
      let most = GradientBuckets.usualMessageFloats
      for place in stride(from: 0, to: floats, by: most) {
        let count = min(most, floats - place)
        try messages.addReceive(received + place, count: count, from: peer, tag: place)
        try messages.addSend(sent + place, count: count, to: peer, tag: place)
      }
    }
    var best = Double.infinity
    for _ in 0..<Self.trial.rounds {
      try world.barrier()
      let clock = ContinuousClock.now
      try messages.start()
      try messages.wait()
      var seconds = [(ContinuousClock.now - clock) / .seconds(1)]
      try world.allReduce(&seconds, .max)
      best = min(best, seconds[0])
    }
    bytesPerSecond = Double(Self.trial.bytes) / best
  }

  /// A network of known speed.
  public init(bytesPerSecond: Double) { self.bytesPerSecond = bytesPerSecond }
}
