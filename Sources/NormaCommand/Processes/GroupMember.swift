import Foundation
import Norma
import NormaParallel
import NormaTerminal

/// This process as one of several: the first shows what all do, and what goes wrong in one ends all.
struct GroupMember {
  private let group: MPIGroup

  /// The environment's name for the process that started all, in whose terminal they show what they do.
  static let starter = "NORMA_STARTER"

  init(_ group: MPIGroup) {
    self.group = group
    if let starter = ProcessInfo.processInfo.environment[Self.starter].flatMap(Int32.init) {
      OtherProcesses.show(for: starter)
    }
    if group.rank > 0 { OtherProcesses.silence(rank: group.rank) }
  }

  /// Tells of an error, and ends all processes. What all find wrong is told by the first.
  func end(with error: any Error) -> Never {
    if let stopped = error as? TrainingStopped {
      // All have come here together.
      if group.rank == 0 { report(error) }
      group.end()
      exit(stopped.exitCode)
    }
    // What is wrong in all is told by the first, which ends them now; it waits for one that is alone with its error.
    if group.rank > 0 { Thread.sleep(forTimeInterval: 1) }
    report(error)
    let code = exitStatus(for: error).rawValue
    group.abort(code: Int(code))
    exit(code)
  }
}
