/// The kinds of images that `cleave synthesize` makes.
public enum SyntheticCatalogue {
  /// All kinds, in the order of the help text.
  public static let kinds: [any SyntheticImages.Type] = [
    SyntheticDigits.self,
    SyntheticFaces.self,
  ]

  /// The names of the kinds.
  public static var names: [String] { kinds.map { $0.kind } }

  /// The kind with a name; nil for an unknown name.
  public static func kind(named name: String) -> (any SyntheticImages.Type)? {
    kinds.first { $0.kind == name }
  }
}
