import Support
import Testing

@Suite struct SpellingTests {
  @Test(arguments: [
    ("lamda", "lambda"), ("Lambda", "lambda"), ("lambad", "lambda"), ("inner", "inner_epochs"),
    ("x", "seed"),
  ])
  func nearestTakesTheFewestChanges(word: String, nearest: String) {
    let candidates = ["seed", "lambda", "inner_epochs"]
    #expect(Spelling.nearest(to: word, in: candidates) == nearest)
  }

  @Test func noCandidatesNoHint() {
    #expect(Spelling.hint(for: "x", in: []).isEmpty)
  }
}
