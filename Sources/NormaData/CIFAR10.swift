import NormaFiles
import NormaTensor

/// CIFAR-10: 50,000 and 10,000 colour images of 32 × 32 pixels in ten classes, in its "binary version".
///
/// A file holds records of 3,073 bytes: the label, then 1,024 bytes each of red, green and blue, row by row.
public enum CIFAR10 {
  private static let side = 32
  private static let classCount = 10
  /// The data set's own number of files to learn from.
  private static let batchCount = 5
  /// The most bytes that ten names take.
  private static let maximumNamesSize = 1 << 16
  private static let pixelCount = side * side
  private static let recordLength = 1 + 3 * pixelCount
  private static let archiveName = "cifar-10-binary.tar.gz"
  private static let folderName = "cifar-10-batches-bin"
  private static let remedy =
    "Download \(archiveName) (\"binary version\") from https://www.cs.toronto.edu/~kriz/cifar.html."

  /// Reads the archive (`tar.gz` or `tar`), or a folder with the archive in it or what was unpacked from it.
  ///
  /// All the `data_batch_*.bin` that there are make the training set; one of the five that is missing is named in the notes
  /// of the result. The images have the shape `[N, 32, 32, 3]` and values from 0 to 255.
  /// - Throws: `FileError` if something cannot be read, `FormatError` if it is not what it should be, or more than there is
  ///   memory for.
  public static func load(_ path: String) throws -> RawData {
    try load(try files(at: path))
  }

  /// Reads the archive's bytes; `file` is what errors call it. See ``load(_:)``.
  public static func load(archive bytes: [UInt8], file: String) throws -> RawData {
    try load(try files(in: TarReader(bytes: bytes, file: file), file: file))
  }

  private static func load(_ files: consuming Files) throws -> RawData {
    var files = files
    let batches = files.names.compactMap { name in batchNumber(name).map { (number: $0, name: name) } }
      .sorted { $0.number < $1.number }
    guard !batches.isEmpty else { throw missingBatches(files.names, at: files.place) }
    let classNames = try readClassNames(
      required("batches.meta.txt", of: &files), file: "\(files.place): batches.meta.txt")
    let test = try examples(["test_batch.bin"], of: &files, classNames: classNames)
    return RawData(
      training: try examples(batches.map(\.name), of: &files, classNames: classNames), test: test,
      notes: missingNote(batches.map(\.number), place: files.place).map { [$0] } ?? [])
  }

  /// What is to be said where some of the five batches are not there.
  private static func missingNote(_ numbers: [Int], place: String) -> String? {
    let missing = (1...batchCount).filter { !numbers.contains($0) }.map { "data_batch_\($0).bin" }
    guard !missing.isEmpty else { return nil }
    return """
      '\(place)' lacks \(missing.joined(separator: ", ")): CIFAR-10 has \(batchCount) batches, and what is there was used.
      """
  }

  /// The files of the data set by name, and where they were found.
  private struct Files {
    var place: String
    var names: [String]
    var contents: [String: [UInt8]] = [:]
  }

  private static func files(at path: String) throws -> Files {
    guard FileAccess.kind(of: path) == .directory else { return try filesInArchive(path) }
    let names = try FileAccess.names(inDirectory: path)
    if names.contains(folderName) { return try files(at: "\(path)/\(folderName)") }
    var files = Files(place: path, names: names)
    for name in names where isWanted(name) { files.contents[name] = try FileAccess.read("\(path)/\(name)") }
    if files.contents.isEmpty && names.contains(archiveName) { return try filesInArchive("\(path)/\(archiveName)") }
    return files
  }

  private static func filesInArchive(_ path: String) throws -> Files {
    try files(in: TarReader(contentsOf: path), file: path)
  }

