// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses the library resolves what a web server needs:
//     swift run -c release --package-path Examples/Serving serve norma-model
let package = Package(
  name: "norma-serving",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "norma", path: "../.."),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(
      name: "Serving",
      dependencies: [
        .product(name: "Hummingbird", package: "hummingbird"), .product(name: "NormaLibrary", package: "norma"),
      ]),
    .executableTarget(
      name: "serve",
      dependencies: ["Serving", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    // Without Hummingbird's own testing, which brings an HTTP client and with it a TLS library: they take longer to build
    // than all the rest.
    .testTarget(name: "ServingTests", dependencies: ["Serving", "serve"]),
  ]
)
