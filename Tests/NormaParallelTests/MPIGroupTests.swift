import Foundation
import NormaParallel
import TestSupport
import Testing

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

  @Test(arguments: MPI.installed) func aGroupDoesWhatItSays(mpi: MPI) throws {
    try mpi.withLibrary { folder in
      for count in [1, 2, 4, 8] {
        let found = try run(mpi.launcher + ["-n", "\(count)", program(), "all"], ["NORMA_MPI": folder])
        #expect(found.lines.sorted() == (0..<count).map { "process \($0) of \(count) is well" }, "\(found)")
        #expect(found.code == 0)
      }
    }
  }

  /// Whoever waits for it tells of a process that does not come, and ends all.
  @Test(arguments: MPI.installed) func aSilentProcessIsNamed(mpi: MPI) throws {
    try mpi.withLibrary { folder in
      let found = try run(mpi.launcher + ["-n", "2", program(), "silent", "2"], ["NORMA_MPI": folder])
      #expect(
        found.lines.contains("process 1 has neither sent nor taken anything for 2.0 seconds"),
        "\(found)")
      #expect(found.code != 0)
    }
  }

  @Test(arguments: MPI.installed) func aKilledProcessEndsAll(mpi: MPI) throws {
    try mpi.withLibrary { folder in
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
