import NormaFiles
import NormaTensor

extension Dataset {
  /// Takes all examples and targets into a checksum, in their order.
  package func add(to checksum: inout Checksum) {
    for range in samples.parts {
      samples.features(range).withUnsafeElements { checksum.add(UnsafeRawBufferPointer($0)) }
    }
    switch targets {
    case .classes(let classes, _): classes.withUnsafeBytes { checksum.add($0) }
    case .values(let values): values.withUnsafeElements { checksum.add(UnsafeRawBufferPointer($0)) }
    }
    weights?.withUnsafeBytes { checksum.add($0) }
  }
}
