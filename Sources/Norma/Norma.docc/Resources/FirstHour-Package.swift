// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "first-hour",
  platforms: [.macOS(.v15)],
  dependencies: [.package(path: "../norma")],
  targets: [
    .executableTarget(
      name: "first-hour", dependencies: [.product(name: "NormaLibrary", package: "norma")])
  ]
)
