import Evaluation
import MPI
import Models
import Runs
import Support
import Training

/// `cleave sample`: draws new images.
struct SampleCommand: Subcommand {
  static let name = "sample"
  static let summary = "draw new images"
  static let details = """
    Writes /samples (float32, [N, H, W, C]), or the first 100 as a PNG grid. A code of the prior
    is decoded; a daae goes a step of the chain x -> D(E(C(x))) from there, C being its noise of
    training. With --chain T every model goes T steps, from a code of N(0, I) unless --start says
    prior. A variational model draws the code of each step from q(z|C(x)), unless --codes says mean.
    An ae or dae has no prior and needs --chain.
    """
  static let operands = [RunQuery.operand]
  static let options =
    [
      Option.value("count", "N", "how many (default 100)"),
      Option.value("chain", "T", "go T steps of the chain from the decoded code"),
      Option.value("start", "WORD", "start from normal (N(0, I), default) or prior codes"),
      Option.value("codes", "WORD", "the codes of the chain's steps: sample (default) or mean"),
      Option.value("seed", "K", "another K draws other images (default 595)"), Option.best,
      Option.out, Option.force, Option.json,
    ] + PassesOption.options

  private let query: RunQuery
  private let count: Int
  private let seed: UInt64
  private let chain: Int?
  private let start: Sampler.Start
  private let codes: Sampler.Codes

  init(_ arguments: Arguments) throws {
    query = try RunQuery(arguments, endings: RunQuery.files + RunQuery.pictures)
    count = try arguments.integer("count", in: 1...100_000_000) ?? 100
    seed = try arguments.seed()
    chain = try arguments.integer("chain", in: 0...1_000_000)
    if arguments.value("recycle") == "sample", chain == nil {
      throw UsageError(
        "--recycle: found sample without --chain; a drawn code goes round by its means")
    }
    let codes = try arguments.choice("codes", as: Sampler.Codes.self)
    if let codes, chain == nil {
      throw UsageError("--codes: found \(codes.rawValue) without --chain, whose steps it is about")
    }
    self.codes = codes ?? .sample
    guard let word = arguments.value("start") else {
      start = chain == nil ? .prior : .normal
      return
    }
    guard let start = Sampler.Start(rawValue: word), chain != nil else {
      throw UsageError("--start: found \(word), expected normal or prior, along with --chain")
    }
    self.start = start
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try query.answer(on: world, console) { outputs, _ in
      try outputs.sample(
        count, seed: seed, chain: chain, start: start, codes: codes, to: query.output)
      return [.init("count", .integer(count)), .init("seed", .integer(Int(seed)))]
    }
  }
}
