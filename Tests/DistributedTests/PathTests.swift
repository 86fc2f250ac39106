import Foundation
import MPI
import TestSupport
import Testing

/// The choice of a path on several kinds of machines, imitated with Linux namespaces.
@Suite(.serialized) struct PathTests {
  /// Whether this process may make namespaces: as root, except in most containers.
  static let canUnshare: Bool = {
    let run = try? Run.command("unshare", ["--mount", "--uts", "true"], limit: 10)
    return run?.status == 0
  }()
  static let whyNot: Comment = "no permission to make namespaces"

  @Test func ranksOfOneMachineShareAWindow() throws {
    let run = try Run.product("rank-checks", ["automatic-path", "window"], ranks: 2, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test(.enabled(if: canUnshare, whyNot))
  func tooLittleSharedMemoryMeansMessages() throws {
    let mount = "mount -t tmpfs -o size=24m tmpfs /dev/shm && exec \"$@\""
    let check = Run.products.appending(path: "rank-checks").path
    let run = try Run.command(
      "unshare",
      ["--mount", "sh", "-c", mount, "sh", "mpirun", "--oversubscribe", "-n", "2", check]
        + ["automatic-path", "messages", "/dev/shm on"],
      environment: Self.root, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  /// Three ranks on two host names, connected by TCP.
  @Test(
    .enabled(if: canUnshare, whyNot),
    arguments: [
      ["automatic-path", "messages", "several nodes"], ["collectives", "3"], ["window"],
      ["fast-sums"], ["exact-sums"], ["owned-state"], ["random-phases"],
    ])
  func severalNodesMeanMessages(check: [String]) throws {
    try withTemporaryFolder { folder in
      let agent = folder.appending(path: "agent")
      let script = """
        #!/bin/sh
        name=$1; shift
        exec unshare --uts sh -c "hostname $name; $*"
        """
      try Data(script.utf8).write(to: agent)
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: agent.path)
      let here = Communicator.alone().hostName
      let run = try Run.command(
        "mpirun",
        ["--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
          + ["--mca", "plm_rsh_agent", agent.path, "--mca", "btl", "tcp,vader,self"]
          + ["-H", "\(here):2,second-host:1", "-n", "3"]
          + [Run.products.appending(path: "rank-checks").path] + check,
        environment: Self.root, limit: 60)
      #expect(run.status == 0, "\(run)")
    }
  }

  private static let root: [String: String?] = [
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
  ]
}
