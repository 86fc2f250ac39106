import Foundation
import HDF5
import TestSupport
import Testing

/// Bad input gets one clear line on standard error, the same status on every rank, and changes nothing.
@Suite(.serialized) struct BadInputTests {
  static let usage: [BadInput] = [
    BadInput("", "cleave: missing command; cleave --help lists them", 64),
    BadInput("trian", "cleave: unknown command trian; did you mean train?", 64),
    BadInput("info", "cleave info: missing PATH", 64),
    BadInput("info a b", "cleave info: unexpected argument b", 64),
    BadInput("info a --jsn", "cleave info: unknown option --jsn; did you mean --json?", 64),
    BadInput("info a --json --json", "cleave info: --json is given twice", 64),
    BadInput("info a --json=yes", "cleave info: --json takes no value", 64),
    BadInput("corrupt a b --noise", "cleave corrupt: --noise needs a value: --noise SPEC", 64),
    BadInput("corrupt a b", "cleave corrupt: missing --noise", 64),
    BadInput(
      "import minst x --out y.h5", "cleave import: unknown format minst; did you mean mnist?", 64),
    BadInput(
      "synthesize digits --out x.h5 --count 0", "--count: found 0, expected an integer from 1", 64),
    BadInput(
      "presets mnist-vea", "cleave presets: unknown preset mnist-vea; did you mean mnist-vae?", 64),
    BadInput("bench rvae", "cleave bench: unknown benchmark rvae; did you mean rvae-mlp?", 64),
    BadInput("bench --steps 3", "cleave bench: --steps: missing NAME of a benchmark", 64),
    BadInput(
      "bench reduction --steps 3",
      "--steps: reduction does not read it, only --parameters", 64),
    BadInput(
      "bench convolutions --batches 3,x", "--batches: found 3,x, expected integers from 1 to", 64),
    BadInput(
      "train mnist-rvea --data d.h5 --out r", "unknown preset mnist-rvea; did you mean mnist-rvae?",
      64),
    BadInput(
      "bench rvae-mlp --exact --threads 2", "--threads: found 2, expected 1 in an exact run", 64),
    BadInput("train demo --data d.h5 --out r --time-limit 0", "--time-limit: found 0", 64),
    BadInput("train demo --out r", "cleave train: missing --data", 64),
    BadInput("train demo --data d.h5", "cleave train: missing --out", 64),
    BadInput(
      "train demo --data d.h5 --out r --set lamda=1", "unknown key lamda; did you mean lambda?", 64),
    BadInput(
      "train demo --data d.h5 --out r --set batch=big", "batch: found big, expected an integer", 64),
    BadInput(
      "train demo --data d.h5 --out r --set beta=-1", "beta: found -1, expected a number of at", 64),
    BadInput("train demo --resume r --out s", "cleave train: --out does not go with --resume", 64),
    BadInput("sample run --out x.gif", "--out: found x.gif, expected a name that ends in .h5", 64),
    BadInput(
      "train mnist-dvae --data d.h5 --out r --set samples=0",
      "samples: found 0, expected an integer from 1", 64),
    BadInput(
      "train mnist-diwae --data d.h5 --out r --set corruptions=0",
      "corruptions: found 0, expected an integer from 1", 64),
    BadInput(
      "evaluate run --metrics nll --samples 0", "--samples: found 0, expected an integer from 1",
      64),
    BadInput(
      "evaluate run --metrics nll --corrupted",
      "--corrupted is about the bound; found --metrics nll",
      64),
    BadInput(
      "sample run --out x.h5 --recycle sample", "--recycle: found sample without --chain", 64),
    BadInput("evaluate run --metrics mes", "unknown metric mes; did you mean mse?", 64),
    BadInput("corrupt d.h5 x.h5 --noise salt:0.3", "noise \"salt:0.3\": expected", 64),
    BadInput(
      "corrupt d.h5 x.h5 --noise gaussian:-1", "noise \"gaussian:-1\": expected gaussian:LEVEL", 64),
    BadInput(
      "sample run --out x.h5 --passes 0", "--passes: found 0, expected an integer from 1", 64),
    BadInput(
      "reconstruct run --out x.h5 --recycle men", "--recycle: found men, expected one of mean", 64),
    BadInput(
      "train frey-ric --data d.h5 --out r --set recycle_grad=half",
      "recycle_grad: found half, expected one of detach, mean, full, input_only", 64),
    BadInput("version --blas-core Nothing", "OpenBLAS does not offer Nothing here; it took", 64),
  ]

