import Datasets

/// Images that experiments start from, by a command of `cleave`.
struct ImageSource: Sendable {
  /// The name in definitions.
  let name: String
  /// The words that make the file, without `--out`; `{root}` stands for the folder of data.
  let words: [String]
  /// The words that make a few images of the project's own of that kind, for `--scale smoke`.
  let ownWords: [String]
  /// Training images and the form of one, for plans.
  let count: Int, shape: ImageShape
  /// What has to lie in the folder of data, relative to it, and where it comes from.
  let needs: String, origin: String

  private init(
    _ name: String, _ words: String, own: String, _ count: Int, _ sides: (Int, Int, Int),
    needs: String, _ origin: String
  ) {
    self.name = name
    self.words = words.split(separator: " ").map(String.init)
    ownWords = own.split(separator: " ").map(String.init)
    self.count = count
    shape = ImageShape(height: sides.0, width: sides.1, channels: sides.2)
    (self.needs, self.origin) = (needs, origin)
  }

  private static let digits = "synthesize digits --count 240 --test 80"
  private static let faces = "synthesize faces --count 132 --test 40"
  private static let portraits = "img_align_celeba_half_10000.zip"

  /// All sources, one a name.
  static let all = [
    ImageSource(
      "mnist", "import mnist {root}/mnist", own: digits, 60_000, (28, 28, 1), needs: "mnist",
      "the four IDX files of MNIST"),
    ImageSource(
      "fashion", "import mnist {root}/fashion-mnist", own: digits + " --seed 1", 60_000,
      (28, 28, 1), needs: "fashion-mnist", "the four IDX files of Fashion-MNIST"),
    ImageSource(
      "frey", "import frey {root}/frey/frey_rawface.mat", own: digits + " --seed 2", 1965,
      (28, 20, 1), needs: "frey/frey_rawface.mat", "the Frey faces of S. Roweis's page"),
    ImageSource(
      "omniglot", "import omniglot {root}/omniglot --size 28 --invert", own: digits + " --seed 3",
      19_280, (28, 28, 1), needs: "omniglot", "both zip archives of Omniglot"),
    ImageSource(
      "sprites", "import sprites {root}/sprites/sprites_indexed.h5", own: faces + " --seed 4",
      89_000, (60, 60, 3), needs: "sprites/sprites_indexed.h5",
      "the sprites of the visual-analogy authors"),
    ImageSource(
      "celeba",
      "import celeba {root}/celeba/img_align_celeba.zip --size 64 --crop 148 "
        + "--partition {root}/celeba/list_eval_partition.txt "
        + "--attributes {root}/celeba/list_attr_celeba.txt",
      own: faces, 162_770, (64, 64, 3), needs: "celeba/img_align_celeba.zip",
      "the aligned images and lists of CelebA"),
    ImageSource(
      "celeba-part",
      "import celeba {root}/celeba/\(portraits) --size 64 --crop 74 "
        + "--attributes {root}/celeba/list_attr_celeba.txt",
      own: faces, 10_000, (64, 64, 3), needs: "celeba/\(portraits)",
      "10,000 aligned images of CelebA at half the size"),
  ]
}
