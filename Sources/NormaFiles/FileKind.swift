/// What a file is, by its content: enough of it to say so to whoever gave a file of another kind than was asked for.
public enum FileKind: Hashable, Sendable, CaseIterable {
  case directory, empty
  /// Tensors and models.
  case safetensors, npy, npz, onnx, pyTorch, pickle, hdf5, keras
  /// Images.
  case png, jpeg, gif, webP, bmp, tiff
  /// Packed files.
  case gzip, zip, tar, bzip2, xz, zstandard, sevenZip
  /// Tables and documents.
  case parquet, arrow, sqlite, spreadsheet, pdf, html, xml, json
  /// Text, of which comma-separated values are one kind, in UTF-8 or another encoding with a byte for each sign.
  case text
  case utf16
  /// Bytes that are none of these.
  case binary

  /// What the file is called in a sentence that begins with "it is".
  public var words: String {
    switch self {
    case .directory: "a directory"
    case .empty: "an empty file"
    case .safetensors: "a safetensors file"
    case .npy: "a NumPy array (.npy)"
    case .npz: "a NumPy archive (.npz)"
    case .onnx: "an ONNX model"
    case .pyTorch: "a PyTorch file"
    case .pickle: "a Python pickle"
    case .hdf5: "an HDF5 file"
    case .keras: "a Keras model (.keras)"
    case .png: "a PNG image"
    case .jpeg: "a JPEG image"
    case .gif: "a GIF image"
    case .webP: "a WebP image"
    case .bmp: "a BMP image"
    case .tiff: "a TIFF image"
    case .gzip: "a gzip archive"
    case .zip: "a zip archive"
    case .tar: "a tar archive"
    case .bzip2: "a bzip2 archive"
    case .xz: "an xz archive"
    case .zstandard: "a Zstandard archive"
    case .sevenZip: "a 7z archive"
    case .parquet: "a Parquet file"
    case .arrow: "an Arrow file"
    case .sqlite: "an SQLite database"
    case .spreadsheet: "an Excel workbook"
    case .pdf: "a PDF document"
    case .html: "an HTML page"
    case .xml: "an XML document"
    case .json: "JSON"
    case .text: "text"
    case .utf16: "UTF-16 text"
    case .binary: "a binary file of no kind that is known here"
    }
  }

  /// How many bytes of the beginning decide.
  public static let prefixLength = 4096

  /// The kind of what is at a path, links followed.
  ///
  /// - Throws: ``FileError`` if it cannot be read.
  public init(ofFile path: String) throws(FileError) {
    if FileAccess.kind(of: path) == .directory {
      self = .directory
    } else if try FileAccess.isRegularFile(path) {
      self.init(beginning: try FileAccess.read(path, atMost: FileKind.prefixLength))
    } else {
      // What is read from a pipe would be gone.
      self = .binary
    }
  }

  /// The kind of a file that begins with the given bytes, ``prefixLength`` of them or all.
  public init(beginning bytes: some Collection<UInt8>) {
    let start = Array(bytes.prefix(FileKind.prefixLength))
    guard !start.isEmpty else {
      self = .empty
      return
    }
    if start.count > 8, start[8] == UInt8(ascii: "{"), start[5...7].allSatisfy({ $0 == 0 }) {
      // The length of the header, up to a terabyte, and its beginning. First of all, since the bytes of a length may be those
      // of any short signature.
      self = .safetensors
    } else if let kind = FileKind.signatures.first(where: { start.dropFirst($0.offset).starts(with: $0.bytes) })?.kind {
      self = kind == .zip ? FileKind.kind(ofZip: start) : kind
    } else if FileKind.isONNX(start) {
      self = .onnx
    } else {
      self = FileKind.kind(ofText: start)
    }
  }