  private static func files(in archive: TarReader, file: String) throws -> Files {
    var files = Files(place: file, names: [])
    while let entry = try nextFile(of: archive, isFirst: files.names.isEmpty, file: file) {
      let name = entry.name.split(separator: "/").last.map(String.init) ?? entry.name
      files.names.append(name)
      guard isWanted(name) else { continue }
      let place = "\(file): \(name)"
      if batchNumber(name) != nil || name == "test_batch.bin" {
        try check(size: entry.size, file: place)
      } else if entry.size > maximumNamesSize {
        throw FormatError(file: place, problem: "\(entry.size) bytes are no ten names", remedy: remedy)
      }
      files.contents[name] = try archive.contents()
    }
    return files
  }

  /// The next file of the archive; of what is no archive it is said what would be right.
  private static func nextFile(of archive: TarReader, isFirst: Bool, file: String) throws -> TarReader.Entry? {
    do { return try archive.next() } catch let error as FormatError
      where isFirst && error.problem == TarReader.noArchive
    {
      throw FormatError(file: file, problem: "it is neither a tar archive nor a tar.gz", remedy: remedy)
    }
  }

  private static func isWanted(_ name: String) -> Bool {
    batchNumber(name) != nil || name == "test_batch.bin" || name == "batches.meta.txt"
  }

  /// The number in `data_batch_1.bin`.
  private static func batchNumber(_ name: String) -> Int? {
    guard name.hasPrefix("data_batch_"), name.hasSuffix(".bin") else { return nil }
    return Int(name.dropFirst("data_batch_".count).dropLast(".bin".count))
  }

  /// Takes a file's bytes out of the others, so that they are let go as soon as they are done with.
  private static func required(_ name: String, of files: inout Files) throws(FormatError) -> [UInt8] {
    guard let bytes = files.contents.removeValue(forKey: name) else {
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

  private static func readClassNames(_ bytes: [UInt8], file: String) throws(FormatError) -> [String] {
    let names = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    guard names.count == classCount, Set(names).count == classCount else {
      throw FormatError(
        file: file, problem: "it should name \(classCount) classes, a line each, and names \(names.count)",
        remedy: remedy)
    }
    return names
  }

  /// Makes sure that so many bytes can be a file of records, and that there is memory for them and for the images.
  private static func check(size: Int, file: String) throws(FormatError) {
    guard size > 0, size % recordLength == 0 else {
      throw FormatError(
        file: file, location: "byte \(size)",
        problem: "\(size) bytes are no whole number of records of \(recordLength); it is cut off or no batch",
        remedy: remedy)
    }
    try MemoryBudget.check(size > 1 << 56 ? .max : 2 * size, for: file)
  }

  /// The images of files of records: colours from planes to the last axis, and labels.
  private static func examples(
    _ names: [String], of files: inout Files, classNames: [String]
  ) throws(FormatError) -> RawDataset {
    var pixels: [UInt8] = []
    var classes: [Int] = []
    pixels.reserveCapacity(names.reduce(0) { $0 + (files.contents[$1]?.count ?? 0) })
    for name in names {
      let records = try required(name, of: &files)
      let file = "\(files.place): \(name)"
      try check(size: records.count, file: file)
      for start in stride(from: 0, to: records.count, by: recordLength) {
        let label = Int(records[start])
        guard label < classCount else {
          throw FormatError(
            file: file, location: "byte \(start)",
            problem: "the label \(label) of record \(start / recordLength + 1) is none",
            remedy: "Labels lie between 0 and \(classCount - 1); the file is damaged or no batch of CIFAR-10.")
        }
        classes.append(label)
        for pixel in start + 1..<start + 1 + pixelCount {
          for channel in 0..<3 { pixels.append(records[pixel + channel * pixelCount]) }
        }
      }
    }
    return RawDataset(
      features: .bytes(pixels, shape: [classes.count, side, side, 3]), targets: .classes(classes, count: classCount),
      name: "CIFAR-10",
      attribution: "CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
      classNames: classNames)
  }
}
