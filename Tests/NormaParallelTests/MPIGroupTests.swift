import Foundation
import NormaParallel
import TestSupport
import Testing

/// A way in which MPI is there: its compiler and its launcher.
struct MPI: Sendable, CustomTestStringConvertible {
  let name: String
  let compiler: String
  let launcher: [String]
  var testDescription: String { name }

  private static func path(_ program: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/\(program)" }.first(where: FileManager.default.isExecutableFile)
  }

  /// Those that are installed, under Debian's names.
  static let installed: [MPI] = [("openmpi", ["--allow-run-as-root", "--oversubscribe"]), ("mpich", [])].compactMap {
    name, options in
    guard let compiler = path("mpicc.\(name)"), let launcher = path("mpirun.\(name)") else { return nil }
    return MPI(name: name, compiler: compiler, launcher: [launcher] + options)
  }
}

@Suite(.serialized, .enabled(if: !MPI.installed.isEmpty, "no MPI is installed"))
struct MPIGroupTests {
  /// What a program printed, in lines, its exit code, and how long it took.
  private func run(
    _ command: [String], _ environment: [String: String] = [:]
  ) throws -> (lines: [String], code: Int32, seconds: Double) {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    let start = ContinuousClock.now
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    return (lines, process.terminationStatus, (ContinuousClock.now - start) / .seconds(1))
  }

  private func program() throws -> String { try builtProgram(named: "process-checks").path }

  /// Calls `body` with a folder in which there is what speaks to an implementation.
  private func withLibrary<Value>(_ mpi: MPI, _ body: (String) throws -> Value) throws -> Value {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = fixturesDirectory.appending(path: "../../Sources/NormaParallel/norma_mpi.c").standardized.path
    let library = folder.appending(path: "libnorma-\(mpi.name).so").path
    #expect(try run([mpi.compiler, "-O2", "-shared", "-fPIC", source, "-o", library]).code == 0)
    return try body(folder.path)
  }

  @Test(arguments: MPI.installed) func aGroupDoesWhatItSays(mpi: MPI) throws {
    try withLibrary(mpi) { folder in
      for count in [1, 2, 4, 8] {
        let found = try run(mpi.launcher + ["-n", "\(count)", program(), "all"], ["NORMA_MPI": folder])
        #expect(found.lines.sorted() == (0..<count).map { "process \($0) of \(count) is well" }, "\(found)")
        #expect(found.code == 0)
      }
    }
  }

  /// Whoever waits for it tells of a process that does not come, and ends all.
  @Test(arguments: MPI.installed) func aSilentProcessIsNamed(mpi: MPI) throws {
    try withLibrary(mpi) { folder in
      let found = try run(mpi.launcher + ["-n", "2", program(), "silent", "2"], ["NORMA_MPI": folder])
      #expect(
        found.lines.contains("process 0, of process 1: it has neither sent nor taken anything for 2.0 seconds"),
        "\(found)")
      #expect(found.code != 0)
    }
  }

  @Test(arguments: MPI.installed) func aKilledProcessEndsAll(mpi: MPI) throws {
    try withLibrary(mpi) { folder in
      let found = try run(mpi.launcher + ["-n", "4", program(), "killed", "5"], ["NORMA_MPI": folder])
      #expect(found.code != 0, "\(found)")
    }
  }

  @Test func withoutALauncherThereIsNoGroup() throws {
    #expect(try run([program()]).lines == ["no launcher"])
  }

  @Test(arguments: MPI.installed) func aMissingLibraryIsNamed(mpi: MPI) throws {
    let found = try run(mpi.launcher + ["-n", "1", program(), "all"], ["NORMA_MPI": "/nonexistent"])
    #expect(found.lines.first?.contains("libnorma-\(mpi.name).so is not beside the program") ?? false, "\(found)")
    #expect(found.code == 70)
  }
}
