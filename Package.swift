// swift-tools-version: 6.0
import PackageDescription

/// A library target and the modules it stands on.
func library(_ name: String, _ dependencies: [String]) -> Target {
  .target(name: name, dependencies: dependencies.map { .byName(name: $0) })
}

/// The tests of one module; `TestSupport` finds data, builds and runs processes.
func tests(_ name: String, _ dependencies: [String]) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: (["TestSupport"] + dependencies).map { .byName(name: $0) })
}

let package = Package(
  name: "cleave",
  products: [
    .executable(name: "cleave", targets: ["cleave"]),
    .executable(name: "rank-checks", targets: ["rank-checks"]),
    .executable(name: "mutated-inputs", targets: ["mutated-inputs"]),
  ],
  targets: [
    .systemLibrary(name: "CMPI"),
    .systemLibrary(name: "CHDF5"),
    .systemLibrary(name: "COpenBLAS"),
    .systemLibrary(name: "COneDNN"),
    .systemLibrary(name: "CZlib"),
    .systemLibrary(name: "CZip"),
    .systemLibrary(name: "CMatio"),
    .systemLibrary(name: "CPNG"),
    .systemLibrary(name: "CTurboJPEG"),
    .systemLibrary(name: "CXXHash"),
    .systemLibrary(name: "CGraphicsMagick", pkgConfig: "GraphicsMagick"),
    .systemLibrary(name: "CSVM"),
    .systemLibrary(name: "CLinear"),
    .systemLibrary(name: "CRSVG"),
    .target(name: "CKernels"),
    library("Support", []),
    library("MPI", ["CMPI", "Support"]),
    library("HDF5", ["CHDF5", "Support"]),
    library("Images", ["Support", "CPNG", "CTurboJPEG", "CZlib", "CGraphicsMagick"]),
    library("Report", ["Support", "Images", "CRSVG"]),
    library("Tensors", ["COpenBLAS", "COneDNN", "CKernels"]),
    library("Statistics", ["Support", "Tensors", "CKernels", "CLinear", "CSVM"]),
    library("Autodiff", ["Tensors"]),
    library("Layers", ["Autodiff"]),
    library(
      "Datasets",
      ["Support", "HDF5", "Images", "Tensors", "CKernels", "CZlib", "CZip", "CMatio"]),
    library("Distributed", ["Support", "MPI", "Tensors", "CKernels"]),
    library("Checkpoints", ["Support", "MPI", "HDF5", "CKernels", "CXXHash"]),
    library(
      "Guard",
      ["Support", "MPI", "Tensors", "Autodiff", "Distributed", "Checkpoints", "CKernels"]),
    library(
      "Training",
      [
        "Support", "MPI", "Images", "Tensors", "Autodiff", "Layers", "Datasets", "Distributed",
        "Checkpoints", "Guard", "CKernels",
      ]),
    library("Models", ["Training", "CKernels"]),
    library("Runs", ["Models"]),
    library("Planning", ["Runs", "Distributed"]),
    library("Inception", ["Support", "HDF5", "COneDNN", "Tensors", "Checkpoints"]),
    library("Evaluation", ["Runs", "HDF5", "Images", "Report", "Statistics", "Inception"]),
    .target(
      name: "Experiments",
      dependencies: [
        "Support", "Checkpoints", "Datasets", "Guard", "Training", "Models", "Runs", "Planning",
        "Evaluation", "Report",
      ].map { .byName(name: $0) },
      resources: [.embedInCode("Definitions")]),
    library("Doctor", ["Support", "MPI", "HDF5", "Tensors", "Distributed"]),
    library(
      "Benchmarks",
      [
        "Support", "MPI", "Tensors", "Datasets", "Distributed", "Checkpoints", "Runs", "Inception",
      ]),
    .executableTarget(
      name: "cleave",
      dependencies: [
        "Support", "MPI", "HDF5", "Images", "Tensors", "Datasets", "Distributed", "Checkpoints",
        "Guard", "Training", "Models", "Runs", "Planning", "Evaluation", "Experiments", "Report",
        "Doctor", "Benchmarks",
      ]),
    .executableTarget(
      name: "rank-checks",
      dependencies: [
        "Support", "MPI", "HDF5", "Tensors", "Distributed", "Checkpoints", "Guard", "Training",
      ]),
    .executableTarget(
      name: "mutated-inputs",
      dependencies: [
        "Support", "MPI", "CHDF5", "HDF5", "Images", "Datasets", "Checkpoints", "Training",
        "Models", "Guard", "Runs", "Evaluation",
      ]),
    .target(
      name: "TestSupport",
      dependencies: [
        "Autodiff", "HDF5", "Images", "Tensors", "CPNG", "CTurboJPEG", "CZip", "CMatio",
        "CGraphicsMagick",
      ],
      path: "Tests/TestSupport"),
    tests("Support", ["Support"]),
    tests("MPI", ["MPI", "Support"]),
    tests("HDF5", ["HDF5", "CHDF5"]),
    tests("Images", ["Images"]),
    tests("Tensors", ["Tensors", "CKernels"]),
    tests("Autodiff", ["Autodiff", "Layers"]),
    tests("Layers", ["Layers", "HDF5"]),
    tests("Datasets", ["Datasets", "HDF5", "CHDF5", "Images", "Support", "Tensors", "CZlib"]),
    tests("Distributed", ["Distributed", "MPI"]),
    tests("Checkpoints", ["Checkpoints", "HDF5", "MPI"]),
    tests("Training", ["Training", "Guard", "Support"]),
    tests("Models", ["Models", "Runs", "Support"]),
    tests("Inception", ["Inception", "CHDF5", "HDF5", "Tensors"]),
    tests("Report", ["Report", "Images", "Support"]),
    tests("Statistics", ["Statistics", "Support", "Tensors"]),
    tests("Evaluation", ["Evaluation", "Datasets", "HDF5", "Images", "MPI"]),
    tests("Doctor", ["Doctor"]),
    tests("Benchmarks", ["Benchmarks"]),
    tests(
      "CommandLine",
      [
        "Checkpoints", "CHDF5", "Datasets", "Evaluation", "Experiments", "HDF5", "Images", "Models",
        "MPI",
        "Support",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
