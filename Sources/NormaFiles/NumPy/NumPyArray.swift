import NormaTensor

/// An array in NumPy's own format, `.npy`
/// (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).
///
/// ```swift
/// try NumPyArray(.float(weight)).write(to: "weight.npy")
/// let weight: Tensor<Float>? = try NumPyArray(contentsOf: "weight.npy").entry.tensor()
/// ```
///
/// All versions of the format, byte orders and orders of axes are read; what is written is what `numpy.save` writes of the
/// same array, byte for byte. The numbers keep their type; NumPy has none for `BF16`, which is written as `float32`.
public struct NumPyArray: Equatable, Sendable {
  /// The numbers.
  public var entry: Safetensors.Entry

  /// An array of the given numbers.
  public init(_ entry: Safetensors.Entry) { self.entry = entry }

  /// Reads a file.
  ///
  /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not a whole `.npy` file of numbers.
  public init(contentsOf path: String) throws {
    try self.init(try MappedFile(path))
  }

  init(_ file: MappedFile) throws {
    let header = try file.withUnsafeBytes(in: 0..<file.count) {
      try NumPyHeader(of: $0, fileSize: file.count, file: file.path)
    }
    try MemoryBudget.check(file.count - header.dataStart, for: file.path)
    entry = try header.entry(file: file.path) { result in
      try file.withUnsafeBytes(in: header.dataStart..<file.count) { result.copyMemory(from: $0) }
    }
  }

  /// Reads a file's bytes.
  ///
  /// - Parameters:
  ///   - bytes: the whole file, with nothing behind the array.
  ///   - file: what errors call it.
  /// - Throws: ``FormatError`` if they are not a whole `.npy` file; for Python objects, which would have to be unpickled;
  ///   for structured arrays, complex numbers, text and times.
  public init(bytes: [UInt8], file: String) throws {
    try self.init(MappedFile(bytes: bytes, path: file))
  }

  /// The file's bytes: the numbers little-endian and in row-major order, with a header of version 1.
  public func serialized() -> [UInt8] {
    let entry = stored
    return header(of: entry) + entry.withStoredBytes { Array($0) }
  }

  /// The numbers as a type that NumPy has.
  var stored: Safetensors.Entry {
    entry.elementType == .bfloat16 ? .float(entry.tensor() ?? .zeros(entry.shape)) : entry
  }

  /// What stands before the numbers.
  func header(of entry: Safetensors.Entry) -> [UInt8] {
    let type = NumPyHeader.descriptor(of: entry.elementType)
    let shape = entry.shape
    let lengths = shape.map(String.init).joined(separator: ", ") + (shape.rank == 1 ? "," : "")
    var header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(lengths)), }".utf8)
    // NumPy leaves room for the first length to grow to 21 digits, and fills up to a multiple of 64 bytes.
    if let first = shape.first { header += spaces(21 - String(first).count) }
    header += spaces(64 - (NumPyHeader.magic.count + 4 + header.count + 1) % 64) + [UInt8(ascii: "\n")]
    return NumPyHeader.magic + [1, 0, UInt8(header.count & 0xFF), UInt8(header.count >> 8)] + header
  }

  private func spaces(_ count: Int) -> [UInt8] { [UInt8](repeating: UInt8(ascii: " "), count: count) }

  /// Writes the file whole or not at all, as ``FileAccess`` does.
  public func write(to path: String) throws(FileError) {
    let entry = stored
    let header = header(of: entry)
    try FileAccess.write(
      FileContents { writer throws(FileError) in
        try writer.append(header)
        try entry.withStoredBytes { bytes throws(FileError) in try writer.append(bytes) }
      }, to: path)
  }
}

extension Safetensors.Entry {
  /// The same numbers with the order of the axes turned round.
  func withAxesReversed() -> Safetensors.Entry {
    let axes = Array((0..<shape.rank).reversed())
    let reversed = Shape(shape.reversed())
    switch self {
    case .float(let tensor): return .float(tensor.transposed(axes))
    case .double(let tensor): return .double(tensor.transposed(axes))
    case .integers(let numbers, let shape):
      var result: [Int64] = []
      result.reserveCapacity(numbers.count)
      shape.forEachPlaceWithAxesReversed { result.append(numbers[$0]) }
      return .integers(result, shape: reversed)
    case .other(let tensor):
      let width = tensor.elementType.width
      var result: [UInt8] = []
      result.reserveCapacity(tensor.bytes.count)
      tensor.shape.forEachPlaceWithAxesReversed { place in
        for byte in place * width..<(place + 1) * width { result.append(tensor.bytes[byte]) }
      }
      return .other(StoredTensor(tensor.elementType, shape: reversed, bytes: result))
    }
  }
}

extension Shape {
  /// Calls a body with the places in row-major order of all elements, in the order in which they stand once the axes are
  /// turned round.
  fileprivate func forEachPlaceWithAxesReversed(_ body: (Int) -> Void) {
    guard elementCount > 0 else { return }
    let reversed = Shape(self.reversed())
    // How far it is among the elements as they stand from one index of each new axis to the next.
    var steps: [Int] = []
    var step = 1
    for length in reversed {
      steps.append(step)
      step *= length
    }
    var index = [Int](repeating: 0, count: reversed.rank)
    var place = 0
    while true {
      body(place)
      var axis = reversed.rank - 1
      while axis >= 0 {
        index[axis] += 1
        place += steps[axis]
        if index[axis] < reversed[axis] { break }
        place -= steps[axis] * reversed[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

let wholeArrayRemedy = "Use a whole file, as numpy.save wrote it."
