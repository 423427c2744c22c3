import NormaTensor

/// What a `.npy` file says of its array before the numbers: a dictionary, written as Python writes it.
struct NumPyHeader {
  /// What every such file begins with.
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  let type: StoredNumber
  let isBigEndian: Bool
  /// Whether the first axis, rather than the last, is that whose numbers stand side by side.
  let isColumnMajor: Bool
  let lengths: [Int]
  /// Where the numbers begin; they go to the end of the file.
  let dataStart: Int

  /// The longest header that is read, in bytes. NumPy itself reads no more than 10,000 unless it is told to.
  private static let maximumLength = 1 << 20
  /// So many bytes say where the numbers begin.
  static let startLength = 12

  /// Where the numbers begin, as the file's first bytes say.
  ///
  /// - Parameters:
  ///   - bytes: as many as ``startLength``, or the whole file where it is shorter.
  ///   - fileSize: how many bytes the whole file has.
  ///   - file: what errors call it.
  static func dataStart(
    of bytes: UnsafeRawBufferPointer, fileSize: Int, file: String
  ) throws(FormatError) -> Int {
    func cutOff() -> FormatError {
      invalid("the file ends within the header; it is cut off", at: fileSize, file: file)
    }
    guard bytes.starts(with: magic) else { throw invalid("it does not begin as a .npy file does", at: 0, file: file) }
    guard bytes.count >= 10 else { throw cutOff() }
    let (version, start) = (bytes[6], bytes[6] == 1 ? 10 : 12)
    guard (1...3).contains(version), bytes[7] == 0 else {
      throw invalid(
        "it is of version \(version).\(bytes[7])", at: 6, file: file,
        remedy: "Versions 1.0, 2.0 and 3.0 of the format are read.")
    }
    guard bytes.count >= start else { throw cutOff() }
    let length =
      version == 1
      ? Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
      : Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    guard length <= fileSize - start else { throw cutOff() }
    guard length <= maximumLength else {
      throw invalid("it says its header has \(length) bytes, more than any array needs", at: 8, file: file)
    }
    return start + length
  }

  private static func invalid(
    _ problem: String, at byte: Int, file: String, remedy: String = wholeArrayRemedy
  ) -> FormatError { FormatError(file: file, location: "byte \(byte)", problem: problem, remedy: remedy) }

  /// Reads the header, and checks that the file is as long as it says.
  ///
  /// - Parameters:
  ///   - bytes: the file's bytes, up to where the numbers begin at least.
  ///   - fileSize: how many bytes the whole file has.
  ///   - file: what errors call it.
  init(of bytes: UnsafeRawBufferPointer, fileSize: Int, file: String) throws(FormatError) {
    func invalid(_ problem: String, at byte: Int, remedy: String = wholeArrayRemedy) -> FormatError {
      Self.invalid(problem, at: byte, file: file, remedy: remedy)
    }
    dataStart = try Self.dataStart(of: bytes, fileSize: fileSize, file: file)
    let start = bytes[6] == 1 ? 10 : 12
    var parser = PythonDictionaryParser(
      bytes: UnsafeRawBufferPointer(rebasing: bytes[..<dataStart]), position: start, file: file)
    let members = try parser.parse()
    guard case .text(let descriptor)? = members["descr"], case .truth(let isColumnMajor)? = members["fortran_order"],
      case .numbers(let lengths)? = members["shape"], members.count == 3
    else { throw invalid("the header says other than descr, fortran_order and shape", at: start) }
    (type, isBigEndian) = try Self.type(descriptor, file: file)
    (self.isColumnMajor, self.lengths) = (isColumnMajor, lengths)
    guard lengths.count <= Shape.maximumRank else {
      throw invalid(
        "it has \(lengths.count) axes, more than the \(Shape.maximumRank) that are supported", at: start,
        remedy: "Store it with fewer axes.")
    }
    guard let byteCount = type.byteCount(lengths) else { throw invalid("its shape is too large", at: start) }
    let found = fileSize - dataStart
    guard found >= byteCount else {
      throw invalid(
        "shape \(Shape(lengths)) of '\(descriptor)' takes \(byteCount) bytes, and \(found) follow; it is cut off",
        at: fileSize)
    }
    guard found == byteCount else {
      throw invalid(
        "\(found - byteCount) bytes follow the array", at: dataStart + byteCount,
        remedy: "Store several arrays with numpy.savez, one with numpy.save.")
    }
  }

  /// The shape of the array.
  var shape: Shape { Shape(lengths) }

