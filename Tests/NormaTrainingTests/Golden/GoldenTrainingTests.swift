import Foundation
import Norma
import TestSupport
import Testing

/// Whole trainings against the hashes in `hashes.txt`: the same bits on every processor, with every instruction set and number
/// of threads.
///
/// `make test` looks at the first steps; `make golden`, which sets `NORMA_GOLDEN`, at all 200 with everything that this machine
/// has. After a change that is wanted, `NORMA_RENEW_SNAPSHOTS=1 make golden` writes the hashes anew.
@Suite(.serialized) struct GoldenTrainingTests {
  private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "hashes.txt")
  private static let isWhole = ProcessInfo.processInfo.environment["NORMA_GOLDEN"] != nil

  /// How a training is run, and how far.
  private struct Run: CustomStringConvertible {
    var kernels: String
    var threadCount: Int
    var steps: [Int]

    var description: String { "on \(kernels) with \(threadCount) threads" }
  }

  /// The definition in Swift, and kernels that multiply and add with instructions for other things, are slow.
  private static func isSlow(_ kernels: String) -> Bool { ["baseline", "swift"].contains(kernels) }

  private static func runs(_ precision: GoldenTraining.Precision) -> [Run] {
    // `Double` runs on the definition whatever the set.
    let names = precision == .float ? Kernels.availableNames : [Kernels.availableNames[0]]
    return names.flatMap { name in
      switch (isWhole, name) {
      case (true, "swift"): [Run(kernels: name, threadCount: 2, steps: [2, 20])]
      case (true, _): [1, 2, 3, 8].map { Run(kernels: name, threadCount: $0, steps: [2, 20, 200]) }
      case (false, _) where isSlow(name): [Run(kernels: name, threadCount: 2, steps: [2])]
      case (false, _): [1, 3].map { Run(kernels: name, threadCount: $0, steps: [2, 20]) }
      }
    }
  }

  @Test(arguments: GoldenTraining.all) func aTrainingHasTheCommittedBits(training: GoldenTraining) throws {
    let (kernels, threadCount) = (Kernels.name, Parallel.threadCount)
    defer {
      Kernels.select(kernels)
      Parallel.threadCount = threadCount
    }
    var committed = try CommittedHashes(Self.file)
    for (number, run) in Self.runs(training.precision).enumerated() {
      #expect(Kernels.select(run.kernels))
      Parallel.threadCount = run.threadCount
      let renews = CommittedHashes.renews && number == 0
      let steps = renews ? [2, 20, 200] : run.steps
      let found = try training.hashes(afterSteps: steps).sorted { $0.key < $1.key }
      try #require(found.map(\.key) == steps)
      if renews { try committed.renew(found.map { ("\(training) \($0.key)", $0.value) }) }
      for (step, hash) in found {
        let known = committed["\(training) \(step)"]
        #expect(
          known == hash,
          """
          \(training) after \(step) steps \(run): other bits than hashes.txt has. If what is computed was meant to change, \
          `NORMA_RENEW_SNAPSHOTS=1 make golden` writes them anew.
          """)
        // What follows can only differ too.
        guard known == hash else { break }
      }
    }
  }
}
