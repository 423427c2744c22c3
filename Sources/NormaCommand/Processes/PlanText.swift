import ArgumentParser
import Foundation
import Norma
import NormaTerminal

extension Interconnect: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension ScalingPlan {
  /// What `--json` prints.
  struct Result: Encodable {
    struct Row: Encodable {
      var processes: Int
      var seconds, computingSeconds, unevenSeconds, statisticsSeconds, gradientSeconds, waitingSeconds, speedUp: Double
      var statisticsMessages, statisticsBytes, gradientMessages, gradientBytes: Int
    }

    var steps: [Row]
    var worthwhileProcesses: Int
  }

  var result: Result {
    Result(
      steps: steps.map {
        Result.Row(
          processes: $0.processCount, seconds: $0.seconds, computingSeconds: $0.computing,
          unevenSeconds: $0.unevenness, statisticsSeconds: $0.statistics.seconds, gradientSeconds: $0.gradients.seconds,
          waitingSeconds: $0.waiting,
          speedUp: speedUp($0),
          statisticsMessages: $0.statistics.messageCount, statisticsBytes: $0.statistics.byteCount,
          gradientMessages: $0.gradients.messageCount, gradientBytes: $0.gradients.byteCount)
      }, worthwhileProcesses: worthwhile.processCount)
  }

  /// A row for each number of processes.
  var table: TextTable {
    var table = TextTable(columns: [
      .numbers("processes"), .numbers("step"), .numbers("computing"), .numbers("for the slowest"),
      .numbers("statistics"), .numbers("gradients"),
      .numbers("of that waited for"),
      .numbers("times as fast"),
    ])
    func traffic(_ traffic: Traffic) -> String {
      traffic.messageCount == 0
        ? "–"
        : "\(Formatting.duration(traffic.seconds)) (\(traffic.messageCount) of \(Formatting.bytes(traffic.byteCount)))"
    }
    for step in steps {
      table.addRow([
        "\(step.processCount)", Formatting.duration(step.seconds), Formatting.duration(step.computing),
        step.processCount == 1 ? "–" : Formatting.duration(step.unevenness), traffic(step.statistics),
        traffic(step.gradients),
        step.processCount == 1 ? "–" : Formatting.duration(step.waiting),
        String(format: "%.1f", speedUp(step)),
      ])
    }
    return table
  }

  /// Up to where more processes pay.
  var words: String {
    let last = worthwhile
    let all = last.processCount == steps.last?.processCount
    return last.processCount == 1
      ? "More than one process does not pay: two together are not as fast as one."
      : "\(all ? "All" : "Up to") \(last.processCount) processes pay: each does at least half of what one by itself does."
  }
}
