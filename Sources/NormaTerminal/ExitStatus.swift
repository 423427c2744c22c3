import Foundation

/// How a process ends, in the numbers of BSD's `sysexits.h`.
public enum ExitStatus: Int32, Sendable {
  /// All was done.
  case done = 0
  /// The command line asks for something that does not exist or does not fit together.
  case wrongUsage = 64
  /// What a file holds is not what it should be.
  case badData = 65
  /// A fault of Norma's own.
  case internalFault = 70
  /// A file could not be read or written.
  case fileFailure = 74
}

/// What is said of an error: `norma: ` and its words, with the lines after the first one indented as far.
///
/// A `LocalizedError`'s own words, another error's description, or the system's words for an error of the system's.
public func message(for error: any Error) -> String {
  let words =
    switch error {
    case let error as POSIXError: String(cString: strerror(error.code.rawValue))
    case let error as CocoaError: error.localizedDescription
    case let error as any LocalizedError: error.errorDescription ?? String(describing: error)
    default: String(describing: error)
    }
  return "norma: \(OtherProcesses.name ?? "")"
    + words.split(separator: "\n").map(\.singleLine).joined(separator: "\n       ")
}

/// Writes what is to be said of an error to standard error, as `norma: …`.
public func report(_ error: any Error) {
  writeToStandardError(message(for: error) + "\n")
}

/// Writes something worth knowing that is neither a result nor an error to standard error, as `norma: …`.
public func remark(_ words: String) {
  if !OtherProcesses.isSilent { writeToStandardError("norma: " + words.singleLine + "\n") }
}