  static let data: [BadInput] = [
    BadInput("info none.h5", "cleave info: none.h5: no such file", 65),
    BadInput("info text.h5", "cleave info: text.h5: not an HDF5 file", 65),
    BadInput("info folder", "folder: directory: found neither config.json nor manifest.json", 65),
    BadInput("import mnist truncated --out x.h5", "truncated/train-images-idx3-ubyte.gz", 65),
    BadInput("import mnist magic --out x.h5", "magic/train-images-idx3-ubyte", 65),
    BadInput("import mnist sizes --out x.h5", "sizes/train-images-idx3-ubyte", 65),
    BadInput("import mnist labels --out x.h5", "number of labels: found 5, expected 6", 65),
    BadInput(
      "import mnist folder --out x.h5", "train-images-idx3-ubyte[.gz]: found no such file", 65),
    BadInput("import mnist idx --out d.h5", "d.h5: exists already; --force replaces it", 64),
    BadInput(
      "corrupt empty.h5 x.h5 --noise none", "empty.h5: /train/images: found no such dataset", 65),
    BadInput("import frey none.mat --out x.h5", "none.mat: No such file or directory", 65),
    BadInput("import frey text.h5 --out x.h5", "text.h5: cannot be read as a MATLAB file", 65),
    BadInput(
      "train demo --data d.h5 --out r \(tiny) --set passes=2",
      "passes: found 2, expected 1: rvae does not recycle", 64),
    BadInput("train demo --data none.h5 --out r \(tiny)", "none.h5: no such file", 65),
    BadInput("train demo --data text.h5 --out r \(tiny)", "text.h5: not an HDF5 file", 65),
    BadInput(
      "train demo --data empty.h5 --out r \(tiny)", "/train/images: found no such dataset", 65),
    BadInput("train demo --data rank.h5 --out r \(tiny)", "/train/images: found", 65),
    BadInput("train demo --data type.h5 --out r \(tiny)", "/train/images: found int32", 65),
    BadInput("train demo --data nan.h5 --out r \(tiny)", "nan.h5: /train/images", 65),
    BadInput("train demo --data range.h5 --out r \(tiny)", "range.h5: /train/images", 65),
    BadInput("train demo --data cut.h5 --out r \(tiny)", "cut.h5: ", 65),
    BadInput("info cut.h5", "cut.h5: ", 65),
    BadInput("train types.json --data d.h5 --out r", "types.json: ", 64),
    BadInput("train --resume damaged", "damaged: found no checkpoint whose checksums hold", 65),
    BadInput(
      "train demo --data d.h5 --out r \(tiny) --set lanes=3",
      "lanes: found 3, expected a power of two", 64),
    BadInput(
      "train demo --data d.h5 --out r --set batch=100 --set lanes=8",
      "batch: 100 cannot be divided by 8 lanes; set lanes to 4 or less, or batch to 104", 64),
    BadInput(
      "train demo --data d.h5 --out r --set batch=1000",
      "batch: found 1000, expected no more than the 256", 64),
    BadInput(
      "train celeba-vae --data d.h5 --out r --set inference=gru",
      "inference: found gru with network=conv_bn, expected feedforward", 64),
    BadInput(
      "train mnist-dvae-gru --data d.h5 --out r --set network=conv_bn",
      "network: found conv_bn, expected mlp with model=dvae", 64),
    BadInput("train wrong.json --data d.h5 --out r", "wrong.json: not a JSON document", 64),
    BadInput(
      "train keys.json --data d.h5 --out r", "keys.json: unknown key lmbda; did you mean lambda?",
      64),
    BadInput("train none.json --data d.h5 --out r", "none.json: cannot be read", 65),
    BadInput(
      "train demo --data d.h5 --out run \(tiny)", "run: found a run, expected a new directory", 64),
    BadInput(
      "train demo --data d.h5 --out folder \(tiny)", "folder: found a file or a directory", 64),
    BadInput("train --resume folder", "folder: found no run there", 64),
    BadInput("train --resume none", "none: found no run there", 64),
    BadInput(
      "train --resume run --set latent=3", "latent: found 3, expected 2, which is fixed", 64),
    BadInput("denoise folder --out x.h5", "folder: found no run there", 64),
    BadInput("denoise run --out d.h5", "d.h5: exists already; --force replaces it", 64),
    BadInput("encode run --data other.h5 --out x.h5", "images: found 4x4x1, expected 28x28x1", 65),
    BadInput("evaluate run --data text.h5", "text.h5: not an HDF5 file", 65),
    BadInput("evaluate run --split validation", "/validation/images: found no such dataset", 65),
  ]

