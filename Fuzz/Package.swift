// swift-tools-version: 6.2
import PackageDescription

// A package of its own: its executable is built with libFuzzer, which brings the main function. See README.md.
let package = Package(
  name: "norma-fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "norma", path: "..")],
  targets: [
    .executableTarget(
      name: "fuzz",
      dependencies: [
        .product(name: "NormaLibrary", package: "norma"), .product(name: "NormaImages", package: "norma"),
        .product(name: "NormaONNX", package: "norma"),
      ])
  ]
)
