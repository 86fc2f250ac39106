/// The kinds of images that `cleave synthesize` makes.
public enum SyntheticCatalogue {
  /// All of them, in the order of the help text.
  public static let kinds: [any SyntheticImages.Type] = [
    SyntheticDigits.self,
    SyntheticFaces.self,
  ]

  /// The words for them.
  public static var names: [String] { kinds.map { $0.kind } }

  /// The kind of that name; nil where there is none.
  public static func kind(named name: String) -> (any SyntheticImages.Type)? {
    kinds.first { $0.kind == name }
  }
}
