import Foundation
import Testing

/// A way in which MPI is there: its compiler and its launcher.
public struct MPI: Sendable, CustomTestStringConvertible {
  /// `openmpi` or `mpich`.
  public let name: String
  /// The command that starts processes, before `-n`.
  public let launcher: [String]
  private let compiler: String

  public var testDescription: String { name }

  private static func path(_ program: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/\(program)" }.first(where: FileManager.default.isExecutableFile)
  }

  /// Those that are installed, under Debian's names.
  public static let installed: [MPI] = [("openmpi", ["--allow-run-as-root", "--oversubscribe"]), ("mpich", [])]
    .compactMap { name, options in
      guard let compiler = path("mpicc.\(name)"), let launcher = path("mpirun.\(name)") else { return nil }
      return MPI(name: name, launcher: [launcher] + options, compiler: compiler)
    }

  /// Calls `body` with a folder, for the environment's NORMA_MPI, in which there is what speaks to this implementation.
  public func withLibrary<Value>(_ body: (String) throws -> Value) throws -> Value {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = fixturesDirectory.appending(path: "../../Sources/NormaParallel/norma_mpi.c").standardized.path
    let process = Process()
    process.executableURL = URL(filePath: compiler)
    process.arguments = [
      "-O2", "-shared", "-fPIC", source, "-o", folder.appending(path: "libnorma-\(name).so").path,
    ]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return try body(folder.path)
  }
}
