import Foundation

/// Whether memory can be had for what a file says it holds: to ask for more than there is would end the process.
package enum MemoryBudget {
  /// Below this nobody is asked: files have many small tensors.
  private static let unquestioned = 4 << 20
  /// What the process is left for all else that it does.
  private static let reserve = 16 << 20

  /// How many bytes more the process can have: what the system has left, or less where the process is held to less
  /// (`ulimit -v`).
  package static var available: Int {
    var available = systemMemory
    var limit = rlimit()
    if getrlimit(addressSpaceLimit, &limit) == 0, let most = Int(exactly: limit.rlim_cur) {
      available = min(available, most - addressSpaceInUse)
    }
    return max(0, available - reserve)
  }

  /// Why so many bytes cannot be had, in words without a full stop; nil if they can.
  static func problem(taking byteCount: Int) -> String? {
    guard byteCount > unquestioned, byteCount > available else { return nil }
    return "it takes \(text(byteCount)) of memory, and \(text(available)) are left"
  }

  /// Makes sure that so many bytes can be had.
  ///
  /// - Parameters:
  ///   - byteCount: how many.
  ///   - file: what asks for them.
  ///   - location: where in it.
  /// - Throws: ``FormatError`` where they cannot.
  package static func check(_ byteCount: Int, for file: String, location: String? = nil) throws(FormatError) {
    guard let problem = problem(taking: byteCount) else { return }
    throw FormatError(
      file: file, location: location, problem: problem,
      remedy: "Take a smaller file, or a machine or a limit with more memory.")
  }

  private static func text(_ byteCount: Int) -> String {
    let (number, unit) = byteCount < 1_000_000_000 ? (Double(byteCount) / 1e6, "MB") : (Double(byteCount) / 1e9, "GB")
    return String(format: number < 100 ? "%.3g" : "%.0f", number) + " " + unit
  }

  #if os(Linux)
    private static let addressSpaceLimit = __rlimit_resource_t(RLIMIT_AS.rawValue)
  #else
    private static let addressSpaceLimit = RLIMIT_AS
  #endif

  /// Memory that the system can give, without what it would have to take from other processes.
  private static var systemMemory: Int {
    // Linux says it by name, in KiB.
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else {
      return Int(clamping: ProcessInfo.processInfo.physicalMemory)
    }
    let numbers = ["MemAvailable:", "SwapFree:"].map { name in
      text.split(separator: "\n").first { $0.hasPrefix(name) }
        .flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
    }
    guard let memory = numbers[0] else { return Int(clamping: ProcessInfo.processInfo.physicalMemory) }
    return (memory + (numbers[1] ?? 0)) << 10
  }

  /// What counts against the limit; 0 where the system does not say, which is where it has no such limit.
  private static var addressSpaceInUse: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").first.flatMap({ Int($0) })
    else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
