import NormaTensor

/// Where in a file of PyTorch's the numbers stand.
struct PyTorchLayout: Sendable {
  /// Numbers one after the other.
  struct Region: Sendable {
    /// Where in the file.
    var range: Range<Int>
    /// The checksum of all its bytes; nil in the form that has none.
    var checksum: UInt32?
  }

  /// The storages by what the pickle calls them.
  var regions: [String: Region] = [:]
  /// Whether the bytes of each number stand the other way round.
  var isBigEndian = false

  /// What both forms begin with is told apart by the first bytes.
  static func read(_ mapping: MappedFile) throws -> (pickle: Pickle, layout: PyTorchLayout) {
    let start = try mapping.withUnsafeBytes(in: 0..<min(16, mapping.count)) { Array($0) }
    if ZipArchive.isZip(start) { return try read(try ZipArchive(mapping)) }
    guard start.starts(with: earlierMagic) else {
      throw FormatError(
        file: mapping.path, problem: "it does not begin as a file of PyTorch's", remedy: wholePyTorchRemedy)
    }
    return try mapping.withUnsafeBytes(in: 0..<mapping.count) { bytes in
      try readEarlierForm(bytes, file: mapping.path)
    }
  }

  /// Whether an archive is one of PyTorch's.
  static func isPyTorch(_ archive: ZipArchive) -> Bool { archive.members.contains { $0.name.hasSuffix("/data.pkl") } }

  static func read(_ archive: ZipArchive) throws -> (pickle: Pickle, layout: PyTorchLayout) {
    let file = archive.mapping.path
    guard let main = archive.members.first(where: { $0.name.hasSuffix("/data.pkl") }) else {
      throw FormatError(file: file, problem: "it has no data.pkl", remedy: wholePyTorchRemedy)
    }
    let folder = main.name.dropLast("data.pkl".count)
    if archive.members.contains(where: { $0.name == folder + "constants.pkl" }) {
      throw FormatError(
        file: file, problem: "it is a TorchScript program",
        remedy: "Save its state dictionary with torch.save(torch.jit.load(…).state_dict(), …).")
    }
    var layout = PyTorchLayout()
    var pickle: Pickle?
    for member in archive.members where member.name.hasPrefix(folder) {
      let name = member.name.dropFirst(folder.count)
      guard name == "data.pkl" || name == "byteorder" || name.hasPrefix("data/") else { continue }
      guard !member.isDeflated else {
        throw FormatError(
          file: file, location: "member '\(member.name)'", problem: "it is compressed, as torch.save never writes it",
          remedy: wholePyTorchRemedy)
      }
      let range = member.dataOffset..<member.dataOffset + member.size
      switch name {
      case "data.pkl":
        try archive.mapping.verify(range, checksum: member.checksum, name: member.name)
        pickle = try archive.mapping.withUnsafeBytes(in: range) { bytes in
          var machine = PickleMachine(bytes, file: file)
          return try machine.run()
        }
      case "byteorder":
        layout.isBigEndian = try archive.mapping.withUnsafeBytes(in: range) { $0.elementsEqual("big".utf8) }
      default: layout.regions[String(name.dropFirst("data/".count))] = Region(range: range, checksum: member.checksum)
      }
    }
    return (pickle ?? Pickle(), layout)
  }

