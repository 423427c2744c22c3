// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that nobody who uses the library resolves what benchmarks need:
//     swift package --package-path Benchmarks benchmark
let package = Package(
  name: "norma-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "norma", path: ".."),
    // Without its traits: they bring interposers of their own, and AllocationCounter counts.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    // A link to the folder of the tests: a path outside the package would not be allowed.
    .target(name: "AllocationCounter", path: "AllocationCounter"),
    .target(
      name: "Counting",
      dependencies: ["AllocationCounter", .product(name: "Benchmark", package: "benchmark")],
      path: "Counting"),
  ]
)

// The plugin finds suites by the name of the folder they are in, which is Benchmarks.
for suite in ["Normalization", "Training"] {
  package.targets.append(
    .executableTarget(
      name: "\(suite)Benchmarks",
      dependencies: [
        "Counting",
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "NormaLibrary", package: "norma"),
      ],
      path: "\(suite)Benchmarks",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]))
}
