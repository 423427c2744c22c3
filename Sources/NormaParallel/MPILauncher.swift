import Foundation
import NormaTensor

/// What starts processes that work together, on this machine: `mpirun`, of an implementation for which there is what speaks to it.
public struct MPILauncher: Sendable {
  /// The path of `mpirun`.
  public let path: String
  /// The name of its implementation: `openmpi` or `mpich`.
  public var implementation: String { kind.rawValue }
  private let kind: MPILibrary.Implementation

  /// The first that is installed, Open MPI's before MPICH's.
  ///
  /// - Throws: `ProcessGroupError` that says what is missing.
  public static func installed() throws(ProcessGroupError) -> MPILauncher {
    let environment = ProcessInfo.processInfo.environment
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    func programs(_ name: String) -> [String] {
      folders.map { "\($0)/\(name)" }.filter { FileManager.default.isExecutableFile(atPath: $0) }
    }
    var found: [MPILibrary.Implementation] = []
    for kind in MPILibrary.Implementation.allCases {
      // Debian has both side by side under names of their own.
      let candidates = programs("mpirun.\(kind.rawValue)") + programs("mpirun")
      guard let path = candidates.first(where: { MPILibrary.Implementation(ofLauncher: $0) == kind }) else { continue }
      guard MPILibrary.path(kind, environment: environment) != nil else {
        found.append(kind)
        continue
      }
      return MPILauncher(path: path, kind: kind)
    }
    throw ProcessGroupError(
      problem: found.isEmpty
        ? "several processes are started by mpirun, which is not installed: `make parallel` in Norma's repository "
          + "installs it, or Debian's package openmpi-bin or mpich"
        : "mpirun is there, and what speaks to it is not: `make parallel` in Norma's repository makes "
          + "\(MPILibrary.fileName(found[0])), which belongs beside norma, or into the folder that NORMA_MPI names")
  }

  /// The command that starts a program so many times. Processes are not bound to cores, of which each may use several.
  public func command(starting count: Int, of program: String, _ arguments: [String]) -> [String] {
    let options: [String] =
      switch kind {
      case .openMPI:
        ["--quiet", "--bind-to", "none", "--oversubscribe"] + (geteuid() == 0 ? ["--allow-run-as-root"] : [])
      case .mpich: []
      }
    return [path] + options + ["-n", "\(count)", program] + arguments
  }
}

extension MPILibrary.Implementation {
  /// That of an `mpirun`, by what it says of itself.
  fileprivate init?(ofLauncher path: String) {
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(filePath: path)
    process.arguments = ["--version"]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let words = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if words.contains("Open MPI") || words.contains("OpenRTE") {
      self = .openMPI
    } else if words.contains("HYDRA") {
      self = .mpich
    } else {
      return nil
    }
  }
}
