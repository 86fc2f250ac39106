import Evaluation
import Foundation
import Models
import TestSupport
import Testing

/// Words that a shell completes, in a real shell.
@Suite struct CompletionTests {
  /// What bash offers for the last of some words.
  private func offers(_ words: [String], in folder: URL) throws -> [String] {
    let quoted = words.map { "'\($0)'" }.joined(separator: " ")
    let script = """
      source <("$0" completion bash)
      complete -p cleave >/dev/null || exit 9
      COMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1)
      _cleave
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let run = try Run.command(
      "bash", ["-c", script, Run.products.appending(path: "cleave").path],
      environment: ["OPENBLAS_NUM_THREADS": "1"], in: folder)
    #expect(run.status == 0 && run.errors.isEmpty, "\(words): \(run)")
    return run.output.split(separator: "\n").map(String.init)
  }

  @Test func bashCompletesTheCatalogues() throws {
    try withTemporaryFolder { folder in
      try "".write(to: folder.appending(path: "digits.h5"), atomically: true, encoding: .utf8)
      #expect(
        try Set(offers(["cleave", ""], in: folder)).isSuperset(of: CommandLineTests.commands))
      #expect(try offers(["cleave", "tra"], in: folder) == ["train"])
      #expect(
        try offers(["cleave", "train", "demo", "--stop"], in: folder) == ["--stop-after-step"])
      let presets = Preset.all.map(\.name).filter { $0.hasPrefix("mnist-rvae") }
      #expect(try offers(["cleave", "train", "mnist-rvae"], in: folder) == presets)
      #expect(
        try Set(offers(["cleave", "train", "demo", "--set", ""], in: folder))
          == Set(Configuration.keys.map { $0.name + "=" }))
      #expect(try offers(["cleave", "plan", "demo", "--set", "lamb"], in: folder) == ["lambda="])
      // bash breaks words at =.
      #expect(
        try offers(["cleave", "train", "demo", "--set", "optimizer", "=", "r"], in: folder)
          == ["rmsprop"])
      #expect(
        try offers(["cleave", "train", "demo", "--set", "exact", "="], in: folder)
          == ["true", "false"])
      #expect(
        try offers(["cleave", "evaluate", "run", "--metrics", "b"], in: folder) == [
          "bound", "bits",
        ])
      #expect(
        try offers(["cleave", "evaluate", "run", "--metrics", "mse,ps"], in: folder) == ["mse,psnr"]
      )
      #expect(
        try offers(["cleave", "evaluate", "run", "--split", ""], in: folder).contains("test"))
      #expect(
        try offers(["cleave", "corrupt", "a", "--noise", "salt-pepper-r"], in: folder).count == 3)
      #expect(try offers(["cleave", "presets", "--keys", "lat"], in: folder) == ["latent"])
      #expect(try offers(["cleave", "import", "spr"], in: folder) == ["sprites"])
      #expect(try offers(["cleave", "train", "demo", "--data", "di"], in: folder) == ["digits.h5"])
      #expect(try offers(["cleave", "info", "di"], in: folder) == ["digits.h5"])
    }
  }

  @Test func otherShellsHaveTheSameWords() throws {
    try withTemporaryFolder { folder in
      for shell in ["zsh", "fish"] {
        let script = try Tool.succeed("completion \(shell)", in: folder)
        for word in CommandLineTests.commands + MetricCatalogue.names + [
          "mnist-rvae-beta", "lambda=",
        ] {
          #expect(script.contains(word), "\(word) for \(shell)")
        }
        // Where the shell is installed, it reads the script.
        guard try Run.command("which", [shell], in: folder).status == 0 else { continue }
        try script.write(
          to: folder.appending(path: "script"), atomically: true, encoding: .utf8)
        let read = try Run.command(shell, ["-n", "script"], in: folder)
        #expect(read.status == 0, "\(shell): \(read)")
      }
      let wrong = try Tool.run("completion tcsh", in: folder)
      #expect(
        wrong.status == 64 && wrong.errors.contains("found tcsh, expected one of bash, zsh, fish"),
        "\(wrong)")
    }
  }
}
