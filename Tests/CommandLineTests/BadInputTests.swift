import TestSupport
import Testing

/// Bad input gets one clear line on standard error and the same status on every rank.
///
/// It changes nothing.
@Suite(.serialized) struct BadInputTests {
  /// Name, command line, set-up, exit status, and what the line holds.
  static let table: [BadInput] = [
    // Wrong usage, whatever files there are.
    BadInput(
      "no command", "",
      [], 64, "cleave: missing command; cleave --help lists them"),
    BadInput(
      "misspelt command", "trian",
      [], 64, "cleave: unknown command trian; did you mean train?"),
    BadInput(
      "missing operand", "info",
      [], 64, "cleave info: missing PATH"),
    BadInput(
      "superfluous operand", "info a b",
      [], 64, "cleave info: unexpected argument b"),
    BadInput(
      "misspelt option", "info a --jsn",
      [], 64, "cleave info: unknown option --jsn; did you mean --json?"),
    BadInput(
      "option given twice", "info a --json --json",
      [], 64, "cleave info: --json is given twice"),
    BadInput(
      "value for a flag", "info a --json=yes",
      [], 64, "cleave info: --json takes no value"),
    BadInput(
      "option without its value", "corrupt a b --noise",
      [], 64, "cleave corrupt: --noise needs a value: --noise SPEC"),
    BadInput(
      "missing required option", "corrupt a b",
      [], 64, "cleave corrupt: missing --noise"),
    BadInput(
      "misspelt importer", "import minst x --out y.h5",
      [], 64, "cleave import: unknown format minst; did you mean mnist?"),
    BadInput(
      "number out of range", "synthesize digits --out x.h5 --count 0",
      [], 64, "--count: found 0, expected an integer from 1"),
    BadInput(
      "number of at least", "train demo --data d.h5 --out r --max-steps 0",
      [], 64, "--max-steps: found 0, expected an integer of at least 1"),
    BadInput(
      "ranks out of range", "plan demo --data d.h5 -n 0",
      [], 64, "cleave plan: -n: found 0, expected an integer from 1 to 4096"),
    BadInput(
      "seed below 0", "sample run --out x.h5 --seed -1",
      [], 64, "--seed: found -1, expected an integer of at least 0"),
    BadInput(
      "network beyond all", "plan demo --data d.h5 --network 1e300",
      [], 64, "--network: found 1e300, expected Gbit/s from 1e-6 to 1e6"),
    BadInput(
      "scale that no float holds", "train demo --data d.h5 --out r --scale 1e39",
      [], 64, "--scale: found 1e39, expected a number from 1e-30 to 1e30"),
    BadInput(
      "scale that is 0 as a float", "evaluate run --data d.h5 --scale 1e-300",
      [], 64, "--scale: found 1e-300, expected a number from 1e-30 to 1e30"),
    BadInput(
      "key scale that no float holds", "train demo --data d.h5 --out r --set scale=1e39",
      [], 64, "scale: found 1e39, expected a number from 1e-30 to 1e30, or null"),
    BadInput(
      "misspelt preset to print", "presets mnist-vea",
      [], 64, "cleave presets: unknown preset mnist-vea; did you mean mnist-vae?"),
    BadInput(
      "misspelt benchmark", "bench rvae",
      [], 64, "cleave bench: unknown benchmark rvae; did you mean rvae-mlp?"),
    BadInput(
      "option of no benchmark", "bench --steps 3",
      [], 64, "cleave bench: --steps: missing NAME of a benchmark"),
    BadInput(
      "option of another benchmark", "bench reduction --steps 3",
      [], 64, "--steps: reduction does not read it, only --parameters"),
    BadInput(
      "list of integers with a word", "bench convolutions --batches 3,x",
      [], 64, "--batches: found 3,x, expected integers from 1 to"),
    BadInput(
      "misspelt preset to train", "train mnist-rvea --data d.h5 --out r",
      [], 64, "unknown preset mnist-rvea; did you mean mnist-rvae?"),
    BadInput(
      "threads in an exact run", "bench rvae-mlp --exact --threads 2",
      [], 64, "--threads: found 2, expected 1 in an exact run"),
    BadInput(
      "time limit of zero", "train demo --data d.h5 --out r --time-limit 0",
      [], 64, "--time-limit: found 0"),
    BadInput(
      "training without data", "train demo --out r",
      [], 64, "cleave train: missing --data"),
    BadInput(
      "training without a place", "train demo --data d.h5",
      [], 64, "cleave train: missing --out"),
    BadInput(
      "misspelt key", "train demo --data d.h5 --out r --set lamda=1",
      [], 64, "unknown key lamda; did you mean lambda?"),
    BadInput(
      "word for an integer key", "train demo --data d.h5 --out r --set batch=big",
      [], 64, "batch: found big, expected an integer"),
    BadInput(
      "key out of range", "train demo --data d.h5 --out r --set beta=-1",
      [], 64, "beta: found -1, expected a number of at"),
    BadInput(
      "resume with another place", "train demo --resume r --out s",
      [], 64, "cleave train: --out does not go with --resume"),
    BadInput(
      "samples in an unknown format", "sample run --out x.gif",
      [], 64, "--out: found x.gif, expected a name that ends in .h5"),
    BadInput(
      "no samples of z", "train mnist-dvae --data d.h5 --out r --set samples=0",
      [], 64, "samples: found 0, expected an integer from 1"),
    BadInput(
      "no corruptions", "train mnist-diwae --data d.h5 --out r --set corruptions=0",
      [], 64, "corruptions: found 0, expected an integer from 1"),
    BadInput(
      "no samples for nll", "evaluate run --metrics nll --samples 0",
      [], 64, "--samples: found 0, expected an integer from 1"),
    BadInput(
      "corrupted images for nll", "evaluate run --metrics nll --corrupted",
      [], 64, "--corrupted is about bound; found --metrics nll"),
    BadInput(
      "recycling without a chain", "sample run --out x.h5 --recycle sample",
      [], 64, "--recycle: found sample without --chain"),
    BadInput(
      "misspelt metric", "evaluate run --metrics mes",
      [], 64, "unknown metric mes; did you mean mse?"),
    BadInput(
      "noise without its second level", "corrupt d.h5 x.h5 --noise salt:0.3",
      [], 64, "noise \"salt:0.3\": expected"),
    BadInput(
      "noise with a negative level", "corrupt d.h5 x.h5 --noise gaussian:-1",
      [], 64, "noise \"gaussian:-1\": expected gaussian:LEVEL"),
    BadInput(
      "no recycled passes", "sample run --out x.h5 --passes 0",
      [], 64, "--passes: found 0, expected an integer from 1"),
    BadInput(
      "misspelt kind of recycling", "reconstruct run --out x.h5 --recycle men",
      [], 64, "--recycle: found men, expected one of mean"),
    BadInput(
      "misspelt kind of gradients", "train frey-ric --data d.h5 --out r --set recycle_grad=half",
      [], 64, "recycle_grad: found half, expected one of detach, mean, full, input_only"),
    BadInput(
      "unknown matrix kernel", "version --blas-core Nothing",
      [], 64, "OpenBLAS does not offer Nothing here; it took"),

    // Files and settings that do not fit.
    BadInput(
      "info on a missing file", "info none.h5",
      [], 65, "cleave info: none.h5: no such file"),
    BadInput(
      "info on a text file", "info text.h5",
      [.text], 65, "cleave info: text.h5: not an HDF5 file"),
    BadInput(
      "info on a folder without a run", "info folder",
      [.folder], 65, "folder: directory: found neither config.json nor manifest.json"),
    BadInput(
      "importing a truncated gzip file", "import mnist truncated --out x.h5",
      [.truncated], 65, "truncated/train-images-idx3-ubyte.gz"),
    BadInput(
      "importing a wrong magic number", "import mnist magic --out x.h5",
      [.wrongMagic], 65, "magic/train-images-idx3-ubyte"),
    BadInput(
      "importing a wrong size", "import mnist sizes --out x.h5",
      [.wrongSizes], 65, "sizes/train-images-idx3-ubyte"),
    BadInput(
      "importing too few labels", "import mnist labels --out x.h5",
      [.fewLabels], 65, "number of labels: found 5, expected 6"),
    BadInput(
      "importing a folder without images", "import mnist folder --out x.h5",
      [.folder], 65, "train-images-idx3-ubyte[.gz]: found no such file"),
    BadInput(
      "importing onto a file", "import mnist idx --out d.h5",
      [.idx, .digits], 64, "d.h5: exists already; --force replaces it"),
    BadInput(
      "corrupting an empty data set", "corrupt empty.h5 x.h5 --noise none",
      [.empty], 65, "empty.h5: /train/images: found no such dataset"),
    BadInput(
      "importing a missing MATLAB file", "import frey none.mat --out x.h5",
      [], 65, "none.mat: No such file or directory"),
    BadInput(
      "importing a text file as MATLAB", "import frey text.h5 --out x.h5",
      [.text], 65, "text.h5: cannot be read as a MATLAB file"),
    BadInput(
      "recycling by a model that cannot", "train demo --data d.h5 --out r \(tiny) --set passes=2",
      [.digits], 64,
      "passes: found 2, expected 1 with model=rvae, which does not read it; it is for"),
    BadInput(
      "training on a missing file", "train demo --data none.h5 --out r \(tiny)",
      [], 65, "none.h5: no such file"),
    BadInput(
      "training on a text file", "train demo --data text.h5 --out r \(tiny)",
      [.text], 65, "text.h5: not an HDF5 file"),
    BadInput(
      "training on an empty data set", "train demo --data empty.h5 --out r \(tiny)",
      [.empty], 65, "/train/images: found no such dataset"),
    BadInput(
      "training on images of wrong rank", "train demo --data rank.h5 --out r \(tiny)",
      [.wrongRank], 65, "/train/images: found"),
    BadInput(
      "training on images of wrong type", "train demo --data type.h5 --out r \(tiny)",
      [.wrongType], 65, "/train/images: found int32"),
    BadInput(
      "training on pixels that are not numbers", "train demo --data nan.h5 --out r \(tiny)",
      [.notNumbers], 65, "nan.h5: /train/images"),
    BadInput(
      "training on pixels out of range", "train demo --data range.h5 --out r \(tiny)",
      [.outOfRange], 65, "range.h5: /train/images"),
    BadInput(
      "training on a cut file", "train demo --data cut.h5 --out r \(tiny)",
      [.cut], 65, "cut.h5: "),
    BadInput(
      "info on a cut file", "info cut.h5",
      [.cut], 65, "cut.h5: "),
    BadInput(
      "configuration with a wrong type", "train types.json --data d.h5 --out r",
      [.digits, .wrongTypes], 64, "types.json: "),
    BadInput(
      "resuming with a damaged checkpoint", "train --resume damaged",
      [.damaged], 65, "damaged: found no checkpoint whose checksums hold"),
    BadInput(
      "lanes that are no power of two", "train demo --data d.h5 --out r \(tiny) --set lanes=3",
      [.digits], 64, "lanes: found 3, expected a power of two"),
    BadInput(
      "batch that lanes do not divide",
      "train demo --data d.h5 --out r --set batch=100 --set lanes=8",
      [.digits], 64,
      "batch: 100 cannot be divided by 8 lanes; set lanes to 4 or less, or batch to 104"),
    BadInput(
      "batch larger than the data", "train demo --data d.h5 --out r --set batch=1000",
      [.digits], 64, "batch: found 1000, expected no more than the 256"),
    BadInput(
      "inference that the network lacks",
      "train celeba-vae --data d.h5 --out r --set inference=gru",
      [.digits], 64,
      "inference: found gru, expected feedforward with model=vae, which does not read it"),
    BadInput(
      "network that the model lacks",
      "train mnist-dvae-gru --data d.h5 --out r --set network=conv_bn",
      [.digits], 64, "network: found conv_bn, expected mlp with model=dvae"),
    BadInput(
      "configuration cut off", "train wrong.json --data d.h5 --out r",
      [.digits, .wrongJSON], 64, "wrong.json: not a JSON document"),
    BadInput(
      "configuration with a misspelt key", "train keys.json --data d.h5 --out r",
      [.digits, .wrongKeys], 64, "keys.json: unknown key lmbda; did you mean lambda?"),
    BadInput(
      "missing configuration", "train none.json --data d.h5 --out r",
      [.digits], 65, "none.json: cannot be read"),
    BadInput(
      "training into a run", "train demo --data d.h5 --out run \(tiny)",
      [.run], 64, "run: found a run, expected a new directory"),
    BadInput(
      "training into a folder", "train demo --data d.h5 --out folder \(tiny)",
      [.digits, .folder], 64, "folder: found a file or a directory"),
    BadInput(
      "resuming a folder without a run", "train --resume folder",
      [.folder], 65, "folder: found no run there"),
    BadInput(
      "resuming a missing folder", "train --resume none",
      [], 65, "none: found no run there"),
    BadInput(
      "resuming with a fixed key", "train --resume run --set latent=3",
      [.run], 64, "latent: found 3, expected 2, which is fixed"),
    BadInput(
      "denoising with a folder without a run", "denoise folder --out x.h5",
      [.folder], 65, "folder: found no run there"),
    BadInput(
      "denoising onto a file", "denoise run --out d.h5",
      [.run], 64, "d.h5: exists already; --force replaces it"),
    BadInput(
      "encoding images of another shape", "encode run --data other.h5 --out x.h5",
      [.run, .other], 65, "images: found 4x4x1, expected 28x28x1"),
    BadInput(
      "evaluating on a text file", "evaluate run --data text.h5",
      [.run, .text], 65, "text.h5: not an HDF5 file"),
    BadInput(
      "evaluating on a missing split", "evaluate run --split validation",
      [.run], 65, "/validation/images: found no such dataset"),
    BadInput(
      "more ranks than lanes", "train demo --data d.h5 --out r \(tiny) --set lanes=2",
      [.digits], 64, "4 ranks for 2 lanes: start at most 2 ranks, or set lanes=4 in a new run",
      ranks: [4]),
  ]

  @Test(arguments: table) func oneLineAndItsStatus(input: BadInput) throws {
    try withTemporaryFolder { folder in
      for part in input.given { try part.make(in: folder) }
      for ranks in input.ranks { try input.expectFailure(ranks: ranks, in: folder) }
    }
  }
}
