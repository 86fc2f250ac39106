import Datasets
import Foundation
import Models
import Support
import TestSupport
import Testing
import Training

/// Help, presets, and the output stream of each text.
@Suite struct CommandLineTests {
  static let commands = [
    "import", "synthesize", "corrupt", "train", "denoise", "reconstruct", "encode", "sample",
    "score", "evaluate",
    "info", "plan", "bench", "presets", "doctor", "verify", "completion", "version",
  ]

  @Test func theOverviewNamesEveryCommand() throws {
    try withTemporaryFolder { folder in
      let text = try Tool.succeed("--help", in: folder)
      for command in Self.commands { #expect(text.contains("\n  \(command) "), "\(command)") }
      #expect(try Tool.succeed("help", in: folder) == text)
      #expect(try Tool.succeed("-h", in: folder) == text)
    }
  }

  @Test(arguments: commands) func everyCommandHasHelp(command: String) throws {
    try withTemporaryFolder { folder in
      let text = try Tool.succeed("\(command) --help", in: folder)
      #expect(text.hasPrefix("usage: cleave \(command)"))
      #expect(text.contains("--help"))
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= 110 }, "\(text)")
      #expect(try Tool.succeed("help \(command)", in: folder) == text)
      #expect(try contents(of: folder).isEmpty)
    }
  }

  @Test func whatCanBeChosenIsListed() throws {
    try withTemporaryFolder { folder in
      let help = try Tool.succeed("corrupt --help", in: folder)
      for name in Corruption.names {
        #expect(help.contains("\n  \(name):") || help.contains("\n  \(name) "), "\(name)")
      }
      let keys = try Tool.succeed("presets --keys", in: folder)
      let document = try Tool.document("presets --keys --json", in: folder)
      for key in Configuration.keys {
        #expect(keys.contains("\(key.name)=") && keys.contains(key.summary), "\(key.name)")
        #expect(document[key.name]?["expected"] == .string(key.expected), "\(key.name)")
      }
    }
  }

  @Test func onlyRankZeroPrints() throws {
    try withTemporaryFolder { folder in
      let alone = try Tool.succeed("presets", in: folder)
      #expect(try Tool.succeed("presets", ranks: 3, in: folder) == alone)
      #expect(try Tool.succeed("version", ranks: 3, in: folder).hasPrefix("cleave "))
    }
  }

  @Test(arguments: Preset.all.map(\.name))
  func aPrintedPresetIsItsConfiguration(name: String) throws {
    try withTemporaryFolder { folder in
      let text = try Tool.succeed("presets \(name)", in: folder)
      #expect(try Configuration.load(json: text) == Preset.named(name).configuration())
      let explained = try Tool.succeed("presets \(name) --explain", in: folder)
      for key in Configuration.keys { #expect(explained.contains("\n\(key.name) "), "\(key.name)") }
    }
  }

  @Test func anotherKernelIsTakenBeforeMPIStarts() throws {
    try withTemporaryFolder { folder in
      // The environment of the tests may name a kernel, too.
      let own = try Tool.document("doctor --sgemm --json --blas-core auto", in: folder)
      guard case .string(let kernel)? = own["kernel"] else {
        Issue.record("no kernel in \(own)")
        return
      }
      for ranks in [nil, 2] {
        func kernelHeld(_ options: String) throws -> JSONValue? {
          let run = try Tool.run(
            "doctor --sgemm --json \(options)", ranks: ranks, in: folder,
            environment: ["OPENBLAS_CORETYPE": "Prescott"])
          return try JSONValue(parsing: run.output)["kernel"]
        }
        #expect(try kernelHeld("") == "Prescott")
        #expect(try kernelHeld("--blas-core \(kernel)") == own["kernel"])
        #expect(try kernelHeld("--blas-core auto") == own["kernel"])
      }
    }
  }

  @Test func theDoctorLooksAtEverything() throws {
    try withTemporaryFolder { folder in
      let report = try Tool.document("doctor --json", ranks: 2, in: folder)
      guard case .array(let checks)? = report["checks"] else {
        Issue.record("no checks in \(report)")
        return
      }
      let names = checks.compactMap { check -> String? in
        guard case .string(let name)? = check["name"], case .string? = check["found"],
          case .boolean? = check["ok"], case .string? = check["advice"]
        else { return nil }
        return name
      }
      #expect(
        names == [
          "ranks", "sgemm", "blas kernel", "all-reduce", "gradients", "hdf5", "file locks", "disk",
          "shared memory", "launch",
        ])
      #expect(try contents(of: folder).isEmpty)
    }
  }
}
