import CKernels
import Foundation
import KernelCases
import TestSupport
import Testing

/// Every kernel of every instruction set that this processor has against the hashes in `hashes.txt`, which those of other
/// processors have too: `make arm` compares NEON's with the same file. `Tests/KernelCases` has the cases.
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

  @Test func everyInstructionSetGivesTheCommittedBits() throws {
    var committed = try CommittedHashes(Self.file)
    var place: Int32 = 0
    while let kernels = norma_kernels_at(place) {
      let found = Self.found(kernels)
      if CommittedHashes.renews && place == 0 {
        let keys = Set(found.map(\.key))
        try committed.renew(found) { keys.contains($0) }
      }
      #expect(found.map(\.key) == committed.keys, "NORMA_RENEW_SNAPSHOTS=1 writes hashes.txt for other cases")
      let others = found.filter { committed[$0.key] != $0.hash }.map(\.key)
      #expect(others == [], "\(String(cString: kernels.pointee.name)) has other bits than hashes.txt")
      place += 1
    }
  }
}
