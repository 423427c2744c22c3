import NIOCore
import Norma

/// An example as a request brought it: as many numbers as the model takes, in row-major order and in the units of the data that it
/// learned from.
enum Example: Sendable {
  /// 32-bit floats, little-endian, all of them finite.
  case floats(ByteBuffer)
  /// Some of several examples' numbers.
  case numbers(ArraySlice<Double>)
  /// An image, already of the model's size.
  case image(Tensor<Float>)
}

extension ByteBuffer {
  /// The place of the first of 32-bit floats that is no finite number; nil where all are.
  func firstUnusableFloat() -> Int? {
    withUnsafeReadableBytes { bytes in
      let count = bytes.count / 4
      // All of them are looked at without a branch, which vectorizes; only where one is found it is looked for.
      var found: UInt32 = 0
      for index in 0..<count { found |= bytes.isUnusable(index) ? 1 : 0 }
      return found == 0 ? nil : (0..<count).first { bytes.isUnusable($0) }
    }
  }
}

extension UnsafeRawBufferPointer {
  @inline(__always) fileprivate func isUnusable(_ index: Int) -> Bool {
    UInt32(littleEndian: loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)) & 0x7f80_0000 == 0x7f80_0000
  }

  /// The 32-bit floats, little-endian, of which there are `count`.
  @inline(__always) fileprivate func float(_ index: Int) -> Float {
    Float(bitPattern: UInt32(littleEndian: loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
  }
}

extension [Example] {
  /// The examples as one batch `[N, …]`, before anything is done to them.
  ///
  /// Rows of features are held in double precision, as those of a table are: standardized, they keep the digits that a float would have
  /// lost. Images are pixels.
  func batch(of shape: Shape) -> RawDataset.Features {
    let batchShape = Shape([self.count] + shape.map { $0 })
    let length = shape.elementCount
    guard shape.rank == 1 else {
      return .floats(
        Tensor<Float>(shape: batchShape) { result in
          for (index, example) in enumerated() {
            let row = UnsafeMutableBufferPointer(rebasing: result[index * length..<(index + 1) * length])
            switch example {
            case .floats(let buffer):
              buffer.withUnsafeReadableBytes { bytes in
                #if _endian(little)
                  UnsafeMutableRawBufferPointer(row).copyMemory(from: bytes)
                #else
                  for place in 0..<length { row[place] = bytes.float(place) }
                #endif
              }
            case .numbers(let numbers):
              for (place, number) in numbers.enumerated() { row[place] = Float(number) }
            case .image(let image): image.withUnsafeElements { _ = row.update(fromContentsOf: $0) }
            }
          }
        })
    }
    return .doubles(
      Tensor<Double>(shape: batchShape) { result in
        for (index, example) in enumerated() {
          let row = result.baseAddress! + index * length
          switch example {
          case .floats(let buffer):
            buffer.withUnsafeReadableBytes { bytes in
              for place in 0..<length { row[place] = Double(bytes.float(place)) }
            }
          case .numbers(let numbers):
            for (place, number) in numbers.enumerated() { row[place] = number }
          case .image(let image):
            image.withUnsafeElements { for place in 0..<length { row[place] = Double($0[place]) } }
          }
        }
      })
  }
}
