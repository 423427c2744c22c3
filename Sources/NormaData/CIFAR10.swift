import NormaFiles
import NormaTensor

/// CIFAR-10: 50,000 and 10,000 colour images of 32 × 32 pixels in ten classes, in its "binary version".
///
/// A file holds records of 3,073 bytes: the label, then 1,024 bytes each of red, green and blue, row by row.
public enum CIFAR10 {
  private static let side = 32
  private static let classCount = 10
  private static let pixelCount = side * side
  private static let recordLength = 1 + 3 * pixelCount
  private static let archiveName = "cifar-10-binary.tar.gz"
  private static let folderName = "cifar-10-batches-bin"
  private static let remedy =
    "Download \(archiveName) (\"binary version\") from https://www.cs.toronto.edu/~kriz/cifar.html."

  /// Reads the archive (`tar.gz` or `tar`), or a folder with the archive in it or what was unpacked from it.
  ///
  /// All the `data_batch_*.bin` that there are make the training set. The images have the shape `[N, 32, 32, 3]` and
  /// values from 0 to 255.
  /// - Throws: `FileError` if something cannot be read, `FormatError` if it is not what it should be.
  public static func load(_ path: String) throws -> LoadedData {
    try load(try files(at: path))
  }

  /// Reads the archive's bytes, no longer compressed; `file` is what errors call it. See ``load(_:)``.
  public static func load(archive bytes: [UInt8], file: String) throws -> LoadedData {
    try load(try files(inArchive: bytes, file: file))
  }

  private static func load(_ files: Files) throws -> LoadedData {
    let batches = try files.contents.compactMap { name, bytes in batchNumber(name).map { ($0, name, bytes) } }
      .sorted { $0.0 < $1.0 }.map { try Batch(bytes: $2, file: "\(files.place): \($1)") }
    guard !batches.isEmpty else { throw missingBatches(files.names, at: files.place) }
    let classNames = try readClassNames(
      required("batches.meta.txt", of: files), file: "\(files.place): batches.meta.txt")
    let test = try Batch(bytes: required("test_batch.bin", of: files), file: "\(files.place): test_batch.bin")
    return LoadedData(
      training: try dataset(batches, classNames: classNames), test: try dataset([test], classNames: classNames))
  }

  /// The files of the data set by name, and where they were found.
  private struct Files {
    var place: String
    var names: [String]
    var contents: [String: ArraySlice<UInt8>] = [:]
  }

  private static func files(at path: String) throws -> Files {
    guard FileAccess.kind(of: path) == .directory else { return try filesInArchive(path) }
    let names = try FileAccess.names(inDirectory: path)
    if names.contains(folderName) { return try files(at: "\(path)/\(folderName)") }
    var files = Files(place: path, names: names)
    for name in names where isWanted(name) { files.contents[name] = try FileAccess.read("\(path)/\(name)")[...] }
    if files.contents.isEmpty && names.contains(archiveName) { return try filesInArchive("\(path)/\(archiveName)") }
    return files
  }

  private static func filesInArchive(_ path: String) throws -> Files {
    try files(inArchive: try Gzip.contents(ofFile: path), file: path)
  }

  private static func files(inArchive bytes: [UInt8], file: String) throws -> Files {
    guard TarArchive.isTar(bytes) else {
      throw FormatError(file: file, problem: "it is neither a tar archive nor a tar.gz", remedy: remedy)
    }
    var files = Files(place: file, names: [])
    for entry in try TarArchive(bytes, file: file).entries {
      let name = entry.name.split(separator: "/").last.map(String.init) ?? entry.name
      files.names.append(name)
      if isWanted(name) { files.contents[name] = entry.bytes }
    }
    return files
  }

  private static func isWanted(_ name: String) -> Bool {
    batchNumber(name) != nil || name == "test_batch.bin" || name == "batches.meta.txt"
  }

  /// The number in `data_batch_1.bin`.
  private static func batchNumber(_ name: String) -> Int? {
    guard name.hasPrefix("data_batch_"), name.hasSuffix(".bin") else { return nil }
    return Int(name.dropFirst("data_batch_".count).dropLast(".bin".count))
  }

  private static func required(_ name: String, of files: Files) throws(FormatError) -> ArraySlice<UInt8> {
    guard let bytes = files.contents[name] else {
      throw FormatError(file: files.place, problem: "it has no file '\(name)'", remedy: remedy)
    }
    return bytes
  }

  private static func missingBatches(_ names: [String], at place: String) -> FormatError {
    let problem =
      if names.contains(where: { $0 == "data_batch_1" || $0 == "cifar-10-batches-py" }) {
        "it holds CIFAR-10's Python version, not the binary one"
      } else if names.contains(where: { $0 == "data_batch_1.mat" || $0 == "cifar-10-batches-mat" }) {
        "it holds CIFAR-10's Matlab version, not the binary one"
      } else {
        "it has no file 'data_batch_1.bin'"
      }
    return FormatError(file: place, problem: problem, remedy: remedy)
  }

  private static func readClassNames(_ bytes: ArraySlice<UInt8>, file: String) throws(FormatError) -> [String] {
    let names = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    guard names.count == classCount, Set(names).count == classCount else {
      throw FormatError(
        file: file, problem: "it should name \(classCount) classes, a line each, and names \(names.count)",
        remedy: remedy)
    }
    return names
  }

  /// One file of records, known to be whole and to have labels that are classes.
  private struct Batch {
    let bytes: ArraySlice<UInt8>
    var count: Int { bytes.count / recordLength }

    init(bytes: ArraySlice<UInt8>, file: String) throws(FormatError) {
      guard !bytes.isEmpty, bytes.count % recordLength == 0 else {
        throw FormatError(
          file: file, location: "byte \(bytes.count)",
          problem: "\(bytes.count) bytes are no whole number of records of \(recordLength); it is cut off or no batch",
          remedy: remedy)
      }
      self.bytes = bytes
      for record in 0..<count {
        let label = bytes[bytes.startIndex + record * recordLength]
        guard label >= classCount else { continue }
        throw FormatError(
          file: file, location: "byte \(record * recordLength)",
          problem: "the label \(label) of record \(record + 1) is none",
          remedy: "Labels lie between 0 and \(classCount - 1); the file is damaged or no batch of CIFAR-10.")
      }
    }
  }

  /// Colours from planes to the last axis, and labels.
  private static func dataset(_ batches: [Batch], classNames: [String]) throws -> Dataset<Float> {
    let count = batches.reduce(0) { $0 + $1.count }
    var classes: [Int] = []
    classes.reserveCapacity(count)
    let features = Tensor<Float>(shape: [count, side, side, 3]) { pixels in
      var position = 0
      for batch in batches {
        for start in stride(from: batch.bytes.startIndex, to: batch.bytes.endIndex, by: recordLength) {
          classes.append(Int(batch.bytes[start]))
          for pixel in 0..<pixelCount {
            for channel in 0..<3 {
              let value = batch.bytes[start + 1 + channel * pixelCount + pixel]
              pixels.initializeElement(at: position, to: Float(value))
              position += 1
            }
          }
        }
      }
    }
    return Dataset(
      features: features, targets: .classes(classes, count: classCount), name: "CIFAR-10",
      attribution: "CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
      classNames: classNames)
  }
}
