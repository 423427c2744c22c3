import Foundation
import Synchronization

/// What this process shows where several work together: the first shows all that is to be seen, the others nothing but their faults.
public enum OtherProcesses {
  /// The rank of a process that is silent; 0 for one that shows what it does.
  private static let rank = Atomic<Int>(0)
  /// Where errors and progress go.
  private static let errorStream = Atomic<Int32>(STDERR_FILENO)
  /// The process in whose terminal, file or pipe this one shows what it does; 0 for its own.
  private static let starter = Atomic<Int32>(0)

  /// Lets this process, of a rank from 1 on, show nothing but its faults, with its rank in front.
  public static func silence(rank number: Int) {
    rank.store(number, ordering: .relaxed)
    let nowhere = open("/dev/null", O_WRONLY)
    dup2(nowhere, STDOUT_FILENO)
    close(nowhere)
  }

  /// Shows what this process does where another would: its output and errors are opened by the names that Linux has for them. Libraries
  /// that write to standard error by themselves, as MPI's do where a process dies, go on writing to this process's own.
  public static func show(for process: Int32) {
    func opened(_ stream: Int32) -> Int32 { open("/proc/\(process)/fd/\(stream)", O_WRONLY | O_APPEND) }
    let (output, errors) = (opened(STDOUT_FILENO), opened(STDERR_FILENO))
    if output >= 0 {
      dup2(output, STDOUT_FILENO)
      close(output)
    }
    if errors >= 0 { errorStream.store(errors, ordering: .relaxed) }
    starter.store(process, ordering: .relaxed)
  }

  /// The descriptor that errors and progress are written to.
  public static var errors: Int32 { errorStream.load(ordering: .relaxed) }

  static var isSilent: Bool { rank.load(ordering: .relaxed) > 0 }

  /// What stands in front of a silent process's faults.
  static var name: String? {
    let rank = rank.load(ordering: .relaxed)
    return rank > 0 ? "process \(rank): " : nil
  }

  /// Whether what is drawn on the terminal comes from the job that is in its foreground.
  @Sendable static func isInForeground() -> Bool {
    let process = starter.load(ordering: .relaxed)
    guard process > 0 else { return tcgetpgrp(errors) == getpgrp() }
    // Launchers give processes groups of their own. The starter's group and its terminal's foreground group, as Linux tells them.
    guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 5
    else { return false }
    return fields[2] == fields[5]
  }
}
