import Datasets
import Models
import Support
import Training

/// The words after a command's name, divided into operands and options.
struct Arguments {
  /// Operands in the order given.
  private(set) var operands: [String] = []
  private var values: [String: [String]] = [:]

  /// Divides words by the options of a command.
  ///
  /// `--` ends the options. The number of operands is checked later, by `check(operands:)`.
  ///
  /// - Throws: `UsageError` for an unknown option (with the nearest known option), a missing or
  ///   superfluous value, or an option given twice.
  init(_ words: [String], options: [Option]) throws(UsageError) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        operands += rest
        return
      }
      guard word.hasPrefix("-"), word.count > 1 else {
        operands.append(word)
        continue
      }
      let equals = word.hasPrefix("--") ? word.firstIndex(of: "=") : nil
      let typed = word == "-h" ? "--help" : String(word[..<(equals ?? word.endIndex)])
      guard let option = options.first(where: { $0.typed == typed }) else {
        let value = equals.map { String(word[word.index(after: $0)...]) } ?? rest.first
        throw UsageError(
          "unknown option \(typed)"
            + (Self.hint(forKey: typed, value, options: options)
              ?? Spelling.hint(for: typed, in: options.map(\.typed))))
      }
      if values[option.name] != nil && !option.isRepeatable {
        throw UsageError("\(typed) is given twice")
      }
      let attached = equals.map { String(word[word.index(after: $0)...]) }
      let value = try Self.value(of: option, attached: attached, rest: &rest)
      values[option.name, default: []].append(value)
    }
  }

  /// How a setting is given that was typed as an option; nil for another word.
  private static func hint(forKey typed: String, _ value: String?, options: [Option]) -> String? {
    let name = typed.drop { $0 == "-" }.replacing("-", with: "_")
    guard Configuration.keys.contains(where: { $0.name == name }) else { return nil }
    let given = value.flatMap { $0.hasPrefix("-") ? nil : $0 } ?? "VALUE"
    let assignment = "--set \(ShellWords.quoted("\(name)=\(given)"))"
    return options.contains { $0.name == "set" }
      ? "; it is a setting: \(assignment)" : "; it is a setting of train: \(assignment)"
  }

  private static func value(
    of option: Option, attached: String?, rest: inout ArraySlice<String>
  ) throws(UsageError) -> String {
    guard let placeholder = option.placeholder else {
      guard attached == nil else { throw UsageError("\(option.typed) takes no value") }
      return ""
    }
    guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
      throw UsageError("\(option.typed) needs a value: \(option.typed) \(placeholder)")
    }
    return value
  }

  /// Checks that every declared operand has its words, and that no word is left over.
  ///
  /// - Throws: `UsageError` with the first missing operand or the first superfluous word.
  func check(operands declared: [Operand]) throws(UsageError) {
    let least = declared.reduce(0) { $0 + $1.count.lowerBound }
    let most = declared.reduce(0) { min($0 + $1.count.upperBound, 1 << 20) }
    if operands.count < least {
      throw UsageError("missing \(declared[min(operands.count, declared.count - 1)].placeholder)")
    }
    if operands.count > most {
      throw UsageError("unexpected argument \(operands[most])")
    }
  }

  /// Whether an option was given.
  func has(_ option: String) -> Bool { values[option] != nil }

  /// The value of an option; nil if it was not given.
  func value(_ option: String) -> String? { values[option]?.last }

  /// All values of a repeatable option.
  func all(_ option: String) -> [String] { values[option] ?? [] }

  /// The value of an option that must be given.
  ///
  /// - Throws: `UsageError` if it was not given.
  func required(_ option: String) throws(UsageError) -> String {
    guard let value = value(option) else { throw UsageError("missing --\(option)") }
    return value
  }

  /// The value of an option as an integer; nil if it was not given.
  ///
  /// - Throws: `UsageError` for other text or an integer out of range.
  func integer(_ option: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = value(option) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw UsageError(
        "\(option.count == 1 ? "-" : "--")\(option): found \(text), expected "
          + Quantity.integers(range))
    }
    return value
  }

  /// The value of `--seed`; 595, as the RVAE authors have, if it was not given.
  ///
  /// - Throws: `UsageError` unless the value is an integer of at least 0.
  func seed() throws(UsageError) -> UInt64 {
    UInt64(try integer("seed", in: 0...Int.max) ?? 595)
  }

  /// The value of `--rounds`, or the usual number.
  ///
  /// - Throws: `UsageError` unless the value is an integer from 1 to 10,000.
  func rounds() throws(UsageError) -> Int {
    try integer("rounds", in: 1...10_000) ?? FrozenSplit.usualRounds
  }

  /// The value of an option as one of several words; nil if it was not given.
  ///
  /// - Throws: `UsageError` for any other word, with the nearest allowed word.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ option: String, as type: Choice.Type
  ) throws(UsageError) -> Choice? {
    guard let text = value(option) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let names = Choice.allCases.map(\.rawValue)
      throw UsageError(
        "--\(option): found \(text), expected one of " + names.joined(separator: ", "))
    }
    return choice
  }
}