  private static let signatures: [(kind: FileKind, offset: Int, bytes: [UInt8])] = [
    (.png, 0, [0x89, 0x50, 0x4E, 0x47]), (.jpeg, 0, [0xFF, 0xD8, 0xFF]), (.gif, 0, Array("GIF8".utf8)),
    (.webP, 8, Array("WEBP".utf8)), (.tiff, 0, Array("II*\0".utf8)), (.tiff, 0, Array("MM\0*".utf8)),
    (.npy, 0, NumPyHeader.magic), (.hdf5, 0, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A]),
    (.gzip, 0, [0x1F, 0x8B]), (.bzip2, 4, Array("1AY&SY".utf8)), (.xz, 0, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
    (.zstandard, 0, [0x28, 0xB5, 0x2F, 0xFD]), (.sevenZip, 0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
    (.zip, 0, [0x50, 0x4B, 3, 4]), (.zip, 0, [0x50, 0x4B, 5, 6]), (.tar, 257, Array("ustar".utf8)),
    (.parquet, 0, Array("PAR1".utf8)), (.arrow, 0, Array("ARROW1".utf8)), (.arrow, 0, Array("FEA1".utf8)),
    (.sqlite, 0, Array("SQLite format 3\0".utf8)), (.pdf, 0, Array("%PDF-".utf8)),
    (.utf16, 0, [0xFF, 0xFE]), (.utf16, 0, [0xFE, 0xFF]),
    // What PyTorch wrote before its zip archives is a pickle, too. Protocols 2 to 5.
    (.pyTorch, 0, PyTorchLayout.earlierMagic),
    (.pickle, 0, [0x80, 2]), (.pickle, 0, [0x80, 3]), (.pickle, 0, [0x80, 4]), (.pickle, 0, [0x80, 5]),
  ]

  /// What kind of zip archive it is, by the names of its first members, which stand in the archive as they are.
  private static func kind(ofZip start: [UInt8]) -> FileKind {
    func holds(_ name: String) -> Bool { start.firstRange(of: Array(name.utf8)) != nil }
    // TorchScript programs begin with the numbers.
    if holds("/data.pkl") || holds("/data/0") { return .pyTorch }
    if holds(".npy") { return .npz }
    if holds("[Content_Types].xml") || holds("xl/") { return .spreadsheet }
    return holds("model.weights.h5") || (holds("metadata.json") && holds("config.json")) ? .keras : .zip
  }

  /// A message whose first field is a small version number, followed by another field of ONNX's `ModelProto`.
  private static func isONNX(_ start: [UInt8]) -> Bool {
    guard start.count > 2, start[0] == 0x08, (1...64).contains(start[1]) else { return false }
    return [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42].contains(start[2])
  }

  private static func kind(ofText start: [UInt8]) -> FileKind {
    guard start.allSatisfy({ $0 >= 0x20 || (0x09...0x0D).contains($0) || $0 == 0x1B }) else {
      // A bitmap's signature is two letters, with which a text may begin too.
      return start.starts(with: Array("BM".utf8)) && start.count > 10 && start[6...9].allSatisfy { $0 == 0 }
        ? .bmp : .binary
    }
    let bytes = start.starts(with: [0xEF, 0xBB, 0xBF]) ? start.dropFirst(3) : start[...]
    let text = String(decoding: bytes.drop { $0 <= 0x20 }.prefix(64), as: UTF8.self).lowercased()
    if ["<!doctype html", "<html", "<head", "<body"].contains(where: text.hasPrefix) { return .html }
    if text.hasPrefix("<?xml") { return .xml }
    // An object or a list of such; a list of numbers or a bracket in a table's first cell are text like any other.
    let marks = text.filter { !$0.isWhitespace }
    return marks.hasPrefix("{\"") || marks.hasPrefix("[{") ? .json : .text
  }
}

extension FormatError {
  /// A file that is of another kind than was asked for.
  ///
  /// - Parameters:
  ///   - file: The file, as it was given.
  ///   - kind: What it is.
  ///   - remedy: What was asked for, as a whole sentence.
  public init(file: String, is kind: FileKind, remedy: String) {
    self.init(file: file, problem: "it is \(kind.words)", remedy: remedy)
  }
}
