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
/// same array, byte for byte.
public struct NumPyArray: Equatable, Sendable {
  /// The numbers: `float32` and `float64` as they are, `float16` as `float32`, integers of up to 64 bits with sign or 32
  /// without, and `bool`, as integers.
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
    entry = try file.withUnsafeBytes(in: 0..<file.count) { try NumPyArray.entry(of: $0, file: file.path) }
  }

  /// Reads a file's bytes.
  ///
  /// - Parameters:
  ///   - bytes: the whole file, with nothing behind the array.
  ///   - file: what errors call it.
  /// - Throws: ``FormatError`` if they are not a whole `.npy` file; for Python objects, which would have to be unpickled;
  ///   for structured arrays, complex numbers, text, times, and unsigned integers of 64 bits.
  public init(bytes: [UInt8], file: String) throws(FormatError) {
    entry = try bytes.withUnsafeBufferPointer { bytes throws(FormatError) in
      try NumPyArray.entry(of: UnsafeRawBufferPointer(bytes), file: file)
    }
  }

  private static func entry(of bytes: UnsafeRawBufferPointer, file: String) throws(FormatError) -> Safetensors.Entry {
    let header = try NumPyHeader(of: bytes, file: file)
    let lengths = header.isColumnMajor ? header.lengths.reversed() : header.lengths
    let data = UnsafeRawBufferPointer(rebasing: bytes[header.dataStart...])
    let entry: Safetensors.Entry
    do {
      entry = try header.type.entry(from: data, shape: Shape(lengths), isBigEndian: header.isBigEndian)
    } catch {
      let (problem, remedy) =
        switch error {
        case .boolean: ("it holds truth values that are neither 0 nor 1", wholeArrayRemedy)
        case .tooLarge(let number):
          ("it holds \(number), more than the \(Int64.max) that can be held", "Store it as float64, which rounds it.")
        }
      throw FormatError(file: file, location: "byte \(header.dataStart)", problem: problem, remedy: remedy)
    }
    return header.isColumnMajor ? entry.withAxesReversed() : entry
  }

  /// The file's bytes: `<f4`, `<f8` or `<i8`, in row-major order, with a header of version 1.
  public func serialized() -> [UInt8] {
    let type =
      switch entry {
      case .float: "<f4"
      case .double: "<f8"
      case .integers: "<i8"
      }
    let shape = entry.shape
    let lengths = shape.map(String.init).joined(separator: ", ") + (shape.rank == 1 ? "," : "")
    var header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(lengths)), }".utf8)
    // NumPy leaves room for the first length to grow to 21 digits, and fills up to a multiple of 64 bytes.
    if let first = shape.first { header += spaces(21 - String(first).count) }
    header += spaces(64 - (NumPyHeader.magic.count + 4 + header.count + 1) % 64) + [UInt8(ascii: "\n")]
    return NumPyHeader.magic + [1, 0, UInt8(header.count & 0xFF), UInt8(header.count >> 8)] + header + entry.bytes
  }

  private func spaces(_ count: Int) -> [UInt8] { [UInt8](repeating: UInt8(ascii: " "), count: count) }

  /// Writes the file whole or not at all, as ``FileAccess`` does.
  public func write(to path: String) throws(FileError) { try FileAccess.write(serialized(), to: path) }
}

extension Safetensors.Entry {
  /// The same numbers with the order of the axes turned round.
  func withAxesReversed() -> Safetensors.Entry {
    let axes = Array((0..<shape.rank).reversed())
    switch self {
    case .float(let tensor): return .float(tensor.transposed(axes))
    case .double(let tensor): return .double(tensor.transposed(axes))
    case .integers(let numbers, let shape):
      let reversed = Shape(shape.reversed())
      guard !numbers.isEmpty, shape.rank > 1 else { return .integers(numbers, shape: reversed) }
      // How far it is in the numbers as they stand from one index of each new axis to the next.
      var steps: [Int] = []
      var step = 1
      for length in reversed {
        steps.append(step)
        step *= length
      }
      var index = [Int](repeating: 0, count: reversed.rank)
      var result: [Int64] = []
      result.reserveCapacity(numbers.count)
      var position = 0
      while true {
        result.append(numbers[position])
        var axis = reversed.rank - 1
        while axis >= 0 {
          index[axis] += 1
          position += steps[axis]
          if index[axis] < reversed[axis] { break }
          position -= steps[axis] * reversed[axis]
          index[axis] = 0
          axis -= 1
        }
        if axis < 0 { return .integers(result, shape: reversed) }
      }
    }
  }
}

let wholeArrayRemedy = "Use a whole file, as numpy.save wrote it."
