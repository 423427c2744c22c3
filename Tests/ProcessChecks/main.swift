import Foundation
import NormaParallel
import NormaTensor

// What each process does that a test starts, under a launcher of MPI's: everything a group can do, or a fault.
//   process-checks all | silent SECONDS | killed | latency

func say(_ words: String) { FileHandle.standardOutput.write(Data((words + "\n").utf8)) }

/// Numbers whose sum has other bits in another order.
func numbers(_ rank: Int) -> [Double] {
  var random = RandomGenerator(seed: UInt64(rank))
  return (0..<1000).map { _ in (2 * random.uniform() - 1) * (rank % 2 == 0 ? 1 : 1e8) }
}

func add(_ left: inout [Double], _ right: [Double]) {
  for index in left.indices { left[index] += right[index] }
}

func checkAll(_ group: MPIGroup) throws {
  let ranks = try group.gathered(group.rank)
  guard ranks == Array(0..<group.count) else { return say("gathered \(ranks)") }
  // The tree, as one process computes it.
  var nodes = (0..<group.count).map(numbers)
  while nodes.count > 1 {
    nodes = stride(from: 0, to: nodes.count, by: 2).map {
      var left = nodes[$0]
      add(&left, nodes[$0 + 1])
      return left
    }
  }
  guard try group.combined(numbers(group.rank), by: add) == nodes[0] else { return say("another sum") }
  // The same by halves; and where those of one do not count.
  for absent in [nil, group.count - 1] where absent != 0 {
    var own = numbers(group.rank)
    try own.withUnsafeMutableBufferPointer { try group.sum($0, presence: (0..<group.count).map { $0 != absent }) }
    var expected = (0..<group.count).map { $0 == absent ? nil : numbers($0) }
    while expected.count > 1 {
      expected = stride(from: 0, to: expected.count, by: 2).map {
        guard var left = expected[$0] else { return expected[$0 + 1] }
        if let right = expected[$0 + 1] { add(&left, right) }
        return left
      }
    }
    guard own == expected[0] else { return say("another sum by halves") }
  }
  // Larger than what MPI sends at once without being asked for it.
  if group.count > 1 {
    let partner = group.rank ^ 1
    let (sent, expected) = ([UInt8](repeating: UInt8(group.rank), count: 5_000_000), UInt8(partner))
    var received = [UInt8](repeating: 255, count: sent.count)
    try sent.withUnsafeBytes { sent in
      try received.withUnsafeMutableBytes {
        try group.exchange(with: partner, sending: sent, receiving: $0, channel: .work)
      }
    }
    guard received.allSatisfy({ $0 == expected }) else { return say("other bytes") }
  }
  say("process \(group.rank) of \(group.count) is well")
}

/// Tells how long the shortest message takes, in microseconds.
func tellLatency(_ group: MPIGroup) throws {
  let count = 2000
  for _ in 0..<100 { _ = try group.gathered(1.0) }
  let start = ContinuousClock.now
  for _ in 0..<count { _ = try group.gathered(1.0) }
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  if group.rank == 0 { say("\(seconds * 1e6 / Double(count * group.count.trailingZeroBitCount))") }
}

let arguments = CommandLine.arguments.dropFirst()
do {
  let limit = arguments.count > 1 ? Double(arguments.last!) ?? 60 : 60
  guard let group = try MPIGroup.launched(timeLimit: .seconds(limit)) else {
    say("no launcher")
    exit(0)
  }
  switch arguments.first {
  case "silent" where group.rank == group.count - 1:
    // It computes, and never comes.
    Thread.sleep(forTimeInterval: 20 * limit)
    exit(1)
  case "killed" where group.rank == group.count - 1:
    kill(getpid(), SIGKILL)
  case "silent", "killed":
    do { _ = try group.combined([1.0], by: add) } catch {
      say("\(error)")
      group.abort(code: 75)
    }
  case "latency": try tellLatency(group)
  default:
    try checkAll(group)
  }
  group.end()
} catch {
  say("\(error)")
  exit(70)
}
