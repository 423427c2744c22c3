import Foundation

/// How many files and connections the process may have open at once.
enum DescriptorLimit {
  /// What is kept for everything but connections: models that are read, logs, event loops, and the few connections that are taken beyond
  /// the bound before it is noticed.
  static let reserve = 64

  /// Raises the limit as far as the system allows without asking anybody, and gives it.
  static func raise() -> Int {
    var limit = rlimit()
    #if os(Linux)
      let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let kind = RLIMIT_NOFILE
    #endif
    guard getrlimit(kind, &limit) == 0 else { return 1024 }
    var wanted = limit
    wanted.rlim_cur = min(limit.rlim_max, 1 << 20)
    if wanted.rlim_cur > limit.rlim_cur, setrlimit(kind, &wanted) == 0 { limit = wanted }
    return Int(clamping: limit.rlim_cur)
  }

  /// As many connections as there is room for.
  ///
  /// Without descriptors nothing can be accepted or refused, and the system says again and again that somebody waits. So there are never as many
  /// connections as that.
  static func connections(wanted: Int) -> Int { max(1, min(wanted, raise() - reserve)) }
}
