// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses the library or builds the command resolves what a web server needs:
//     swift run -c release --package-path Serve norma-serve norma-model
let package = Package(
  name: "norma-serve",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "norma-serve", targets: ["NormaServeCommand"])],
  dependencies: [
    .package(name: "norma", path: ".."),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    // What Hummingbird stands on, for the handlers of connections.
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(
      name: "NormaServe",
      dependencies: [
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "HTTPTypes", package: "swift-http-types"), .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "NormaLibrary", package: "norma"), .product(name: "NormaImages", package: "norma"),
        .product(name: "NormaONNX", package: "norma"),
      ]),
    .executableTarget(
      name: "NormaServeCommand",
      dependencies: ["NormaServe", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    // Without Hummingbird's own testing, which brings an HTTP client and with it a TLS library: they take longer to build
    // than all the rest.
    .testTarget(name: "NormaServeTests", dependencies: ["NormaServe", "NormaServeCommand"]),
  ]
)

// Warnings are errors where the project is checked, as in the library's own package.
#if os(Linux) && compiler(<6.4)
  for target in package.targets {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
#endif
