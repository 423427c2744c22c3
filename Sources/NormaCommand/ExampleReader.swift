import Foundation
import Norma
import NormaImages
import NormaTerminal

/// Reads examples for a model as it takes them, with labels or without.
struct ExampleReader {
  let checkpoint: Checkpoint
  let table: TableOptions

  /// What files hold.
  enum Contents {
    /// The rows of a table, whose bytes may hold names too.
    case rows(Tensor<Float>, bytes: [UInt8], name: String)
    case images(Images)
  }

  /// Image files, of which the first was read already.
  struct Images {
    fileprivate let files: [String]
    fileprivate let first: (bytes: [UInt8], name: String)
  }

  /// The features of data as `--data` names them: those of their test part, or of another.
  func features(
    ofData name: String, parts: (RawData) -> [RawDataset] = { [$0.test ?? $0.training] }
  ) throws -> Tensor<Float> {
    let source = try DataSource(name)
    if let table = source.reader as? CSVReader {
      try source.checkFileKind()
      return try csvFeatures(try input(table.path).bytes, file: table.path)
    }
    let read = try checkpoint.read(name, needsLabels: false)
    return .concatenating(rows: try parts(read).map { try features($0.features) })
  }

  /// What files hold, which their content says: one table, or images, also those in folders.
  func contents(of names: [String]) throws -> Contents {
    let files = try imageFiles(names)
    let first = try input(files[0])
    let kind = FileKind(beginning: first.bytes)
    let isImage = kind == .png || kind == .jpeg
    // Content decides; the name, only that what is no image was meant to be one.
    guard files.count == 1 && !isImage && !isCalledImage(first.name) else {
      return .images(Images(files: files, first: first))
    }
    guard [.text, .empty, .binary].contains(kind) else {
      throw FormatError(
        file: first.name, is: kind,
        remedy:
          "Examples come from comma-separated values, from PNG and JPEG files or, by --data, from what train takes.")
    }
    return .rows(try csvFeatures(first.bytes, file: first.name), bytes: first.bytes, name: first.name)
  }

  /// Calls `body` with images as the model takes them, of which only so many are in memory at a time, and with their files.
  func forEachBatch(of images: Images, _ body: (_ batch: Tensor<Float>, _ files: [String]) throws -> Void) throws {
    guard let shape = checkpoint.imageShape else {
      throw FormatError(
        file: images.first.name, problem: "it is an image, and the model takes none",
        remedy: "The model takes examples of shape \(Shape(checkpoint.settings.exampleShape)).")
    }
    for start in stride(from: 0, to: images.files.count, by: 256) {
      var names: [String] = []
      let batch = try images.files[start..<min(start + 256, images.files.count)].map { file in
        let (bytes, name) = start == 0 && names.isEmpty ? images.first : try input(file)
        names.append(name)
        let image = try RasterImage(bytes: bytes, file: name).converted(toChannels: shape[2])
        return image.fitted(height: shape[0], width: shape[1], shorterSide: checkpoint.settings.shorterSide)
          .reshaped(to: Shape([1] + Array(shape)))
      }
      try body(try features(.floats(.concatenating(rows: batch))), names)
    }
  }

  private func csvFeatures(_ bytes: [UInt8], file: String) throws -> Tensor<Float> {
    let table = try CSV.table(
      bytes: bytes, file: file, encoding: checkpoint.tableEncoding,
      options: checkpoint.csvOptions(try table.csvOptions()))
    return try features(.table(table))
  }

  /// Features as the network takes them; what was supposed of them is told.
  private func features(_ features: RawDataset.Features) throws -> Tensor<Float> {
    var notes: [String] = []
    let result = try checkpoint.preparation.features(
      of: features, shape: Shape(checkpoint.settings.exampleShape), notes: &notes)
    tell(notes)
    return result
  }

  private func isCalledImage(_ name: String) -> Bool {
    ["png", "jpg", "jpeg"].contains((name as NSString).pathExtension.lowercased())
  }

  /// The files that were named, and in place of a folder the images in it.
  private func imageFiles(_ names: [String]) throws -> [String] {
    try names.flatMap { file -> [String] in
      guard FileAccess.kind(of: file) == .directory else { return [file] }
      var (images, others): ([String], [String]) = ([], [])
      for path in try FileAccess.files(below: file) {
        let kind = try FileKind(ofFile: path)
        // What is called an image and is none is a damaged one, and its reader says so.
        if kind == .png || kind == .jpeg || isCalledImage(path) {
          images.append(path)
        } else {
          others.append("'\(path)' (\(kind.words))")
        }
      }
      guard !images.isEmpty else {
        throw FormatError(
          file: file, problem: "it is a directory, and there are no PNG or JPEG files in it",
          remedy: "Name a folder of images, image files, a CSV file or, by --data, what train takes.")
      }
      if let first = others.first {
        remark(
          others.count == 1
            ? "\(first) is no PNG or JPEG and was passed over."
            : "\(others.count) files in '\(file)' are no PNG or JPEG and were passed over, the first \(first).")
      }
      return images
    }
  }
}
