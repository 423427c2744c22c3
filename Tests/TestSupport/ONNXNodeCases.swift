import Foundation
import Norma

/// Unpacks ONNX's test cases for operators, a folder each, see `Tests/Fixtures/write_onnx_cases.py`.
///
/// - Parameter isWanted: which of them, by their names.
public func unpackONNXNodeCases(into folder: URL, where isWanted: (String) -> Bool = { _ in true }) throws {
  let path = fixturesDirectory.appending(path: "onnx/node_cases.tar.gz").path
  let archive = try TarReader(contentsOf: path)
  while let entry = try archive.next() {
    guard let name = entry.name.split(separator: "/").first, isWanted(String(name)) else { continue }
    let file = folder.appending(path: entry.name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(archive.contents()).write(to: file)
  }
}
