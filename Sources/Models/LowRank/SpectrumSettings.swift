import Training

/// How singular values are found, and how many are kept.
struct SpectrumSettings: SettingsGroup {
  /// The way.
  var way = SpectrumWay.auto
  /// The largest number of singular values that are kept; nil where it was left open.
  var rank: Int?

  /// The way, the rank.
  static let entries: [SettingsEntry<SpectrumSettings>] = [
    .choice(
      "svd", \.way,
      "How singular values are found: gram, exactly, from all pairs of values of an image; randomized, "
        + "the largest ones from a random range; auto, gram up to \(SpectrumWay.largestGram) values.",
      "4.6: auto"
    ).fixed,
    .optionalInteger(
      "rank", \.rank, 1...1_000_000,
      absent: "all with svd=gram, \(usualRank) with svd=randomized",
      "The largest number of singular values that are kept.", "own"
    ).fixed,
  ]

  /// The largest rank where singular values are sought in a random range.
  static let usualRank = 512

  /// The way for images of this shape, and the largest rank.
  mutating func resolve(for data: TrainingSetFacts) {
    guard let d = data.shape?.count else { return }
    if way == .auto { way = d <= SpectrumWay.largestGram ? .gram : .randomized }
    let most = min(data.rows, d)
    rank = min(rank ?? (way == .gram ? most : Self.usualRank), most)
  }

  /// The number of vectors of a model of images with so many values.
  ///
  /// - Throws: `ConfigurationError` for images of too many values for svd=gram.
  func vectors(columns: Int) throws(ConfigurationError) -> Int {
    let isGram = way == .gram || way == .auto && columns <= SpectrumWay.largestGram
    guard !isGram || columns <= SpectrumWay.largestGram else {
      throw ConfigurationError(
        key: "svd", found: "gram with images of \(columns) values",
        expected: "randomized above \(SpectrumWay.largestGram)")
    }
    return min(rank ?? (isGram ? columns : Self.usualRank), columns)
  }
}
