// swift-tools-version: 6.2
import PackageDescription

/// What finds a library of Homebrew's. Linux has its libraries where compilers look, and SwiftPM would warn of each that is missing,
/// needed or not.
func pkgConfig(_ name: String) -> String? {
  #if os(macOS)
    name
  #else
    nil
  #endif
}

/// What `import Norma` brings, each by its name: who named Norma alone would not be compiled anew when only one of the others changes,
/// and would call what is no longer where it was.
let libraryModules = [
  "Norma", "NormaTensor", "NormaNormalization", "NormaConvolution", "NormaFiles", "NormaGraph", "NormaData",
  "NormaLayers", "NormaGraphDrawing", "NormaTraining",
]
let library = libraryModules.map { Target.Dependency.target(name: $0) }

// The floors, lowest first. A target depends only on targets above it in this list; docs/Architecture.md says why each is there.
let package = Package(
  name: "norma",
  platforms: [.macOS(.v15)],
  products: [
    // `import Norma` brings floors 1-5. The product is not called Norma: on macOS its name would clash with the command's.
    .library(name: "NormaLibrary", targets: libraryModules),
    // Not part of Norma, so that only who asks for it needs libpng and libjpeg-turbo.
    .library(name: "NormaImages", targets: ["NormaImages"]),
    // Nor these, which take SwiftProtobuf.
    .library(name: "NormaEvents", targets: ["NormaEvents"]),
    .library(name: "NormaONNX", targets: ["NormaONNX"]),
    // Several processes, by MPI, which it loads where a launcher of MPI's started the program.
    .library(name: "NormaParallel", targets: ["NormaParallel"]),
    // What ails a trained network: not needed to train or serve one.
    .library(name: "NormaDiagnosis", targets: ["NormaDiagnosis"]),
    .executable(name: "norma", targets: ["NormaCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: [
    // Floor 0: C.
    .target(name: "CKernels"),
    // It stands where every compiler looks, on Linux as on macOS, and on the list of packages that Swift itself takes.
    .systemLibrary(name: "CZlib"),
    .systemLibrary(name: "CPNG", pkgConfig: pkgConfig("libpng"), providers: [.brew(["libpng"])]),
    .systemLibrary(name: "CJPEG", pkgConfig: pkgConfig("libturbojpeg"), providers: [.brew(["jpeg-turbo"])]),

    // Floor 1: tensors, their storage, threads and random numbers.
    .target(
      name: "NormaTensor",
      dependencies: ["CKernels"]),

    // Floor 2: on tensors alone. The heart, convolution, and files of tensors.
    .target(name: "NormaNormalization", dependencies: ["CKernels", "NormaTensor"]),
    .target(name: "NormaConvolution", dependencies: ["CKernels", "NormaTensor"]),
    .target(name: "NormaFiles", dependencies: ["NormaTensor", "CZlib"]),
    // Groups of processes. The C beside it is compiled by MPI's own compilers: `make parallel`.
    .target(name: "NormaParallel", dependencies: ["CKernels", "NormaTensor"], exclude: ["norma_mpi.c"]),

    // Floor 3: differentiation, the data sets, and event files for TensorBoard.
    .target(name: "NormaGraph", dependencies: ["NormaTensor", "NormaNormalization", "NormaConvolution"]),
    .target(name: "NormaData", dependencies: ["NormaTensor", "NormaNormalization", "NormaFiles"]),
    .target(
      name: "NormaEvents",
      dependencies: ["NormaTensor", "NormaFiles", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["Messages/event.proto"]),

    // Floor 4: layers and models; a graph as text and as pictures; images as data.
    .target(
      name: "NormaLayers", dependencies: ["NormaTensor", "NormaNormalization", "NormaConvolution", "NormaGraph"]),

    .target(name: "NormaGraphDrawing", dependencies: ["NormaTensor", "NormaGraph"]),
    .target(name: "NormaImages", dependencies: ["NormaTensor", "NormaFiles", "NormaData", "CPNG", "CJPEG"]),

    // Floor 5: training, and what it saves; models in ONNX's format.
    .target(
      name: "NormaTraining",
      dependencies: [
        "CKernels", "NormaTensor", "NormaNormalization", "NormaGraph", "NormaLayers", "NormaData", "NormaFiles",
      ]),
    .target(
      name: "NormaONNX",
      dependencies: [
        "NormaTensor", "NormaNormalization", "NormaConvolution", "NormaGraph", "NormaLayers", "NormaFiles",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["Messages/onnx.proto"]),
    .target(
      name: "Norma",
      dependencies: [
        "NormaTensor", "NormaNormalization", "NormaConvolution", "NormaGraph", "NormaGraphDrawing", "NormaLayers",
        "NormaTraining", "NormaData", "NormaFiles",
      ]),

    // What ails a trained network, for which the lab draws pages.
    .target(
      name: "NormaDiagnosis",
      dependencies: [
        "NormaTensor", "NormaNormalization", "NormaGraph", "NormaLayers", "NormaTraining", "NormaData",
      ]),

    // Floor 6: experiments and the report; the terminal's manners.
    // The scripts of its pages are embedded by `Utils/embed-scripts`, so that the command is one file.
    .target(
      name: "NormaLab", dependencies: library + ["NormaDiagnosis", "NormaImages", "NormaEvents"],
      exclude: ["Explanation/Script", "Report/Script"]),
    .target(name: "NormaTerminal"),

    // Floor 7: the command.
    .executableTarget(
      name: "NormaCommand",
      dependencies: library + [
        "NormaImages", "NormaONNX", "NormaParallel", "NormaDiagnosis", "NormaLab", "NormaTerminal",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Tests, one target a module, and what they share.
    .target(name: "TestSupport", dependencies: library, path: "Tests/TestSupport"),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .target(name: "KernelCases", dependencies: ["CKernels"], path: "Tests/KernelCases", exclude: ["main.c"]),
    // Trained networks, and what can be wrong with them.
    .target(name: "DiagnosisCases", dependencies: library + ["NormaDiagnosis"], path: "Tests/DiagnosisCases"),
    // What the processes do that tests start.
    .executableTarget(
      name: "process-checks", dependencies: ["NormaParallel", "NormaTensor"], path: "Tests/ProcessChecks"),
    // The code of the documentation's pages, page by page; the tests run each in a folder of its own.
    .executableTarget(
      name: "guides",
      dependencies: library + [
        "NormaDiagnosis", "NormaEvents", "NormaImages", "NormaLab", "NormaONNX", "NormaParallel",
        "NormaTerminal",
      ], path: "Tests/Guides"),
    // Short programs of training, beside their twins in PyTorch.
    .target(name: "ShortPrograms", dependencies: library, path: "Examples/ShortPrograms/Programs"),
    .executableTarget(name: "short-programs", dependencies: ["ShortPrograms"], path: "Examples/ShortPrograms/Run"),

    .testTarget(
      name: "CKernelsTests", dependencies: ["CKernels", "KernelCases", "NormaTensor", "TestSupport"],
      exclude: ["hashes.txt"]),
    .testTarget(name: "NormaTensorTests", dependencies: ["CKernels", "NormaTensor", "TestSupport"]),
    .testTarget(name: "NormaNormalizationTests", dependencies: ["NormaNormalization", "TestSupport"]),
    .testTarget(name: "NormaConvolutionTests", dependencies: ["NormaConvolution", "TestSupport"]),
    .testTarget(name: "NormaFilesTests", dependencies: ["NormaFiles", "TestSupport", "AllocationCounter"]),
    .testTarget(name: "NormaParallelTests", dependencies: ["NormaParallel", "process-checks", "TestSupport"]),
    .testTarget(name: "NormaGraphTests", dependencies: ["NormaGraph", "TestSupport"]),
    .testTarget(name: "NormaGraphDrawingTests", dependencies: ["NormaGraph", "NormaGraphDrawing", "TestSupport"]),
    .testTarget(name: "NormaDataTests", dependencies: ["NormaData", "TestSupport"]),
    .testTarget(name: "NormaImagesTests", dependencies: ["NormaImages", "TestSupport"]),
    .testTarget(name: "NormaEventsTests", dependencies: ["NormaEvents", "NormaImages", "TestSupport"]),
    .testTarget(name: "NormaLayersTests", dependencies: library + ["TestSupport"]),
    .testTarget(
      name: "NormaTrainingTests", dependencies: library + ["TestSupport", "AllocationCounter"],
      exclude: ["Golden/hashes.txt"]),
    .testTarget(name: "NormaONNXTests", dependencies: library + ["NormaONNX", "TestSupport"]),
    .testTarget(
      name: "NormaDiagnosisTests",
      dependencies: library + ["NormaDiagnosis", "NormaONNX", "DiagnosisCases", "TestSupport"]),
    .testTarget(name: "NormaLabTests", dependencies: library + ["NormaLab", "TestSupport"]),
    .testTarget(name: "ShortProgramsTests", dependencies: library + ["ShortPrograms"]),
    // What holds the package together: one version everywhere, and public names that change only when that is meant.
    .testTarget(
      name: "PackageTests", dependencies: library + ["NormaCommand", "TestSupport"], exclude: ["PublicNames"]),
    .testTarget(name: "NormaTerminalTests", dependencies: ["NormaTerminal"]),
    .testTarget(
      name: "CommandTests",
      dependencies: library + [
        "NormaCommand", "NormaDiagnosis", "NormaImages", "NormaLab", "NormaONNX", "DiagnosisCases", "guides",
        "TestSupport",
      ],
      exclude: ["Snapshots"]),
  ]
)

// Warnings are errors where the project is checked. Later compilers and other systems' headers may warn of more, and
// must not keep anyone from building.
#if os(Linux) && compiler(<6.4)
  // What documentation shows may leave a result unused.
  for target in package.targets where target.type != .system && target.name != "guides" {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
#endif
