import NormaLayers
import NormaTensor

extension TrainingConfiguration {
  /// Makes sure that so many processes can train together.
  func check(processCount: Int) throws {
    try check()
    guard processCount > 1 else { return }
    guard let shards, shards % processCount == 0 else {
      throw TrainingError.wrongSettings(
        "\(processCount) processes cannot train together with \(shards.map { "\($0) shards" } ?? "no shards"): "
          + "their number is to divide that of the shards, which is a power of two")
    }
  }

  /// How a batch of so many examples is cut: into its shards, or not at all.
  func cut(of count: Int, in group: (any ProcessGroup)?) -> BatchCut {
    BatchCut(of: count, into: shards ?? 1, in: shards == nil ? nil : group)
  }
}
