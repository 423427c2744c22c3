import CKernels
import Foundation
import KernelCases
import NormaTensor
import TestSupport
import Testing

/// Every kernel of every instruction set that this processor has, and its twin, against the hashes in `hashes.txt`, which those of
/// other processors have too: `make arm` compares NEON's with the same file. `Tests/KernelCases` has the cases.
@Suite struct KernelHashTests {
  private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "hashes.txt")

  private static func found(_ kernels: UnsafePointer<norma_kernels>) -> [(key: String, hash: String)] {
    (0..<norma_case_group_count()).map { number in
      let found = norma_run_cases(kernels, number)
      let hash = String(found.hash, radix: 16)
      return (
        "\(String(cString: found.kernel)) \(String(cString: found.group)) \(found.cases)",
        String(repeating: "0", count: 16 - hash.count) + hash
      )
    }
  }

  @Test func everyInstructionSetAndTheTwinsGiveTheCommittedBits() throws {
    var committed = try CommittedHashes(Self.file)
    if CommittedHashes.renews, let twins = Kernels.tables.last {
      let found = Self.found(twins)
      let keys = Set(found.map(\.key))
      try committed.renew(found) { keys.contains($0) }
    }
    for kernels in Kernels.tables {
      let found = Self.found(kernels)
      #expect(found.map(\.key) == committed.keys, "NORMA_RENEW_SNAPSHOTS=1 writes hashes.txt for other cases")
      let others = found.filter { committed[$0.key] != $0.hash }.map(\.key)
      #expect(others == [], "\(String(cString: kernels.pointee.name)) has other bits than hashes.txt")
    }
  }
}
