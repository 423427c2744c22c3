import Foundation
import NormaFiles
internal import SwiftProtobuf

/// The files that hold the elements of tensors, mapped into memory rather than read: the model's own, and those beside it, which PyTorch
/// writes by default.
struct ExternalFiles {
  /// The folder of the model.
  private let folder: String
  private var files: [String: MappedFile]

  /// The files of a model that was opened at a path.
  init(of model: MappedFile, at path: String) {
    folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
    files = [ModelFile.ownFile: model]
  }

  /// Lends the bytes of a tensor, as many as are expected; they are the file's own, and gone when `body` returns.
  ///
  /// - Throws: ``ONNXError`` for a file that is not below the model's folder or cannot be read, and for a part that it does not have;
  ///   what `body` throws.
  mutating func withBytes<Value>(
    of message: ProtoTensor, count: Int, at place: String, _ body: (Data) throws(ONNXError) -> Value
  ) throws(ONNXError) -> Value {
    var entries: [String: String] = [:]
    for entry in message.external { entries[entry.key] = entry.value }
    guard let name = entries["location"], !name.isEmpty else {
      throw .malformed(place, "it does not say which file its elements are in")
    }
    func number(_ key: String, or standard: Int) throws(ONNXError) -> Int {
      guard let text = entries[key] else { return standard }
      guard let number = Int(text), number >= 0 else { throw .malformed(place, "'\(key)' is '\(text)'") }
      return number
    }
    let file = try file(name, at: place)
    let offset = try number("offset", or: 0)
    let length = try number("length", or: max(0, file.count - offset))
    guard offset <= file.count, length <= file.count - offset else {
      throw .malformed(
        place, "its elements are \(length) bytes from \(offset) on of '\(name)', which has \(file.count)")
    }
    guard length == count else {
      let home = name == ModelFile.ownFile ? "" : " in '\(name)'"
      throw .malformed(place, "\(length) bytes\(home), and its shape takes \(count)")
    }
    guard length > 0 else { return try body(Data()) }
    // What was made of them is a copy: two of a large model need not be in memory.
    defer { file.letGo(of: offset..<offset + length) }
    do {
      return try file.withUnsafeBytes(in: offset..<offset + length) { bytes in
        let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
        return try body(Data(bytesNoCopy: start, count: bytes.count, deallocator: .none))
      }
    } catch let error as ONNXError { throw error } catch {
      throw .malformed(place, "its elements are in another file: \(error)")
    }
  }

  private mutating func file(_ name: String, at place: String) throws(ONNXError) -> MappedFile {
    if let known = files[name] { return known }
    // Links are followed before the folders are compared, so that none leads out.
    let home = URL(filePath: folder.isEmpty ? "." : folder, directoryHint: .isDirectory).resolvingSymlinksInPath()
    let file = home.appending(path: name).resolvingSymlinksInPath().standardizedFileURL
    let isWithin =
      !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
      && file.pathComponents.starts(with: home.standardizedFileURL.pathComponents)
    guard isWithin else {
      throw .malformed(place, "its elements are in '\(name)', which is not in the model's folder")
    }
    do {
      let mapped = try MappedFile(file.path(percentEncoded: false))
      files[name] = mapped
      return mapped
    } catch {
      throw .malformed(place, "its elements are in another file: \(error)")
    }
  }
}
