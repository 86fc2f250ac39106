import Foundation
import Support
import TestSupport
import Testing

@testable import Training

/// The right to write a run, between processes of this machine and of others.
@Suite(.serialized) struct RunLeaseTests {
  private static let times = RunLease.Times(renewal: 0.2, expiry: 1.5, settling: 0.3)

  /// An owner as a process of another machine has left it, or one of this machine.
  private func write(_ owner: RunOwner, to directory: RunDirectory) throws {
    try owner.text.write(toFile: directory.owner, atomically: true, encoding: .utf8)
  }

  private func owner(
    machine: String = "another", process: Int = 1, started: Int = 1, renewals: Int = 0
  ) throws -> RunOwner {
    let text = """
      {"format": "cleave-owner", "id": "x", "host": "node9", "process": \(process), "since": "then",
       "machine": "\(machine)", "process_start": \(started), "renewals": \(renewals)}
      """
    return try #require(RunOwner(text))
  }

  private func withDirectory(_ body: (RunDirectory) throws -> Void) throws {
    try withTemporaryFolder { try body(RunDirectory($0.path)) }
  }

  @Test func oneOwnerAtATime() throws {
    try withDirectory { directory in
      let first = try RunLease(directory, patience: 0, times: Self.times)
      #expect(first.predecessor == nil)
      #expect(throws: RunError.self) { try RunLease(directory, patience: 0, times: Self.times) }
      try first.check()
      first.release()
      #expect(try directory.content().own.isEmpty)
      let second = try RunLease(directory, patience: 0, times: Self.times)
      #expect(throws: RunError.self) { try first.check() }
      try second.check()
    }
  }

  @Test func theFileIsRenewedInItsPlace() throws {
    try withDirectory { directory in
      let lease = try RunLease(directory, patience: 0, times: Self.times)
      let first = try #require(directory.currentOwner)
      while directory.currentOwner?.renewals ?? 0 < 3 { usleep(10_000) }
      #expect(directory.currentOwner?.id == first.id)
      lease.release()
    }
  }

  /// A process that has ended frees the run at once: its number may have been given away.
  @Test func aDeadProcessOfThisMachineIsReplaced() throws {
    try withDirectory { directory in
      let own = ProcessIdentity.own
      try write(
        owner(machine: own.machine, process: own.process, started: own.started - 1),
        to: directory)
      let lease = try RunLease(directory, patience: 0, times: Self.times)
      #expect(lease.predecessor?.process.host == "node9")
      lease.release()
    }
  }

  /// Of another machine, only the file tells.
  @Test func aSilentOwnerOfAnotherMachineIsReplaced() throws {
    try withDirectory { directory in
      try write(owner(), to: directory)
      let lease = try RunLease(directory, patience: 0, times: Self.times)
      #expect(lease.predecessor?.process.process == 1)
      lease.release()
    }
  }

  @Test func anOwnerThatRenewsItsFileIsKept() throws {
    try withDirectory { directory in
      try write(owner(), to: directory)
      let thread = Thread {
        usleep(500_000)
        guard let renewed = try? self.owner(renewals: 1) else { return }
        try? self.write(renewed, to: directory)
      }
      thread.start()
      let error = #expect(throws: RunError.self) {
        try RunLease(directory, patience: 0, times: Self.times)
      }
      #expect("\(try #require(error))".contains("in training by node9, process 1, since then"))
    }
  }

  /// An owner that was suspended finds another in its place.
  @Test func aLostRunIsNoticed() throws {
    try withDirectory { directory in
      let lease = try RunLease(directory, patience: 0, times: Self.times)
      try lease.check()
      try write(owner(), to: directory)
      #expect(throws: RunError.self) { try lease.check() }
      while !lease.isLost { usleep(10_000) }
      lease.release()
      #expect(directory.currentOwner?.id == "x")
    }
  }

  /// A file that names nobody, such as a torn one, is replaced.
  @Test(arguments: ["", "{", "\0\0\0", "{\"format\": \"cleave-owner\", \"id\": 3}"])
  func aTornFileIsReplaced(text: String) throws {
    try withDirectory { directory in
      try text.write(toFile: directory.owner, atomically: false, encoding: .utf8)
      let lease = try RunLease(directory, patience: 0, times: Self.times)
      try lease.check()
      lease.release()
    }
  }

  /// A stranger's file of that name is not.
  @Test func aStrangersFileIsKept() throws {
    try withDirectory { directory in
      let text = "{\"name\": \"mine\"}"
      try text.write(toFile: directory.owner, atomically: false, encoding: .utf8)
      #expect(throws: RunError.self) { try RunLease(directory, patience: 0, times: Self.times) }
      #expect(directory.ownerText == text)
    }
  }

  /// What died while it took the run leaves nothing.
  @Test func hiddenFilesOfTheDeadGo() throws {
    try withDirectory { directory in
      let own = ProcessIdentity.own
      let dead = try owner(machine: own.machine, process: own.process, started: own.started - 1)
      for (owner, name) in [(dead, "x"), (try owner(), "elsewhere")] {
        try owner.text.write(
          toFile: "\(directory.path)/.owner-\(name)", atomically: false, encoding: .utf8)
      }
      try RunLease(directory, patience: 0, times: Self.times).release()
      #expect(try directory.content().own == [".owner-elsewhere"])
    }
  }

  /// Of many that find a dead owner, one gets the run.
  @Test func ofManyOneTakesOver() throws {
    try withDirectory { directory in
      for _ in 0..<3 {
        let own = ProcessIdentity.own
        try write(owner(machine: own.machine, process: 1, started: -1), to: directory)
        let taken = Leases()
        DispatchQueue.concurrentPerform(iterations: 6) { _ in
          guard let lease = try? RunLease(directory, patience: 0, times: Self.times) else { return }
          taken.add(lease)
        }
        let holding = taken.all.filter { (try? $0.check()) != nil }
        #expect(holding.count == 1 && taken.all.count == 1)
        for lease in taken.all { lease.release() }
      }
    }
  }
}

/// Leases that threads collect.
private final class Leases: @unchecked Sendable {
  private let lock = NSLock()
  private var leases: [RunLease] = []
  func add(_ lease: RunLease) { lock.withLock { leases.append(lease) } }
  var all: [RunLease] { lock.withLock { leases } }
}
