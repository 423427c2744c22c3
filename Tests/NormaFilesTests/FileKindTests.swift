import Foundation
import NormaFiles
import TestSupport
import Testing

/// What a file is said to be, by its first bytes.
@Suite struct FileKindTests {
  private func kind(_ text: String) -> FileKind { FileKind(beginning: Array(text.utf8)) }

  @Test(arguments: [
    ("images/color.png", FileKind.png), ("images/cmyk.jpg", .jpeg), ("files/table.csv.gz", .gzip),
    ("files/ustar.tar", .tar), ("files/large.safetensors", .safetensors), ("conversion/convnet.npz", .npz),
    ("conversion/mlp.safetensors", .safetensors), ("README.md", .text), ("make_file_fixtures.py", .text),
    ("metrics/regression.json", .json), ("files", .directory),
  ])
  func filesThatOtherToolsWroteAreNamed(name: String, expected: FileKind) throws {
    #expect(try FileKind(ofFile: fixturesDirectory.appending(path: name).path) == expected)
  }

  @Test func signaturesDecideWhereThereAreSome() {
    #expect(kind("GIF89a...") == .gif)
    #expect(kind("RIFF\u{1}\u{2}\u{3}\u{4}WEBPVP8 ") == .webP)
    #expect(kind("%PDF-1.7\n") == .pdf)
    #expect(kind("PAR1\u{15}\u{4}") == .parquet)
    #expect(kind("SQLite format 3\0") == .sqlite)
    #expect(FileKind(beginning: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) == .hdf5)
    #expect(FileKind(beginning: [0x80, 0x02, 0x8A, 0x0A]) == .pickle)
    #expect(FileKind(beginning: [0x93] + Array("NUMPY".utf8) + [1, 0]) == .npy)
    #expect(FileKind(beginning: [0xFF, 0xFE, 0x61, 0]) == .utf16)
    #expect(FileKind(beginning: []) == .empty)
    #expect(FileKind(beginning: [0, 1, 2, 3]) == .binary)
  }

  @Test func aSafetensorsFileIsOneWhateverTheLengthOfItsHeader() {
    // Among the lengths are the bytes of a pickle's, a gzip's and a JPEG's beginning.
    for length in 2..<0x10000 {
      let start = [UInt8(length & 0xFF), UInt8(length >> 8), 0, 0, 0, 0, 0, 0] + Array("{\"a".utf8)
      guard FileKind(beginning: start) == .safetensors else {
        Issue.record("a header of \(length) bytes")
        return
      }
    }
  }

  /// The first bytes of what `torch.onnx.export` and tf2onnx write: the version of the format, then the producer's name.
  @Test func anONNXModelIsToldByItsFirstFields() {
    #expect(FileKind(beginning: [8, 8, 0x12, 7] + Array("pytorch".utf8)) == .onnx)
    #expect(FileKind(beginning: [8, 7, 0x12, 8] + Array("tf2onnx\"".utf8)) == .onnx)
    #expect(FileKind(beginning: [8, 7, 0xFF, 8]) == .binary)
  }

  @Test func zipArchivesAreToldApartByTheirMembers() {
    func zip(_ member: String) -> FileKind {
      FileKind(
        beginning: [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(member.utf8.count), 0, 0, 0]
          + Array(member.utf8))
    }
    #expect(zip("x_train.npy") == .npz)
    #expect(zip("model/data.pkl") == .pyTorch)
    #expect(zip("[Content_Types].xml") == .spreadsheet)
    #expect(zip("photos/cat.png") == .zip)
  }

  @Test func textIsToldApartByHowItBegins() {
    #expect(kind("  <!DOCTYPE html>\n<html>") == .html)
    #expect(kind("\u{FEFF}<html lang='en'>") == .html)
    #expect(kind("<?xml version='1.0'?>") == .xml)
    #expect(kind("{\n  \"a\": 1}") == .json)
    #expect(kind("[{\"a\": 1}]") == .json)
    #expect(kind("a,b,label\n1,2,cat\n") == .text)
    #expect(kind("[1,2]") == .text)
    // Names that begin like signatures.
    #expect(kind("BMI,age\n21,30\n") == .text)
    #expect(kind("BZh,x\n1,2\n") == .text)
    // An encoding with a byte for each sign: the reader says which byte is no UTF-8.
    #expect(FileKind(beginning: Array("name,".utf8) + [0xE9, 0x0A]) == .text)
  }

  @Test func whatIsMissingIsAnErrorAndWhatIsThereHasWords() throws {
    #expect(throws: FileError.self) { try FileKind(ofFile: "/nowhere/at/all") }
    #expect(FileKind.allCases.allSatisfy { !$0.words.isEmpty })
    #expect(Set(FileKind.allCases.map(\.words)).count == FileKind.allCases.count)
    let error = FormatError(file: "a.onnx", is: .onnx, remedy: "Give another.")
    #expect(error.description == "'a.onnx': it is an ONNX model. Give another.")
  }

  @Test func filesBelowAFolderAreFoundInTheOrderOfTheirPaths() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["b.txt", "a/z.txt", "a/b/c.txt", ".hidden/x.txt", "a/.y"] {
      let url = folder.appending(path: name)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("x".utf8).write(to: url)
    }
    // A link back to the folder it is in.
    try FileManager.default.createSymbolicLink(
      atPath: folder.appending(path: "a/loop").path, withDestinationPath: folder.path)
    let files = try FileAccess.files(below: folder.path)
    #expect(files == ["a/b/c.txt", "a/z.txt", "b.txt"].map { "\(folder.path)/\($0)" })
  }

  @Test func fieldsOfCSVAreQuotedWhereTheyMustBe() {
    #expect(CSVText.line(["a", "b,c", "d\"e", "f\r\ng", ""]) == "a,\"b,c\",\"d\"\"e\",\"f\r\ng\",\n")
  }
}
