import Support

/// An object of a definition that is being read, with its place for errors.
///
/// Each member is taken once; `end()` refuses what nobody took.
struct Fields {
  /// Where it stands: `FILE: axes: method`.
  let place: String
  private var members: [String: JSONValue]
  private var known: [String] = []

  /// The members of an object.
  ///
  /// - Throws: `ExperimentError` for another value.
  init(_ value: JSONValue, _ place: String) throws(ExperimentError) {
    guard case .object(let members) = value else {
      throw .data("\(place): found \(value.line.shortened), expected an object {…}")
    }
    self.place = place
    self.members = Dictionary(members.map { ($0.name, $0.value) }) { _, last in last }
  }

  /// The value of a member, which may be absent.
  mutating func take(_ name: String) -> JSONValue? {
    known.append(name)
    return members.removeValue(forKey: name)
  }

  /// The text of a member that must be there.
  mutating func text(_ name: String) throws(ExperimentError) -> String {
    let value = take(name)
    guard let text = value?.text, !text.isEmpty else {
      throw refuse(name, value, "a text")
    }
    return text
  }

  /// A text, or the default.
  mutating func text(_ name: String, or usual: String) throws(ExperimentError) -> String {
    guard members[name] == nil else { return try text(name) }
    known.append(name)
    return usual
  }

  /// Whether a member is true; no where it is absent.
  mutating func flag(_ name: String) throws(ExperimentError) -> Bool {
    switch take(name) {
    case nil, .null?: return false
    case .boolean(let value)?: return value
    case let other?: throw refuse(name, other, "true or false")
    }
  }

  /// The items of an array; none where it is absent.
  mutating func list(_ name: String) throws(ExperimentError) -> [JSONValue] {
    guard let value = take(name) else { return [] }
    guard case .array(let items) = value else { throw refuse(name, value, "an array […]") }
    return items
  }

  /// The texts of an array; none where it is absent.
  mutating func words(_ name: String) throws(ExperimentError) -> [String] {
    var words: [String] = []
    for item in try list(name) {
      guard let word = item.name else { throw refuse(name, item, "texts or numbers") }
      words.append(word)
    }
    return words
  }

  /// The members of an object; none where it is absent.
  mutating func object(_ name: String) throws(ExperimentError) -> [String: JSONValue] {
    guard let value = take(name) else { return [:] }
    guard case .object(let members) = value else { throw refuse(name, value, "an object {…}") }
    return Dictionary(members.map { ($0.name, $0.value) }) { _, last in last }
  }

  /// Whatever is left.
  mutating func rest() -> [String: JSONValue] {
    defer { members = [:] }
    return members
  }

  /// Refuses members that were not taken.
  func end() throws(ExperimentError) {
    guard let name = members.keys.sorted().first else { return }
    throw .data("\(place): unknown key \(name.shortened)" + Spelling.hint(for: name, in: known))
  }

  /// An error about a member.
  func refuse(
    _ name: String, _ found: JSONValue?, _ expected: String
  ) -> ExperimentError {
    .data("\(place): \(name): found \(found?.line.shortened ?? "nothing"), expected \(expected)")
  }
}

extension JSONValue {
  /// A text, number or truth value as a word: names of choices, values of settings.
  var name: String? {
    switch self {
    case .string(let text): text
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .boolean(let value): value ? "true" : "false"
    case .null: "null"
    case .array(let items):
      items.allSatisfy { $0.name != nil }
        ? items.compactMap(\.name).joined(separator: ",") : nil
    case .object: nil
    }
  }

  /// The value with members of another in the place of its own, at every depth; null takes away.
  func merged(with other: JSONValue) -> JSONValue {
    guard case .object(let mine) = self, case .object(let theirs) = other else { return other }
    var members = mine
    for member in theirs {
      let place = members.firstIndex { $0.name == member.name }
      switch (place, member.value) {
      case (let place?, .null): members.remove(at: place)
      case (let place?, let value):
        members[place] = Member(member.name, members[place].value.merged(with: value))
      case (nil, .null): break
      case (nil, let value): members.append(Member(member.name, value))
      }
    }
    return .object(members)
  }
}
