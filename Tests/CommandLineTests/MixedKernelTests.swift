import Foundation
import Support
import TestSupport
import Testing

/// Ranks whose processors, as it seems to OpenBLAS, want different matrix kernels.
@Suite(.serialized) struct MixedKernelTests {
  /// Whether OpenBLAS offers both kernels of these tests here.
  static var hasKernels: Bool {
    let flags = try? String(contentsOf: URL(filePath: "/proc/cpuinfo"), encoding: .utf8)
    return flags?.contains(" avx2 ") == true
  }

  /// Runs `cleave` with a line of words on ranks that have a kernel each.
  private func run(_ kernels: [String], _ line: String, in folder: URL) throws -> Run {
    let ranks = kernels.map { kernel in
      ["-n", "1", "-x", "OPENBLAS_CORETYPE=\(kernel)", Run.products.appending(path: "cleave").path]
        + line.split(separator: " ").map(String.init)
    }
    return try Run.command(
      "mpirun",
      ["--oversubscribe", "--bind-to", "none", "--allow-run-as-root"]
        + ranks.joined(separator: [":"]), in: folder)
  }

  @Test(.enabled(if: hasKernels))
  func anExactRunNeedsOneKernelAndAFastOneSaysSo() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let train = "train demo \(small) --set outer_iterations=2 --set inner_epochs=1"
      var digests: [JSONValue] = []
      for (first, second) in [("Haswell", "Prescott"), ("Prescott", "Haswell")] {
        let refused = try run([first, second], "\(train) --exact --out refused", in: folder)
        #expect(refused.status == 64 && !refused.timedOut, "\(refused)")
        #expect(
          refused.errors.contains("exact: found the BLAS kernels \(first) (rank 0 on "),
          "\(refused)")
        #expect(
          refused.errors.contains("expected one arithmetic on all ranks: --blas-core Prescott\n"),
          "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "refused").path))

        // What the line asks for helps, in either order of the ranks.
        let name = "with-\(first)"
        let equal = try run(
          [first, second], "\(train) --exact --blas-core Prescott --out \(name)", in: folder)
        #expect(equal.status == 0, "\(equal)")
        digests.append(try RunFolder(name, in: folder).digests())

        let fast = try run([first, second], "\(train) --out fast-\(first)", in: folder)
        #expect(fast.status == 0, "\(fast)")
        #expect(fast.errors.contains("the result depends on the order of the ranks"), "\(fast)")
        let manifest = folder.appending(path: "fast-\(first)/checkpoints/latest/manifest.json")
        #expect(
          try String(contentsOf: manifest, encoding: .utf8)
            .contains("\"blas_kernel\" : \"Haswell, Prescott\""))
      }
      #expect(digests.count == 2 && digests[0] == digests[1])

      // A resume of an exact run meets the same question.
      let resumed = try run(
        ["Haswell", "Prescott"], "train --resume with-Haswell --set outer_iterations=3", in: folder)
      #expect(resumed.status == 64, "\(resumed)")
    }
  }
}
