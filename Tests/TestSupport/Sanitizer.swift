import Foundation

/// Whether a sanitizer watches, as `Utils/sanitize` says: everything takes about ten times as long then.
///
/// Tests whose repetitions are all the same to a sanitizer make fewer of them.
public let isSanitized = ProcessInfo.processInfo.environment["NORMA_SANITIZED"] != nil
