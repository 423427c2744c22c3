import Foundation

/// A program that was not built.
public struct ProgramNotFound: Error {
  /// Its name.
  public let name: String
}

/// A program of the package as it was built with the tests.
///
/// SwiftPM builds programs into the folder that also holds the tests' bundle, which is among the arguments of the process that runs
/// them: as its own path on Linux, as an option on macOS, there with folders inside the bundle.
public func builtProgram(named name: String) throws -> URL {
  for argument in ProcessInfo.processInfo.arguments {
    guard let bundle = argument.firstRange(of: ".xctest") else { continue }
    let folder = URL(filePath: String(argument[..<bundle.lowerBound])).deletingLastPathComponent()
    let executable = folder.appending(path: name)
    if FileManager.default.isExecutableFile(atPath: executable.path) { return executable }
  }
  throw ProgramNotFound(name: name)
}
