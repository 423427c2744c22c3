import NormaFiles
import NormaTensor

/// An array in the IDX format of the MNIST files: two zeros, a type, the number of axes, their lengths as 32-bit
/// big-endian numbers, and the elements in row-major order. Only unsigned bytes (type `0x08`) are read.
public struct IDXArray: Sendable {
  /// The lengths of the axes.
  public let shape: Shape
  /// The elements in row-major order.
  public let elements: [UInt8]

  /// Reads a file, plain or gzip.
  ///
  /// - Throws: `FileError` if it cannot be read, `FormatError` if it is no whole IDX file of unsigned bytes, or there is not
  ///   enough memory for what it says it holds.
  public init(contentsOf path: String) throws { try self.init(ByteStream(path)) }

  /// Reads a file's bytes, plain or gzip; `file` is what errors call it.
  public init(bytes: [UInt8], file: String) throws { try self.init(ByteStream(bytes, file: file)) }

  private init(_ stream: ByteStream) throws {
    func invalid(_ problem: String, at byte: Int, remedy: String = "Download it again.") -> FormatError {
      FormatError(file: stream.path, location: "byte \(byte)", problem: problem, remedy: remedy)
    }
    func next(_ count: Int) throws -> [UInt8] {
      let bytes = try stream.next(count)
      guard bytes.count == count else { throw invalid("the file ends within its header", at: stream.position) }
      return bytes
    }
    let start = try next(4)
    guard start[0] == 0, start[1] == 0, let typeName = IDXArray.typeNames[start[2]], start[3] > 0 else {
      throw invalid(
        "it does not begin like an IDX file", at: 0, remedy: "Give the file as it was downloaded, with its own name.")
    }
    guard start[2] == 0x08 else {
      throw invalid("its elements are \(typeName)", at: 2, remedy: "Only IDX files of unsigned bytes can be read.")
    }
    let rank = Int(start[3])
    guard rank <= Shape.maximumRank else {
      throw invalid(
        "it has \(rank) axes, more than the \(Shape.maximumRank) that are supported", at: 3,
        remedy: "Images have 3 axes, labels 1.")
    }
    let bytes = try next(4 * rank)
    var lengths: [Int] = []
    var product = 1
    for axis in 0..<rank {
      let length = bytes[(4 * axis)..<(4 * axis + 4)].reduce(0) { $0 << 8 | Int($1) }
      lengths.append(length)
      // Zeros are left out, because parts of the shape are multiplied too.
      let (next, overflow) = product.multipliedReportingOverflow(by: max(1, length))
      guard !overflow else { throw invalid("its axes are too long: \(lengths)", at: 4) }
      product = next
    }
    shape = Shape(lengths)
    let expected = shape.elementCount
    try MemoryBudget.check(expected, for: stream.path)
    elements = try stream.next(expected)
    guard elements.count == expected else {
      throw invalid(
        "the file is cut off: shape \(shape) takes \(expected) bytes, there are \(elements.count)",
        at: stream.position)
    }
    // To the end, where the checksum of what is compressed stands; but whatever inflates to more is stopped.
    let more = try stream.skip(1 << 16)
    guard more == 0 else {
      throw invalid(
        "\(more)\(more < 1 << 16 ? "" : " or more") bytes follow the last of the \(expected) elements",
        at: 4 + 4 * rank + expected)
    }
  }

  private static let typeNames: [UInt8: String] = [
    0x08: "unsigned bytes", 0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers",
    0x0D: "32-bit floating-point numbers", 0x0E: "64-bit floating-point numbers",
  ]
}