  /// The array, whose numbers `fill` puts into memory as they stand in the file.
  ///
  /// - Throws: what `fill` throws, ``FormatError`` for truth values that are none.
  func entry(file: String, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws -> Safetensors.Entry {
    let stored = Shape(isColumnMajor ? lengths.reversed() : lengths)
    let entry = try type.entry(shape: stored, isBigEndian: isBigEndian, fill: fill)
    guard !entry.hasOddTruthValues else {
      throw Self.invalid("it holds truth values that are neither 0 nor 1", at: dataStart, file: file)
    }
    return isColumnMajor ? entry.withAxesReversed() : entry
  }

  /// The types by NumPy's names for them, which leave out the byte order.
  private static let types: [String: StoredNumber] = [
    "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
    "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .boolean,
  ]

  /// The descriptor of a type, little-endian. NumPy has every type but `bfloat16`.
  static func descriptor(of type: StoredNumber) -> String {
    let name = types.first { $0.value == type }?.key ?? ""
    return (type.width == 1 ? "|" : "<") + name
  }

  /// The number type of a descriptor such as `<f4`: the byte order, the kind, and the bytes of a number.
  private static func type(
    _ descriptor: String, file: String
  ) throws(FormatError) -> (type: StoredNumber, isBigEndian: Bool) {
    if let order = descriptor.first, "<>|".contains(order), let type = types[String(descriptor.dropFirst())],
      order != "|" || type.width == 1
    {
      return (type, order == ">")
    }
    let kinds: [Character: String] = [
      "O": "Python objects, which would have to be unpickled, and a pickle can run any program",
      "c": "complex numbers", "U": "text", "S": "text", "M": "dates", "m": "spans of time", "V": "raw bytes",
    ]
    let kind = descriptor.dropFirst().first.flatMap { kinds[$0] } ?? "numbers of a type that is not supported"
    throw FormatError(
      file: file, location: "header", problem: "its type '\(descriptor)' stands for \(kind)",
      remedy: "Store it as float64, float32, float16, int64, int32, int16, int8, uint64, uint32, uint16, uint8 or bool."
    )
  }
}

/// Reads the literals of Python that stand in a `.npy` header.
struct PythonDictionaryParser {
  enum Value: Equatable {
    case text(String)
    case truth(Bool)
    /// A tuple of whole numbers, none of them negative.
    case numbers([Int])
  }

  let bytes: UnsafeRawBufferPointer
  var position: Int
  let file: String

  /// A dictionary of such values, to the end of the bytes.
  mutating func parse() throws(FormatError) -> [String: Value] {
    var members: [String: Value] = [:]
    try expect("{")
    while !skips("}") {
      let name = try text()
      try expect(":")
      guard members.updateValue(try value(), forKey: name) == nil else { throw error("'\(name)' occurs twice") }
      if !skips(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == bytes.count else { throw error("the header goes on behind its dictionary") }
    return members
  }

  private mutating func value() throws(FormatError) -> Value {
    skipSpace()
    switch position < bytes.count ? bytes[position] : 0 {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "("): return .numbers(try numbers())
    case UInt8(ascii: "["):
      throw FormatError(
        file: file, location: "byte \(position)", problem: "it is a structured array, of several values an element",
        remedy: "Store each field as an array of its own.")
    default:
      for (word, truth) in [("True", true), ("False", false)]
      where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return .truth(truth)
      }
      throw error("there is no text, truth value or tuple of whole numbers")
    }
  }

  private mutating func text() throws(FormatError) -> String {
    skipSpace()
    guard position < bytes.count, [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(bytes[position]),
      let end = bytes[(position + 1)...].firstIndex(of: bytes[position]),
      !bytes[position..<end].contains(UInt8(ascii: "\\"))
    else { throw error("there is no text in quotes") }
    defer { position = end + 1 }
    return String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
  }

  private mutating func numbers() throws(FormatError) -> [Int] {
    var numbers: [Int] = []
    try expect("(")
    while !skips(")") {
      skipSpace()
      let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
        throw error("there is no length of an axis, a whole number that is not negative or too large")
      }
      position += digits.count
      // What Python 2 wrote behind long integers.
      _ = skips("L")
      numbers.append(number)
      if !skips(",") {
        try expect(")")
        // Python reads (3) as a number.
        guard numbers.count > 1 else { throw error("there is no tuple of whole numbers") }
        break
      }
    }
    return numbers
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func skips(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(FormatError) {
    guard skips(character) else { throw error("there is no '\(character)'") }
  }

  private func error(_ problem: String) -> FormatError {
    FormatError(
      file: file, location: "byte \(position)", problem: "in the header's dictionary \(problem)",
      remedy: wholeArrayRemedy
    )
  }
}
