import NormaTensor

/// A safetensors file that stays on the disk: its header is read and checked, its tensors are read when they are asked for.
///
/// ```swift
/// let file = try SafetensorsFile(contentsOf: "model.safetensors")
/// for tensor in file.tensors { print(tensor.name, tensor.elementType, tensor.shape) }
/// let weight: Tensor<Float>? = try file.entry("conv1.weight")?.tensor()
/// ```
///
/// The file is mapped into memory, so that what is never asked for is never read.
public struct SafetensorsFile: Sendable {
  /// What the header says of one tensor.
  public struct Description: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// The type of its numbers in the file, such as `F32` or `BF16`.
    public let elementType: String
    /// The lengths of its axes.
    public let shape: Shape
    /// How many bytes of the file it takes.
    public let byteCount: Int
  }

  /// The tensors, in the order in which their numbers stand in the file.
  public let tensors: [Description]
  /// Text about them.
  public let metadata: [String: String]
  private let mapping: MappedFile
  /// The file, as it was given.
  var path: String { mapping.path }
  private let informations: [String: (information: TensorInformation, range: Range<Int>)]

  /// Opens a file and reads its header, which must account for every byte, see ``Safetensors/init(bytes:file:)``.
  ///
  /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not a whole and valid safetensors file.
  public init(contentsOf path: String) throws {
    try self.init(try MappedFile(path))
  }

  init(_ mapping: MappedFile) throws {
    let header = try mapping.withUnsafeBytes(in: 0..<mapping.count) { bytes in
      try SafetensorsHeader(of: bytes, file: mapping.path)
    }
    self.mapping = mapping
    metadata = header.metadata
    tensors = header.tensors.map {
      Description(name: $0.name, elementType: $0.type.name, shape: $0.shape, byteCount: $0.end - $0.start)
    }
    informations = Dictionary(
      uniqueKeysWithValues: header.tensors.map { ($0.name, (information: $0, range: header.dataRange(of: $0))) })
  }

  /// Reads one tensor; nil if the file has none of that name.
  ///
  /// - Throws: ``FileError`` if the file has become shorter since it was opened, ``FormatError`` if a `BOOL` is neither 0
  ///   nor 1, or there is not enough memory.
  public func entry(_ name: String) throws -> Safetensors.Entry? {
    guard let (information, range) = informations[name] else { return nil }
    try MemoryBudget.check(range.count, for: path, location: "tensor '\(name)'")
    return try mapping.withUnsafeBytes(in: range) { try information.entry(from: $0, file: path) }
  }

  /// What is needed to read a tensor piece by piece.
  func numbers(of name: String) -> NumberStream? {
    informations[name].map { NumberStream(type: $0.information.type, source: .mapped(mapping, $0.range)) }
  }
}
