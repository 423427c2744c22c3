import Foundation

/// A program that was not built.
public struct ProgramNotFound: Error {
  /// Its name.
  public let name: String
}

/// A program of the package as it was built with the tests.
public func builtProgram(named name: String) throws -> URL {
  let found = buildFolders.map { $0.appending(path: name) }
    .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  guard let found else { throw ProgramNotFound(name: name) }
  return found
}

/// Where what was built with the tests may lie, modules and programs.
///
/// SwiftPM builds programs into the folder that also holds the tests' bundle, which is among the arguments of the process that runs
/// them: as its own path on Linux, as an option on macOS, there with folders inside the bundle.
public let buildFolders = ProcessInfo.processInfo.arguments.compactMap { argument -> URL? in
  guard let bundle = argument.firstRange(of: ".xctest") else { return nil }
  return URL(filePath: String(argument[..<bundle.lowerBound])).deletingLastPathComponent()
}
