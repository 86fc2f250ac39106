import Support

/// The names of pictures in a folder, made of the names of their originals.
///
/// A name keeps its folders and never leaves the folder it is written into. All pictures are PNG:
/// other originals lose their ending, if it is that of a picture, for `.png`.
struct PictureNames {
  /// The path of each picture within the folder; no two are equal.
  let names: [String]
  /// How many originals had another ending than `.png`.
  private(set) var converted = 0
  /// How many names had parts that are not written: `..`, a leading `/`, control characters.
  private(set) var cleaned = 0
  /// How many names were changed to tell pictures apart.
  private(set) var distinguished = 0

  private static let endings: Set = [
    "png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "bmp", "dib", "webp", "gif", "pgm", "ppm",
  ]
  /// Bytes of a part of a name; hidden names and ends are added to it.
  private static let mostBytes = 180

  /// The names of `count` pictures; without originals they are numbers.
  init(_ originals: [String]?, count: Int) {
    guard let originals else {
      let digits = max(6, String(max(count - 1, 0)).count)
      names = (0..<count).map { row in
        let number = String(row)
        return String(repeating: "0", count: digits - number.count) + number + ".png"
      }
      return
    }
    var cleaned = 0
    var parts = originals.map { name -> [String] in
      let parts = Self.parts(of: name)
      if parts.joined(separator: "/") != name { cleaned += 1 }
      return parts
    }
    // The mark of the folder has its name for itself.
    for row in parts.indices where parts[row].count > 1 && parts[row][0] == PictureFolder.mark {
      parts[row][0] += "-2"
      distinguished += 1
    }
    // A picture never has the name of a folder.
    var taken: Set<String> = [PictureFolder.mark]
    for parts in parts {
      for length in 1..<max(parts.count, 1) {
        taken.insert(parts[..<length].joined(separator: "/"))
      }
    }
    var names = [String](repeating: "", count: originals.count)
    // Originals that are PNG keep their names; others give way to them.
    let isPNG = parts.map { Self.split($0.last ?? "").ending?.lowercased() == "png" }
    for wantsPNG in [true, false] {
      for row in parts.indices where isPNG[row] == wantsPNG {
        let folder = parts[row].dropLast().map { $0 + "/" }.joined()
        let last = parts[row].last ?? ""
        let stem = Self.split(last).stem
        var name = wantsPNG ? last : stem + ".png"
        if taken.contains(folder + name) {
          distinguished += 1
          name = last + ".png"
          var number = 2
          while taken.contains(folder + name) {
            name = "\(stem)-\(number).png"
            number += 1
          }
        }
        taken.insert(folder + name)
        names[row] = folder + name
        if !wantsPNG { converted += 1 }
      }
    }
    self.names = names
    self.cleaned = cleaned
  }

  /// The parts of a name that are written.
  private static func parts(of name: String) -> [String] {
    let parts = name.split(separator: "/").filter { $0 != "." && $0 != ".." }.map { part in
      var text = String(part).printable.replacing("\u{FFFD}", with: "_")
      while text.utf8.count > mostBytes { text.removeLast() }
      return text
    }
    return parts.isEmpty ? ["unnamed"] : parts
  }

  /// A name without the ending of a picture, and that ending.
  private static func split(_ name: String) -> (stem: String, ending: String?) {
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
      endings.contains(name[name.index(after: dot)...].lowercased())
    else { return (name, nil) }
    return (String(name[..<dot]), String(name[name.index(after: dot)...]))
  }

  /// What a reader should know about the names, in one line; nil for nothing.
  var note: String? {
    var words: [String] = []
    if converted > 0 {
      words.append("\(Quantity.count(converted, "original")) of other kinds became PNG")
    }
    if distinguished > 0 {
      words.append(
        "\(Quantity.count(distinguished, "picture")) got another name, as theirs was taken")
    }
    if cleaned > 0 {
      words.append(
        "\(Quantity.count(cleaned, "name")) lost parts that lead elsewhere or cannot be shown")
    }
    return words.isEmpty ? nil : words.joined(separator: "; ")
  }
}
