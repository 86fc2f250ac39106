import Foundation
import TestSupport
import Testing

/// Runs over ssh on two hosts, which `cluster/two-hosts` makes of network namespaces.
@Suite(.serialized) struct TwoHostsTests {
  private static let script = TestData.packageRoot.appending(path: "cluster/two-hosts").path
  private static let settings: [String: String?] = [
    "CLEAVE_TWO_HOSTS": "/tmp/cleave-test-hosts-\(getpid())"
  ]

  /// Whether the hosts can be made here.
  private static let canMakeHosts: Bool = {
    let run = try? Run.command(script, ["up"], environment: settings)
    if run?.status == 0 { _ = try? Run.command(script, ["down"], environment: settings) }
    return run?.status == 0
  }()

  /// One host dies during the run; the retry finishes on the other host.
  ///
  /// It has the weights, moments and row state of an undisturbed run on one rank.
  @Test(
    .enabled(
      if: canMakeHosts, "two hosts need root, network namespaces, iproute2 and openssh-server"))
  func aLostHostIsSurvived() throws {
    try withTemporaryFolder { folder in
      defer { _ = try? Run.command(Self.script, ["down"], environment: Self.settings) }
      try prepareDigits(1203, in: folder)
      let train =
        "train demo \(small) --set inner_epochs=2 --set checkpoint_epochs=1 "
        + "--set outer_iterations=20 --exact "
      try Tool.succeed(train + "--out whole", in: folder)
      let run = RunFolder("run", in: folder)
      let job = try Job(
        Self.script,
        ["run", "--retries", "2"] + (train + "--out run").split(separator: " ").map(String.init),
        environment: Self.settings, in: folder)
      try #require(job.waits { run.checkpoints.contains("latest") })
      let failure = try Run.command(Self.script, ["fail", "2"], environment: Self.settings)
      #expect(failure.status == 0, "\(failure)")
      let end = try job.end(within: 90)
      #expect(end.status == 0 && !end.timedOut, "\(end)")
      #expect(end.errors.contains("launch/cleave: 10.99.0.2 does not answer"), "\(end)")
      #expect(end.errors.contains("try 1 of 2 goes on from step-"), "\(end)")
      #expect(try run.digests() == RunFolder("whole", in: folder).digests())
    }
  }

  /// A weight that changes in the memory of only one host is found before it is saved.
  @Test(
    .enabled(
      if: canMakeHosts, "two hosts need root, network namespaces, iproute2 and openssh-server"))
  func aHostThatDriftedIsNamed() throws {
    try withTemporaryFolder { folder in
      defer { _ = try? Run.command(Self.script, ["down"], environment: Self.settings) }
      try prepareDigits(300, in: folder)
      let train =
        "train demo \(small) --set inner_epochs=2 --set checkpoint_epochs=1 "
        + "--set outer_iterations=2 --out run"
      let run = try Run.command(
        Self.script,
        ["run"] + (train + " --inject flip-weight@10:1").split(separator: " ").map(String.init),
        environment: Self.settings, in: folder)
      #expect(run.status == 1 && !run.timedOut, "\(run)")
      #expect(
        run.errors.contains("rank 1 (cleave2): the weights after step 10 found unlike"), "\(run)")
      let latest = folder.appending(path: "run/checkpoints/latest").path
      let last = try FileManager.default.destinationOfSymbolicLink(atPath: latest)
      #expect(last == "step-00000005", "\(last)")
    }
  }
}
