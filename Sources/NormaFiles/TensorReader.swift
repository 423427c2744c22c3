import NormaTensor

/// Named tensors that stay in their file until they are asked for, whichever of the formats for them it has.
///
/// ```swift
/// let file = try TensorReader(contentsOf: "features.npz")
/// for tensor in file.tensors {
///   var sum = 0.0
///   try file.forEachValue(of: tensor.name) { sum += $0 }
/// }
/// ```
///
/// What a compressed file holds can be a thousand times its size; here a small piece of it is in memory at a time.
public struct TensorReader: Sendable {
  /// What a file says of one tensor.
  public struct Description: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// The type of its numbers.
    public let elementType: StoredNumber
    /// The lengths of its axes.
    public let shape: Shape
  }

  /// The tensors; the single one of an `.npy` file is called as the file is, without its ending.
  public let tensors: [Description]
  /// Text about them, which safetensors alone has.
  public let metadata: [String: String]
  /// The place of the dictionary that the tensors are in, such as `model`, which files of PyTorch's alone have; empty for a file's own.
  public var dictionary: String { if case .pyTorch(let file) = source { file.dictionary } else { "" } }
  /// What a dictionary of PyTorch's holds beside tensors and numbers.
  public var otherNames: [String] { if case .pyTorch(let file) = source { file.otherNames } else { [] } }

  private enum Source: Sendable {
    case safetensors(SafetensorsFile)
    case archive([String: NumPyMember], file: String)
    case array(MappedFile, NumPyHeader)
    case pyTorch(PyTorchFile)
  }

  private let source: Source

  /// Opens a file of whichever format its first bytes say, and reads what it says of its tensors.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - dictionary: which dictionary of a file of PyTorch's to take, such as `model`; nil for the only one with tensors.
  /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not a whole file of one of the formats, or ``PyTorchFile``
  ///   refuses it.
  public init(contentsOf path: String, dictionary: String? = nil) throws {
    let mapping = try MappedFile(path)
    let start = try mapping.withUnsafeBytes(in: 0..<min(16, mapping.count)) { Array($0) }
    let archive = ZipArchive.isZip(start) ? try ZipArchive(mapping) : nil
    if archive.map(PyTorchLayout.isPyTorch) ?? start.starts(with: PyTorchLayout.earlierMagic) {
      let file = try PyTorchFile(mapping, dictionary: dictionary)
      tensors = file.tensors
      metadata = [:]
      source = .pyTorch(file)
      return
    }
    guard dictionary == nil else {
      throw FormatError(
        file: path, problem: "it is no file of PyTorch's, and only those have dictionaries",
        remedy: "Leave out which one is meant.")
    }
    if let archive {
      let members = try archive.members.map { try NumPyMember($0, of: archive) }
      tensors = members.map {
        Description(name: $0.name, elementType: $0.header.type, shape: $0.header.shape)
      }
      metadata = [:]
      source = .archive(Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0) }), file: path)
    } else if start.starts(with: NumPyHeader.magic) {
      let header = try mapping.withUnsafeBytes(in: 0..<mapping.count) {
        try NumPyHeader(of: $0, fileSize: mapping.count, file: path)
      }
      let file = String(path.split(separator: "/").last ?? "")
      let name = TensorFile.Format(path: path) == .npy ? String(file.dropLast(4)) : file
      tensors = [Description(name: name, elementType: header.type, shape: header.shape)]
      metadata = [:]
      source = .array(mapping, header)
    } else {
      let file = try SafetensorsFile(mapping)
      tensors = file.tensors.map {
        Description(name: $0.name, elementType: StoredNumber(rawValue: $0.elementType) ?? .uint8, shape: $0.shape)
      }
      metadata = file.metadata
      source = .safetensors(file)
    }
  }

  /// Calls a body with every number of a tensor, in the order of the file; those of 64 bits that are whole are rounded.
  ///
  /// - Throws: ``FormatError`` if the file is damaged, ``FileError`` if it became shorter.
  public func forEachValue(of name: String, _ body: (Double) -> Void) throws {
    switch source {
    case .safetensors(let file): try file.numbers(of: name)?.forEachValue(body)
    case .archive(let members, _): try members[name]?.numbers().forEachValue(body)
    case .array(let mapping, let header):
      try NumberStream(
        type: header.type, isBigEndian: header.isBigEndian, source: .mapped(mapping, header.dataStart..<mapping.count)
      ).forEachValue(body)
    case .pyTorch(let file):
      if let numbers = file.numbers(of: name) {
        try numbers.forEachValue(body)
      } else {
        try file.entry(name)?.values(of: Double.self).elements.forEach(body)
      }
    }
  }

  /// One tensor; nil if the file has none of that name.
  ///
  /// - Throws: ``FormatError`` if the file is damaged, or the tensor takes more memory than there is; ``FileError`` if the file
  ///   became shorter.
  public func entry(_ name: String) throws -> Safetensors.Entry? {
    switch source {
    case .safetensors(let file): try file.entry(name)
    case .archive(let members, _): try members[name]?.entry()
    case .array(let mapping, _): name == tensors[0].name ? try NumPyArray(mapping).entry : nil
    case .pyTorch(let file): try file.entry(name)
    }
  }

  /// All the tensors.
  ///
  /// - Throws: ``FormatError`` if the file is damaged, or holds more than there is memory for; ``FileError`` if it became
  ///   shorter.
  func entries() throws -> [String: Safetensors.Entry] {
    switch source {
    case .safetensors(let file): try Safetensors(file).entries
    case .archive(let members, let file): try NumPyArchive(members.values, file: file).entries
    case .array(let mapping, _): [tensors[0].name: try NumPyArray(mapping).entry]
    case .pyTorch(let file): try file.entries()
    }
  }
}
