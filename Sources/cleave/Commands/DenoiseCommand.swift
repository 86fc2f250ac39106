import Datasets
import Evaluation

/// `cleave denoise`: splits images into a clean and a sparse part.
struct DenoiseCommand: ImagesCommand {
  static let name = "denoise"
  static let summary = "split images into a clean and a sparse part"
  static let details = """
    FILE.h5 gets /L (uint8) and /S (float32), [N, H, W, C], in the order of the input, with names
    and labels where the input has them. A folder, FOLDER/, gets one PNG picture each, under the
    name and in the size and depth of its original: L, X - S, or repaired, which is X where it is
    within the threshold of L, L where it is far, and blended between. FILE.png shows some rows side
    by side: X, L, S, X - S, repaired, and the clean images where they are known.

    For the rows the run was trained on, L and S are the run's own: S, and L = X - S - R of its last
    split. Others are split with frozen weights: L = D(E(X - S)) and S = shrink(X - L, t) are
    repeated until L rests.

    A model that knows the noise of its images (likelihood=noise) has L = the mean of the clean image
    given X and its code. Clean images are many: with --samples N, FILE.h5 gets /draws [N, K, H, W, C],
    their /mean and /deviation, and FILE.png shows some of them.
    """
  static let options =
    RunQuery.options + [
      Option.rounds,
      Option.value("as", "WHAT", "what pictures in a folder show: L (default), X-S or repaired"),
      Option.value("samples", "K", "draws of the clean image, in place of L and S"),
      Option.value("with", "LIST", "what FILE.h5 holds beside L and S: X, scores, or X,scores"),
    ]
  static let endings = RunQuery.files + RunQuery.pictures + RunQuery.folders

  let query: RunQuery
  private var shown = Outputs.Shown.clean
  private var extras: Set<Outputs.Extra> = []
  private var samples: Int?

  init(query: RunQuery) { self.query = query }

  init(_ arguments: Arguments) throws {
    query = try RunQuery(arguments, endings: Self.endings)
    if let shown = try arguments.choice("as", as: Outputs.Shown.self) {
      self.shown = shown
      guard query.isFolder else {
        throw UsageError(
          "--as: found \(shown.rawValue) for \(query.output), expected a folder of pictures, as in "
            + "--out pictures/")
      }
    }
    samples = try arguments.integer("samples", in: 1...1000)
    if samples != nil, query.isFolder || shown != .clean || arguments.has("with") {
      throw UsageError(
        "--samples: found it with \(query.isFolder ? query.output : "--with"), expected a file alone, as "
          + "in --samples 10 --out draws.h5 or draws.png")
    }
    guard let list = arguments.value("with") else { return }
    for word in list.split(separator: ",", omittingEmptySubsequences: false) {
      guard let extra = Outputs.Extra(rawValue: String(word)) else {
        throw UsageError(
          "--with: found \(word), expected "
            + Outputs.Extra.allCases.map(\.rawValue).joined(separator: ", ") + " or both")
      }
      extras.insert(extra)
    }
    guard RunQuery.files.contains(where: query.output.hasSuffix) else {
      throw UsageError(
        "--with: found \(list) for \(query.output), expected an HDF5 file, as in --out split.h5")
    }
  }

  func write(_ images: ImageSet, by outputs: Outputs) throws -> [String] {
    if let samples { return try outputs.draws(images, count: samples, to: query.output) }
    if query.isFolder {
      return try outputs.denoise(images, as: shown, into: query.output, rounds: query.rounds)
    }
    if query.output.hasSuffix(".png") {
      return [try outputs.drawSplit(images, to: query.output, rounds: query.rounds).description]
    }
    return [
      try outputs.denoise(images, with: extras, to: query.output, rounds: query.rounds).description
    ]
  }
}
