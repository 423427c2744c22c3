/// Named tensors in whichever of the formats for them a file is: safetensors, `.npz`, `.npy` with a single one, or, to be read,
/// PyTorch's (``PyTorchFile``).
public struct TensorFile: Equatable, Sendable {
  /// A format of named tensors that is written, by the ending of its files' names.
  public enum Format: String, Sendable, CaseIterable {
    case safetensors, npz, npy

    /// The format that a path's ending stands for; nil if it is another.
    public init?(path: String) {
      guard let format = Format.allCases.first(where: { path.lowercased().hasSuffix(".\($0.rawValue)") }) else {
        return nil
      }
      self = format
    }
  }

  /// The tensors by name; the single one of an `.npy` file is called as the file is, without its ending.
  public var entries: [String: Safetensors.Entry]
  /// Text about them, which safetensors alone can hold.
  public var metadata: [String: String]
  /// The place of the dictionary of a file of PyTorch's that the tensors were in, such as `model`; empty for a file's own.
  public private(set) var dictionary = ""
  /// What that dictionary held beside tensors and numbers, which is left out.
  public private(set) var leftOut: [String] = []

  /// Tensors and metadata.
  public init(entries: [String: Safetensors.Entry], metadata: [String: String] = [:]) {
    self.entries = entries
    self.metadata = metadata
  }

  /// Reads a file of whichever format its first bytes say; ``TensorReader`` reads one tensor at a time.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - dictionary: which dictionary of a file of PyTorch's to take, such as `model`; nil for the only one with tensors.
  /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not a whole file of one of the formats, or its
  ///   tensors take more memory than there is.
  public init(contentsOf path: String, dictionary: String? = nil) throws {
    let reader = try TensorReader(contentsOf: path, dictionary: dictionary)
    self.init(entries: try reader.entries(), metadata: reader.metadata)
    (self.dictionary, leftOut) = (reader.dictionary, reader.otherNames)
  }

  /// Writes the file whole or not at all, as ``FileAccess`` does. The metadata are lost but in safetensors.
  ///
  /// - Throws: ``FileError`` if it cannot be written, and where there is other than one tensor for an `.npy` file;
  ///   ``FormatError`` for a tensor whose name the format cannot hold.
  public func write(to path: String, as format: Format) throws {
    switch format {
    case .safetensors: try Safetensors(entries: entries, metadata: metadata).write(to: path)
    case .npz: try NumPyArchive(entries: entries).write(to: path)
    case .npy:
      guard let entry = entries.first?.value, entries.count == 1 else {
        throw FileError(
          path: path, operation: .write, reason: "A .npy file holds one array, and there are \(entries.count)")
      }
      try NumPyArray(entry).write(to: path)
    }
  }
}
