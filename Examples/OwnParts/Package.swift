// swift-tools-version: 6.2
import PackageDescription

// A package outside of Norma's that adds an operation, a normalization, a loss, an optimizer, a schedule and a model of its own:
//     swift run -c release --package-path Examples/OwnParts own-parts train own-model
let package = Package(
  name: "norma-own-parts",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "norma", path: "../..")],
  targets: [
    .target(
      name: "OwnParts",
      dependencies: [
        .product(name: "NormaLibrary", package: "norma"), .product(name: "NormaONNX", package: "norma"),
      ]),
    .executableTarget(name: "own-parts", dependencies: ["OwnParts"]),
    .testTarget(name: "OwnPartsTests", dependencies: ["own-parts"]),
  ]
)