  /// The pickle of the number that PyTorch's files began with before version 1.6.
  static let earlierMagic: [UInt8] = [
    0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  /// The form before version 1.6: pickles of a magic number, a version, what the system was like, the contents, and the keys of
  /// storages; then each storage with its length.
  private static func readEarlierForm(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(FormatError) -> (pickle: Pickle, layout: PyTorchLayout) {
    func damage(_ problem: String, at place: Int) -> FormatError {
      FormatError(file: file, location: "byte \(place)", problem: problem, remedy: wholePyTorchRemedy)
    }
    var position = earlierMagic.count
    func next() throws(FormatError) -> Pickle {
      var machine = PickleMachine(bytes, at: position, file: file)
      let pickle = try machine.run()
      position = machine.position
      return pickle
    }
    guard case .integer(1001) = try next().root else { throw damage("its version is not 1001", at: position) }
    var layout = PyTorchLayout()
    let system = try next()
    if case .dictionary(let place) = system.root {
      for case (.text("little_endian"), .boolean(false)) in system.dictionaries[place] { layout.isBigEndian = true }
    }
    let pickle = try next()
    let keys = try next()
    guard case .sequence(let list) = keys.root else { throw damage("it lists no storages", at: position) }
    let storages = Dictionary(pickle.storages.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    for key in keys.sequences[list] {
      guard case .text(let name) = key, let storage = storages[name] else {
        throw damage("it lists a storage that no tensor has", at: position)
      }
      guard position <= bytes.count - 8 else { throw damage("it is cut off", at: bytes.count) }
      let stored = bytes.loadUnaligned(fromByteOffset: position, as: Int64.self)
      let count = Int(layout.isBigEndian ? Int64(bigEndian: stored) : Int64(littleEndian: stored))
      position += 8
      let (length, overflow) = count.multipliedReportingOverflow(by: storage.type?.width ?? 1)
      guard count >= 0, !overflow, length <= bytes.count - position else {
        throw damage("it ends within the storage '\(name)'; it is cut off", at: bytes.count)
      }
      guard layout.regions.updateValue(Region(range: position..<position + length), forKey: name) == nil else {
        throw damage("it has two storages '\(name)'", at: position)
      }
      position += length
    }
    guard position == bytes.count else {
      throw damage("\(bytes.count - position) bytes follow the last storage", at: position)
    }
    return (pickle, layout)
  }
}

// MARK: - Tensors

extension PyTorchLayout {
  /// Makes sure that a tensor's numbers are all there, and that none stands for two.
  func check(_ tensor: Pickle.Tensor, name: String, file: String) throws(FormatError) {
    func error(_ problem: String, _ remedy: String = wholePyTorchRemedy) -> FormatError {
      FormatError(file: file, location: "tensor '\(name)'", problem: problem, remedy: remedy)
    }
    let key = tensor.storage.key
    guard let region = regions[key] else { throw error("its storage '\(key)' is not in the file") }
    guard tensor.lengths.count <= Shape.maximumRank else {
      throw error(
        "it has \(tensor.lengths.count) axes, more than the \(Shape.maximumRank) that are supported",
        "Store it with fewer axes.")
    }
    let width = tensor.type.width
    let storageWidth = tensor.storage.type?.width ?? 1
    let (promised, overflow) = tensor.storage.count.multipliedReportingOverflow(by: storageWidth)
    guard !overflow, promised <= region.range.count else {
      throw error("its storage '\(key)' has \(region.range.count) bytes, fewer than \(tensor.storage.count) numbers")
    }
    guard let byteCount = tensor.type.byteCount(tensor.lengths) else {
      throw error("it has too many elements to count")
    }
    guard byteCount > 0 else { return }
    // The last element's place, in numbers; what overflows is too far.
    var last = tensor.offset
    for (length, step) in zip(tensor.lengths, tensor.strides) {
      let (distance, isFar) = (length - 1).multipliedReportingOverflow(by: step)
      let (sum, isFarther) = last.addingReportingOverflow(distance)
      guard !isFar, !isFarther else { throw error("it reaches beyond its storage '\(key)'") }
      last = sum
    }
    guard last < promised / width else { throw error("it reaches beyond its storage '\(key)'") }
    guard byteCount / width <= last - tensor.offset + 1 else {
      throw error(
        "some of its elements are the same numbers, as of an expanded tensor", "Save it with .contiguous() or .clone()."
      )
    }
  }

  /// Where the numbers of a tensor stand that has them one after the other.
  func range(of tensor: Pickle.Tensor) -> Range<Int> {
    let count = tensor.lengths.reduce(1, *)
    guard count > 0, let region = regions[tensor.storage.key] else { return 0..<0 }
    let start = region.range.lowerBound + tensor.offset * tensor.type.width
    return start..<start + count * tensor.type.width
  }

  /// A tensor that was checked, in row-major order. The checksum of numbers is verified where they are a whole storage.
  func entry(_ tensor: Pickle.Tensor, name: String, in mapping: MappedFile) throws -> Safetensors.Entry {
    let shape = Shape(tensor.lengths)
    try MemoryBudget.check(
      shape.elementCount * tensor.type.width, for: mapping.path, location: "tensor '\(name)'")
    let entry = try tensor.type.entry(shape: shape, isBigEndian: isBigEndian) { destination in
      guard !destination.isEmpty, let region = regions[tensor.storage.key] else { return }
      if tensor.isContiguous {
        let range = range(of: tensor)
        if let checksum = region.checksum, range == region.range {
          try mapping.verify(range, checksum: checksum, name: tensor.storage.key)
        }
        try mapping.withUnsafeBytes(in: range) { destination.copyMemory(from: $0) }
      } else {
        try mapping.withUnsafeBytes(in: region.range) { tensor.gather(from: $0, into: destination) }
      }
    }
    guard !entry.hasOddTruthValues else {
      throw FormatError(
        file: mapping.path, location: "tensor '\(name)'",
        problem: "it is \(tensor.type.name), and has bytes that are neither 0 nor 1", remedy: wholePyTorchRemedy)
    }
    return entry
  }
}

extension Pickle.Tensor {
  /// Whether its numbers stand one after the other in row-major order.
  var isContiguous: Bool {
    var expected = 1
    for (length, stride) in zip(lengths, strides).reversed() where length != 1 {
      guard stride == expected else { return lengths.contains(0) }
      expected *= length
    }
    return true
  }

  /// Copies the numbers from the bytes of the storage, in row-major order.
  fileprivate func gather(from storage: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer) {
    func copy<Word: FixedWidthInteger>(_ type: Word.Type) {
      let width = MemoryLayout<Word>.size
      var index = [Int](repeating: 0, count: lengths.count)
      var source = offset
      for place in stride(from: 0, to: destination.count, by: width) {
        destination.storeBytes(
          of: storage.loadUnaligned(fromByteOffset: source * width, as: Word.self), toByteOffset: place, as: Word.self)
        // The next element: the last axis that has one moves on, those behind it go back to their first.
        var axis = lengths.count - 1
        while axis >= 0 {
          index[axis] += 1
          source += strides[axis]
          guard index[axis] == lengths[axis] else { break }
          source -= lengths[axis] * strides[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
    switch type.width {
    case 8: copy(UInt64.self)
    case 4: copy(UInt32.self)
    case 2: copy(UInt16.self)
    default: copy(UInt8.self)
    }
  }
}

extension MappedFile {
  /// Makes sure that bytes are what an archive's directory says.
  ///
  /// - Throws: ``FormatError`` where they are others.
  fileprivate func verify(_ range: Range<Int>, checksum: UInt32, name: String) throws {
    var found = Checksum()
    try withUnsafeBytes(in: range) { found.add($0) }
    guard found.value == checksum else {
      throw FormatError(
        file: path, location: "member '\(name)'", problem: "it is damaged: its checksum is wrong",
        remedy: wholePyTorchRemedy)
    }
  }
}
