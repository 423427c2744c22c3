import NormaFiles
import NormaLayers
import NormaTensor

extension Trainer {
  /// Makes sure that the processes that train together have the same model, settings and data, and are of the same version.
  ///
  /// - Throws: `ProcessGroupError`, the same in each, that names the first which differs and in what.
  func checkAgreement(on data: TrainingData<Element>) throws {
    guard let group else { return }
    let facts: [(name: String, checksum: UInt32)] = [
      ("another version of Norma", Checksum(of: Array(normaVersion.utf8)).value),
      ("other settings", Checksum(of: Array((try configuration.json + "\(sharesOptimizer)").utf8)).value),
      (
        "another position in the training",
        Checksum(of: Array("\(history.epochs.count) \(history.stepLosses)".utf8)).value
      ),
      ("another model", model.state.checksum),
      ("other data", data.checksum),
    ]
    try group.agree(on: facts)
  }
}

extension ModelState {
  /// A checksum of all names and numbers.
  fileprivate var checksum: UInt32 {
    var checksum = Checksum()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      Array("\(name) \(tensor.shape)".utf8).withUnsafeBytes { checksum.add($0) }
      tensor.withUnsafeElements { checksum.add(UnsafeRawBufferPointer($0)) }
    }
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
      Array("\(name) \(count)".utf8).withUnsafeBytes { checksum.add($0) }
    }
    return checksum.value
  }
}
