import Foundation
import TestSupport
import Testing

/// The archive that brings Cleave to machines without Swift.
///
/// `launch/test-package` tries an archive in a bare Debian.
struct PackageTests {
  /// Packs the executable of this build, unpacks it elsewhere and trains with the result.
  @Test func anUnpackedArchiveTrains() throws {
    try withTemporaryFolder { folder in
      let package = TestData.packageRoot.appending(path: "launch/package").path
      let cleave = Run.products.appending(path: "cleave").path
      let packed = try Run.command(
        package, ["--executable", cleave, folder.appending(path: "a.tar.gz").path])
      #expect(packed.status == 0, "\(packed)")
      let unpacked = try Run.command(
        "tar", ["-xf", "a.tar.gz", "--strip-components=1"], in: folder)
      #expect(unpacked.status == 0, "\(unpacked)")
      // Nothing is missing here, so nothing is installed.
      let setup = try Run.command("launch/setup", ["--runtime"], in: folder)
      #expect(setup.status == 0 && setup.errors.isEmpty, "\(setup)")
      let line = try Run.command("launch/cleave", ["--dry-run", "version"], in: folder)
      #expect(line.output.contains(folder.appending(path: "bin/cleave").path), "\(line)")

      try Tool.succeed("synthesize digits --count 256 --test 0 --out d.h5", in: folder)
      let train = "-n 2 train demo --data d.h5 --out run \(tiny) --quiet --stop-after-step 2"
      let run = try Run.command(
        "launch/cleave", train.split(separator: " ").map(String.init), in: folder)
      #expect(run.status == 75, "\(run)")
      for name in ["README.md", "cluster/slurm.sbatch", "launch/demo"] {
        let path = folder.appending(path: name).path
        #expect(FileManager.default.fileExists(atPath: path), "\(name)")
      }
    }
  }
}
