import NormaTensor

extension StoredNumber {
  /// The tensor whose numbers are put into memory as they lie in a file, in row-major order.
  ///
  /// - Parameters:
  ///   - shape: the lengths of its axes.
  ///   - isBigEndian: whether the bytes of each number stand the other way round.
  ///   - fill: writes all the bytes it is given.
  /// - Throws: what `fill` throws.
  func entry<Failure: Error>(
    shape: Shape, isBigEndian: Bool = false, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> Safetensors.Entry {
    var failure: Failure?
    func put(into bytes: UnsafeMutableRawBufferPointer) {
      do throws(Failure) { try fill(bytes) } catch {
        failure = error
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
      }
      if isBigEndian != StoredNumber.isHostBigEndian { swapBytes(in: bytes) }
    }
    func tensor<Element>() -> Tensor<Element> {
      Tensor(shape: shape) { put(into: UnsafeMutableRawBufferPointer($0)) }
    }
    let result: Safetensors.Entry
    switch self {
    case .float32: result = .float(tensor())
    case .float64: result = .double(tensor())
    case .int64:
      let count = shape.elementCount
      result = .integers(
        // All empty arrays share one place, into which an initializer writes its count: ThreadSanitizer takes it for a race.
        count == 0
          ? []
          : [Int64](unsafeUninitializedCapacity: count) { buffer, initialized in
            put(into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])))
            initialized = count
          }, shape: shape)
    default:
      let count = shape.elementCount * width
      var bytes =
        count == 0
        ? []
        : [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
          put(into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])))
          initialized = count
        }
      // Whatever the host has, these bytes are little-endian.
      if StoredNumber.isHostBigEndian { bytes.withUnsafeMutableBytes { swapBytes(in: $0) } }
      result = .other(StoredTensor(self, shape: shape, bytes: bytes))
    }
    if let failure { throw failure }
    return result
  }

  static let isHostBigEndian = Int(bigEndian: 1) == 1
}

extension Safetensors.Entry {
  /// Whether there is a truth value that is neither 0 nor 1.
  var hasOddTruthValues: Bool {
    if case .other(let tensor) = self, tensor.elementType == .boolean {
      !tensor.bytes.allSatisfy { $0 <= 1 }
    } else {
      false
    }
  }
}
