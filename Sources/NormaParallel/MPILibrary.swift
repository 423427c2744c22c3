import Foundation
import NormaTensor

/// The functions of `norma_mpi.c`, compiled with the MPI that this process was started by.
///
/// They are loaded when they are asked for, so that a program runs without MPI where it is not there, and one program runs with
/// Open MPI and with MPICH, whose constants and types are others.
struct MPILibrary: Sendable {
  typealias Begin = @convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32
  typealias Exchange =
    @convention(c) (
      Int32, UnsafeRawPointer?, Int32, UnsafeMutableRawPointer?, Int32, Int32, UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32
  typealias Test = @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>) -> Int32
  typealias Words = @convention(c) (Int32, UnsafeMutablePointer<CChar>, Int32) -> Void
  typealias LibraryWords = @convention(c) (UnsafeMutablePointer<CChar>, Int32) -> Void
  typealias Abort = @convention(c) (Int32) -> Void
  typealias End = @convention(c) () -> Int32
  typealias Version = @convention(c) () -> Int32

  let begin: Begin, exchange: Exchange, test: Test
  let abort: Abort, end: End
  private let wordsOfError: Words, libraryWords: LibraryWords

  /// What an error of MPI's means.
  func words(_ error: Int32) -> String { text { wordsOfError(error, $0, $1) } }

  /// Which implementation this is.
  var implementation: String { text(libraryWords) }

  private func text(_ write: (UnsafeMutablePointer<CChar>, Int32) -> Void) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
      buffer.initialize(repeating: 0)
      write(buffer.baseAddress!, Int32(buffer.count))
      return String(cString: buffer.baseAddress!).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  /// The implementations that a launcher may be of.
  enum Implementation: String, CaseIterable {
    case openMPI = "openmpi"
    case mpich

    /// That of the launcher which started this process, by what it left in the environment; nil where none did.
    static func ofLauncher(_ environment: [String: String]) -> Implementation? {
      if environment["OMPI_COMM_WORLD_SIZE"] != nil { return .openMPI }
      // Hydra, which is MPICH's, and Slurm's by the same protocol.
      if environment["PMI_SIZE"] != nil { return .mpich }
      return nil
    }
  }

  /// What its file is called.
  static func fileName(_ implementation: Implementation) -> String {
    #if os(macOS)
      "libnorma-\(implementation.rawValue).dylib"
    #else
      "libnorma-\(implementation.rawValue).so"
    #endif
  }

  /// Where it is: in the folder that NORMA_MPI names, or else beside the program or in `../lib/norma` from there; nil if it is not.
  static func path(_ implementation: Implementation, environment: [String: String]) -> String? {
    let beside = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
    let given = environment["NORMA_MPI"].map { [URL(filePath: $0, directoryHint: .isDirectory)] }
    let folders = given ?? [beside, beside?.appending(path: "../lib/norma")].compactMap(\.self)
    return folders.map { $0.appending(path: fileName(implementation)).path }
      .first { FileManager.default.fileExists(atPath: $0) }
  }

  /// - Throws: `ProcessGroupError` where it is not there, or is of another version.
  init(_ implementation: Implementation, environment: [String: String]) throws(ProcessGroupError) {
    guard let path = Self.path(implementation, environment: environment) else {
      let launcher = implementation == .openMPI ? "Open MPI" : "MPICH"
      throw ProcessGroupError(
        problem:
          "this was started by \(launcher), and \(Self.fileName(implementation)) is not beside the program; `make parallel` makes it, "
          + "and NORMA_MPI names the folder that it is in")
    }
    guard let library = dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
      throw ProcessGroupError(
        problem: "'\(path)' cannot be loaded: \(dlerror().map { String(cString: $0) } ?? "no reason is given")"
      )
    }
    func function<Function>(_ name: String, _ type: Function.Type) throws(ProcessGroupError) -> Function {
      guard let symbol = dlsym(library, "norma_mpi_\(name)") else {
        throw ProcessGroupError(problem: "'\(path)' has no function norma_mpi_\(name)")
      }
      return unsafeBitCast(symbol, to: type)
    }
    let version = try function("version", Version.self)()
    guard version == 2 else {
      throw ProcessGroupError(problem: "'\(path)' is of version \(version), and not of 2: make it anew")
    }
    begin = try function("begin", Begin.self)
    exchange = try function("exchange", Exchange.self)
    test = try function("test", Test.self)
    abort = try function("abort", Abort.self)
    end = try function("end", End.self)
    wordsOfError = try function("words", Words.self)
    libraryWords = try function("library", LibraryWords.self)
  }
}
