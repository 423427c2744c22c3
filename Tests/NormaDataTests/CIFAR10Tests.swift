import Foundation
import NormaData
import NormaFiles
import NormaTensor
import TestSupport
import Testing

@Suite struct CIFAR10Tests {
  static let names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
  /// The files of the archive with one, two and one images.
  static let files: [String: [UInt8]] = [
    "batches.meta.txt": Array((names.joined(separator: "\n") + "\n\n").utf8),
    "data_batch_2.bin": record(3, 0) + record(4, 1),
    "data_batch_1.bin": record(9, 7),
    "data_batch_10.bin": record(5, 2),
    "test_batch.bin": record(1, 3),
  ]

  /// A record whose red pixels are `first`, green ones 100, blue ones 200 plus the row.
  static func record(_ label: UInt8, _ first: UInt8) -> [UInt8] {
    [label] + [UInt8](repeating: first, count: 1024) + [UInt8](repeating: 100, count: 1024)
      + (0..<1024).map { UInt8(200 + $0 / 32) }
  }

  /// A tar archive in the oldest format.
  static func tar(_ files: [String: [UInt8]]) -> [UInt8] {
    var archive: [UInt8] = []
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, at offset: Int) {
        header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
      }
      put(name, at: 0)
      put(String(bytes.count, radix: 8), at: 124)
      put("        ", at: 148)
      put(String(header.reduce(0) { $0 + Int($1) }, radix: 8) + "\0", at: 148)
      archive += header + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }
    return archive + [UInt8](repeating: 0, count: 1024)
  }

  private func load(_ files: [String: [UInt8]]) throws -> RawData {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "archive").path
    try FileAccess.write(CIFAR10Tests.tar(files), to: path)
    return try CIFAR10.load(path)
  }

  private func error(_ change: (inout [String: [UInt8]]) -> Void) -> FormatError? {
    var files = CIFAR10Tests.files
    change(&files)
    return #expect(throws: FormatError.self) { try load(files) }
  }

  private func check(_ data: RawData) throws {
    let data = try data.datasets()
    #expect(data.training.shape == [4, 32, 32, 3])
    #expect(data.test?.shape == [1, 32, 32, 3])
    #expect(data.training.classNames == CIFAR10Tests.names)
    guard case .classes([9, 3, 4, 5], 10) = data.training.targets else {
      Issue.record("the batches should follow one another by their numbers")
      return
    }
    #expect(data.training.features[0, 31, 5, 0] == 7)
    #expect(data.training.features[0, 31, 5, 1] == 100)
    #expect(data.training.features[0, 31, 5, 2] == 231)
    #expect(data.training.features[3, 0, 31, 2] == 200)
    #expect(data.test?.features[0, 0, 0, 0] == 3)
  }

  @Test func anArchiveAndAFolderWithOrWithoutItsLevelGiveTheSame() throws {
    try check(load(CIFAR10Tests.files))
    let inLevel = CIFAR10Tests.files.map { ("cifar-10-batches-bin/" + $0.key, $0.value) }
    try check(load(Dictionary(uniqueKeysWithValues: inLevel)))

    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let level = folder.appending(path: "cifar-10-batches-bin").path
    try FileAccess.createDirectory(level)
    for (name, bytes) in CIFAR10Tests.files { try FileAccess.write(bytes, to: "\(level)/\(name)") }
    try check(CIFAR10.load(level))
    try check(CIFAR10.load(folder.path))
  }

  @Test func aFolderWithTheArchiveInItWillDo() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileAccess.write(CIFAR10Tests.tar(CIFAR10Tests.files), to: folder.path + "/cifar-10-binary.tar.gz")
    try check(CIFAR10.load(folder.path))
  }

  @Test func aBatchOfTheFiveThatIsMissingIsNamedAndTheOthersAreUsed() throws {
    let data = try load(CIFAR10Tests.files)
    #expect(data.notes.count == 1 && data.training.count == 4)
    #expect(
      data.notes.first?.hasSuffix(
        "archive' lacks data_batch_3.bin, data_batch_4.bin, data_batch_5.bin: CIFAR-10 has 5 batches, and what is there was used."
      ) == true)
    var files = CIFAR10Tests.files
    for number in 1...5 { files["data_batch_\(number).bin"] = CIFAR10Tests.record(2, 5) }
    let whole = try load(files)
    #expect(whole.notes.isEmpty && whole.training.count == 6)
    let path = fixturesDirectory.appending(path: "cases/13-cifar-missing-batch/cifar.tar.gz").path
    #expect(try CIFAR10.load(path).notes.first?.contains("lacks data_batch_4.bin: ") == true)
  }

  /// What cannot be a batch is refused by what the archive says of it, before it is read.
  @Test func aFileThatIsNoBatchIsRefusedBeforeItIsRead() {
    var archive = CIFAR10Tests.tar(["data_batch_1.bin": []]).prefix(512)
    archive.replaceSubrange(124..<136, with: Array("77777777776\0".utf8))
    archive.replaceSubrange(148..<156, with: Array("        ".utf8))
    archive.replaceSubrange(
      148..<156, with: Array((String(archive.reduce(0) { $0 + Int($1) }, radix: 8) + "\0\0\0\0").utf8.prefix(8)))
    let error = #expect(throws: FormatError.self) { try CIFAR10.load(archive: Array(archive), file: "a") }
    #expect(error?.problem.hasPrefix("8589934590 bytes are no whole number of records of 3073") == true)
  }

  @Test func aBatchThatIsCutOffIsRefused() {
    let error = error { $0["data_batch_2.bin"]?.removeLast() }
    #expect(error?.file.hasSuffix("archive: data_batch_2.bin") == true)
    #expect(error?.problem.hasPrefix("6145 bytes are no whole number of records of 3073") == true)
    #expect(self.error { $0["test_batch.bin"] = [] }?.file.hasSuffix("test_batch.bin") == true)
  }

  @Test func aLabelThatIsNoneIsNamedWithItsPlace() {
    let error = error { $0["data_batch_2.bin"]?[3073] = 10 }
    #expect(error?.location == "byte 3073")
    #expect(error?.problem == "the label 10 of record 2 is none")
  }

  @Test func aMissingFileIsNamed() {
    #expect(error { $0["test_batch.bin"] = nil }?.problem == "it has no file 'test_batch.bin'")
    #expect(error { $0["batches.meta.txt"] = nil }?.problem == "it has no file 'batches.meta.txt'")
    let noBatches = error { files in files = files.filter { !$0.key.hasPrefix("data_batch") } }
    #expect(noBatches?.problem == "it has no file 'data_batch_1.bin'")
  }

  @Test func otherThanTenNamesAreRefused() {
    let error = error { $0["batches.meta.txt"] = Array("cat\ndog\n".utf8) }
    #expect(error?.problem == "it should name 10 classes, a line each, and names 2")
  }

  @Test(arguments: ["cifar-10-batches-py/data_batch_1", "cifar-10-batches-mat/data_batch_1.mat"])
  func theVersionsForOtherProgramsAreAnsweredWithTheArchiveToDownload(name: String) {
    let error = error { $0 = [name: [0x80, 0x02]] }
    #expect(error?.problem.hasSuffix("version, not the binary one") == true)
    #expect(error?.remedy.hasPrefix("Download cifar-10-binary.tar.gz") == true)
  }

  @Test func anotherFileIsRefused() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "data_batch_1.bin").path
    try FileAccess.write(CIFAR10Tests.record(1, 1), to: path)
    let error = #expect(throws: FormatError.self) { try CIFAR10.load(path) }
    #expect(error?.problem == "it is neither a tar archive nor a tar.gz")
    #expect(throws: FileError.self) { try CIFAR10.load(path + "/nowhere") }
  }

  @Test(.enabled(if: FileAccess.kind(of: developerData + "/cifar10") != nil, "the real CIFAR-10 is not at hand"))
  func theRealArchiveIsRead() throws {
    let data = try CIFAR10.load(developerData + "/cifar10/cifar-10-binary.tar.gz").datasets()
    #expect(data.training.shape == [20_000, 32, 32, 3])
    #expect(data.test?.shape == [10_000, 32, 32, 3])
    #expect(data.training.classNames == CIFAR10Tests.names)
    // The channels' means and standard deviations that are widely used for CIFAR-10, of pixels between 0 and 1. These
    // images are a part of the originals, so they agree to two digits.
    let standardization = try Standardization(fittedOn: data.training, mode: .perChannel)
    for (channel, (mean, scale)) in [(0.4914, 0.2470), (0.4822, 0.2435), (0.4465, 0.2616)].enumerated() {
      #expect(abs(Double(standardization.mean[channel]) / 255 - mean) < 0.005)
      #expect(abs(Double(standardization.scale[channel]) / 255 - scale) < 0.005)
    }
  }
}