  @Test(arguments: usage) func usageErrors(input: BadInput) throws {
    try withTemporaryFolder { folder in
      for ranks in [nil, 4] { try input.expectFailure(ranks: ranks, in: folder) }
    }
  }

  @Test func badFilesAndSettings() throws {
    try withTemporaryFolder { folder in
      try Self.prepare(folder)
      for input in Self.data {
        for ranks in [nil, 4] { try input.expectFailure(ranks: ranks, in: folder) }
      }
    }
  }

  @Test func moreRanksThanLanes() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 256 --test 0 --out d.h5", in: folder)
      let input = BadInput(
        "train demo --data d.h5 --out r \(tiny) --set lanes=2",
        "4 ranks for 2 lanes: start at most 2 ranks, or set lanes=4 in a new run", 64)
      try input.expectFailure(ranks: 4, in: folder)
    }
  }

  /// A data set, a run on it, and one file for each thing that can be wrong.
  private static func prepare(_ folder: URL) throws {
    func path(_ name: String) -> URL { folder.appending(path: name) }
    try Tool.succeed("synthesize digits --count 256 --test 0 --out d.h5", in: folder)
    try Tool.succeed("train demo --data d.h5 --out run --max-steps 2 \(tiny)", in: folder)
    try FileManager.default.createDirectory(
      at: path("folder"), withIntermediateDirectories: true)
    try Data("hello\n".utf8).write(to: path("folder/notes.txt"))
    try Data("hello\n".utf8).write(to: path("text.h5"))
    try Data("{\"batch\": 3".utf8).write(to: path("wrong.json"))
    try Data("{\"lmbda\": 3}".utf8).write(to: path("keys.json"))
    try Data("{\"batch\": \"big\"}".utf8).write(to: path("types.json"))
    try Data(contentsOf: path("d.h5")).dropLast(1000).write(to: path("cut.h5"))
    try FileManager.default.copyItem(at: path("run"), to: path("damaged"))
    try Data("{}".utf8).write(to: path("damaged/checkpoints/latest/manifest.json"))

    try IDX.write(to: path("idx"))
    try Tool.succeed("import mnist idx --out other.h5", in: folder)
    try IDX.write(to: path("magic"), images: IDX.images(6, magic: 7))
    try IDX.write(to: path("sizes"), images: IDX.images(6, announcing: 60))
    try IDX.write(to: path("labels"), labels: IDX.labels(5))
    try IDX.write(to: path("truncated"), images: IDX.images(2000))
    let images = path("truncated/train-images-idx3-ubyte")
    #expect(try Run.command("gzip", [images.path]).status == 0)
    let compressed = images.appendingPathExtension("gz")
    try Data(Data(contentsOf: compressed).dropLast(100)).write(to: compressed)

    try File.create(path("empty.h5").path).close()
    let wrongRank = try File.create(path("rank.h5").path)
    try wrongRank.createDataset("train/images", .uint8, shape: [300, 28])
      .write([UInt8](repeating: 1, count: 300 * 28))
    try wrongRank.close()
    let wrongType = try File.create(path("type.h5").path)
    try wrongType.createDataset("train/images", .int32, shape: [100, 4, 4, 1])
      .write([Int32](repeating: 1, count: 1600))
    try wrongType.close()
    for (name, pixel) in [("nan", Float.nan), ("range", 1.5)] {
      let file = try File.create(path("\(name).h5").path)
      try file.createDataset("train/images", .float32, shape: [100, 4, 4, 1])
        .write((0..<1600).map { $0 == 777 ? pixel : 0.5 })
      try file.close()
    }
  }
}
