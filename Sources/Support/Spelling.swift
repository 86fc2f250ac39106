/// Finds the intended name for a mistyped name.
public enum Spelling {
  /// The candidate with the smallest number of changes from a word.
  ///
  /// A change is an insertion, deletion, replacement or swap of neighbours. A candidate that
  /// contains the whole word counts as one change (`outer` in `outer_iterations`). Of equal
  /// candidates, the first is returned; nil only without candidates.
  public static func nearest(to word: String, in candidates: [String]) -> String? {
    func cost(_ candidate: String) -> Int {
      let contained = word.count > 2 && candidate.contains(word)
      return min(distance(word, candidate), contained ? 1 : .max)
    }
    return candidates.min { cost($0) < cost($1) }
  }

  /// `; did you mean "x"?` for the nearest candidate, to append to an error; empty without a
  /// candidate.
  public static func hint(for word: String, in candidates: [String]) -> String {
    guard let nearest = nearest(to: word, in: candidates) else { return "" }
    return "; did you mean \(nearest)?"
  }

  /// The optimal string alignment distance; upper and lower case are equal.
  public static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.lowercased()), b = Array(b.lowercased())
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var best = min(last[j + 1], row[j]) + 1
        best = min(best, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          best = min(best, beforeLast[j - 1] + 1)
        }
        row.append(best)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
