import Support

/// A stage before the steps of a system: another system, on whose L this one is then trained
/// (docs/systems.md, 4.7 to 4.9).
public struct FirstStageSettings: SettingsGroup {
  /// A preset, settings `key=value`, or both, with spaces between them; empty for none.
  public var stage = ""
  /// What becomes of values of L outside [0, 1].
  public var range = FirstStageRange.clip

  /// The defaults: one stage.
  public init() {}

  /// `first` and `first_range`.
  public static let entries: [SettingsEntry<FirstStageSettings>] = [
    .text(
      "first", \.stage,
      expected: "a preset, settings such as model=rpca epochs=100, or both; nothing for one stage",
      accepts: { _ in true },
      "A first stage, on whose L this system is trained; first.KEY=VALUE sets one of its keys.",
      "4.7"
    ).fixed.refusedElsewhere,
    .choice(
      "first_range", \.range,
      "L of the first stage within [0, 1], or as it is.", "D-14 [R]: clip; the release: raw"
    ).fixed,
  ]

  /// Rows of the second stage are those of the first, and no others have an L.
  public func check(_ system: String, with common: CommonSettings) throws(ConfigurationError) {
    if stage.isEmpty { return }
    let (data, recording) = (common.data, common.recording)
    for (key, found, expected) in [
      ("patch", data.patch.map(String.init) ?? "null", "null"),
      ("binarize", data.binarize.rawValue, Binarization.none.rawValue),
      ("validate_every", "\(recording.validateEvery)", "0"),
    ] where found != expected {
      throw ConfigurationError(
        key: key, found: found,
        expected: "\(expected) with a first stage, which makes L of the images trained on alone")
    }
  }
}

/// D-14: what becomes of values of a first stage's L outside [0, 1].
public enum FirstStageRange: String, CaseIterable, Sendable {
  /// They become 0 or 1.
  case clip
  /// They stay.
  case raw
}
