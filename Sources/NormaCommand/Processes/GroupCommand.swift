import ArgumentParser
import Foundation
import Norma
import NormaParallel
import NormaTerminal

/// A command whose work several processes can share.
protocol GroupCommand: ParsableCommand {
  /// How the processes are started and how long they wait for one another.
  var processes: ProcessOptions { get }
  /// How many threads were asked for; nil for all there are.
  var givenThreads: Int? { get }

  /// Does the work, or in a group this process's part of it.
  func run(in group: (any ProcessGroup)?) throws
}

extension GroupCommand {
  func run() throws { try run(in: nil) }

  /// Does the work with the processes that a launcher started, or that are asked for and started here, or by itself.
  func runTogether() throws {
    if let group = try MPIGroup.launched(timeLimit: .seconds(processes.processTimeout)) {
      let member = GroupMember(group)
      if givenThreads == nil {
        Parallel.threadCount = max(1, ProcessInfo.processInfo.activeProcessorCount / group.localCount)
      }
      do { try run(in: group) } catch { member.end(with: error) }
      group.end()
    } else if let count = processes.processes, count > 1 {
      throw try StartedProcesses(count).exitCode()
    } else {
      try run(in: nil)
    }
  }
}

/// How several processes do what one could.
struct ProcessOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Start so many processes on this machine, a power of two, which share the work and do not change its result. They are started by mpirun; `mpirun -n 4 norma …` does the same on several machines. Each has an equal part of the cores as threads.",
      valueName: "count"))
  var processes: Int?

  @Option(
    help: ArgumentHelp(
      "How many seconds a process waits for another, which may be reading data or have died, before all end.",
      valueName: "seconds"))
  var processTimeout = 300

  func validate() throws {
    if let processes, !(1...TrainingConfiguration.mostShards).contains(processes) || processes.nonzeroBitCount != 1 {
      throw ValidationError(
        "--processes takes a power of two up to \(TrainingConfiguration.mostShards), not \(processes).")
    }
    guard (1...86_400).contains(processTimeout) else {
      throw ValidationError("--process-timeout takes a number of seconds from 1 to 86400, not \(processTimeout).")
    }
  }

  /// Arguments without these options, which are said anew each time.
  static func removed(from arguments: [String]) -> [String] {
    let (names, flag) = (["--processes", "--process-timeout"], "--shard-optimizer")
    var rest: [String] = []
    var isValue = false
    for argument in arguments {
      defer { isValue = names.contains(argument) }
      if isValue || argument == flag || names.contains(argument)
        || names.contains(where: { argument.hasPrefix("\($0)=") })
      {
        continue
      }
      rest.append(argument)
    }
    return rest
  }
}
