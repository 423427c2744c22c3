import Foundation
import NormaData
import NormaFiles
import NormaTensor
import TestSupport
import Testing

/// An IDX file of unsigned bytes.
func idx(_ shape: [Int], _ elements: [UInt8], type: UInt8 = 8) -> [UInt8] {
  [0, 0, type, UInt8(shape.count)]
    + shape.flatMap { length in (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } } + elements
}

@Suite struct IDXArrayTests {
  let images = idx([2, 2, 3], (0..<12).map { UInt8($0) })

  private func problem(_ bytes: [UInt8]) -> String? {
    let error = #expect(throws: FormatError.self) { try IDXArray(bytes: bytes, file: "f") }
    return error?.problem
  }

  @Test func shapeAndElementsAreRead() throws {
    let array = try IDXArray(bytes: images, file: "f")
    #expect(array.shape == [2, 2, 3])
    #expect(Array(array.elements) == (0..<12).map { UInt8($0) })
  }

  @Test func aFileCutAtAnyByteIsRefused() {
    for length in 0..<images.count {
      let error = #expect(throws: FormatError.self) { try IDXArray(bytes: Array(images.prefix(length)), file: "f") }
      #expect(error?.location == "byte \(length)")
    }
  }

  @Test func bytesThatFollowAreRefused() {
    #expect(problem(images + [0, 0]) == "2 bytes follow the last of the 12 elements")
  }

  @Test func otherTypesOfElementsAreNamed() {
    #expect(problem(idx([1], [0, 0, 0, 0], type: 0x0D)) == "its elements are 32-bit floating-point numbers")
  }

  @Test func anotherFileIsNoIDXFile() {
    #expect(problem(Array("P5 2 2 255 ....".utf8)) == "it does not begin like an IDX file")
    #expect(problem([0, 0, 7, 1, 0, 0, 0, 0]) == "it does not begin like an IDX file")
    #expect(problem([0, 0, 8, 0]) == "it does not begin like an IDX file")
    #expect(problem(idx([Int](repeating: 1, count: 9), [1])) == "it has 9 axes, more than the 8 that are supported")
  }

  @Test(arguments: [[0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], [0, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF]])
  func axesThatNoFileCouldFillAreRefused(shape: [Int]) {
    #expect(problem(idx(shape, []))?.hasPrefix("its axes are too long") == true)
  }
}

/// A folder with MNIST's files, three images for training and two for testing, that tests spoil one by one.
final class MNISTFolder {
  let url: URL
  var path: String { url.path }
  static let trainingImages = idx([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255])

  init() throws {
    url = try makeTemporaryDirectory()
    try write(MNISTFolder.trainingImages, "train-images-idx3-ubyte")
    try write(idx([3], [7, 0, 9]), "train-labels-idx1-ubyte")
    try write(idx([2, 2, 2], [9, 8, 7, 6, 5, 4, 3, 2]), "t10k-images-idx3-ubyte")
    try write(idx([2], [1, 2]), "t10k-labels-idx1-ubyte")
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ bytes: [UInt8], _ name: String) throws {
    try FileAccess.write(bytes, to: url.appending(path: name).path)
  }

  func rename(_ name: String, to other: String) throws {
    try FileManager.default.moveItem(at: url.appending(path: name), to: url.appending(path: other))
  }
}

@Suite struct MNISTTests {
  let folder: MNISTFolder

  init() throws { folder = try MNISTFolder() }

  private func problem() -> String? {
    let error = #expect(throws: FormatError.self) { try MNIST.load(folder: folder.path) }
    return error?.problem
  }

  @Test func imagesAndLabelsBecomeTwoSets() throws {
    let data = try MNIST.load(folder: folder.path).datasets()
    #expect(data.training.features == Tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255], shape: [3, 2, 2, 1]))
    #expect(data.test?.features == Tensor([9, 8, 7, 6, 5, 4, 3, 2], shape: [2, 2, 2, 1]))
    guard case .classes([7, 0, 9], 10) = data.training.targets, case .classes([1, 2], 10) = data.test?.targets else {
      Issue.record("other labels expected")
      return
    }
    #expect(data.training.name == "MNIST" && data.training.classNames == (0...9).map(String.init))
    let fashion = try DataSource("fashion-mnist:\(folder.path)").read()
    #expect(fashion.training.name == "Fashion-MNIST" && fashion.test?.classNames?[9] == "Ankle boot")
  }

  @Test func theOtherSpellingIsUnderstood() throws {
    try folder.rename("train-images-idx3-ubyte", to: "train-images.idx3-ubyte")
    try folder.rename("t10k-labels-idx1-ubyte", to: "t10k-labels.idx1-ubyte")
    #expect(try MNIST.load(folder: folder.path).training.count == 3)
  }

  @Test func aMissingFileIsNamed() throws {
    try folder.rename("t10k-labels-idx1-ubyte", to: "labels")
    let error = #expect(throws: FileError.self) { try MNIST.load(folder: folder.path) }
    #expect(error?.reason.contains("'t10k-labels-idx1-ubyte'") == true)
    #expect(throws: FileError(path: "/nowhere", operation: .read, reason: "No such file or directory")) {
      try MNIST.load(folder: "/nowhere")
    }
  }

  @Test func imagesInPlaceOfLabelsAreNoticed() throws {
    try folder.write(MNISTFolder.trainingImages, "train-labels-idx1-ubyte")
    #expect(problem() == "labels should have 1 axis, this has the shape [3, 2, 2]")
  }

  @Test func labelsInPlaceOfImagesAreNoticed() throws {
    try folder.write(idx([3], [1, 2, 3]), "train-images-idx3-ubyte")
    #expect(problem() == "images should have 3 axes, this has the shape [3]")
  }

  @Test func asManyLabelsAsImagesAreAskedFor() throws {
    try folder.write(idx([2], [1, 2]), "train-labels-idx1-ubyte")
    #expect(problem()?.hasPrefix("it holds 2 labels for the 3 images in") == true)
  }

  @Test func aLabelThatIsNoneIsNamedWithItsPlace() throws {
    try folder.write(idx([3], [1, 10, 2]), "train-labels-idx1-ubyte")
    let error = #expect(throws: FormatError.self) { try MNIST.load(folder: folder.path) }
    #expect(error?.location == "byte 9")
    #expect(error?.problem == "the label 10 is none")
  }

  @Test func testImagesOfAnotherSizeAreRefused() throws {
    try folder.write(idx([2, 1, 1], [1, 2]), "t10k-images-idx3-ubyte")
    #expect(problem() == "the images for training have shape [2, 2, 1], those for testing [1, 1, 1]")
  }

  @Test func noImagesAtAllAreRefused() throws {
    try folder.write(idx([0, 28, 28], []), "train-images-idx3-ubyte")
    #expect(problem() == "it holds no images")
  }

  @Test func aDamagedCompressedFileIsRefused() throws {
    try folder.rename("train-images-idx3-ubyte", to: "other")
    try folder.write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2], "train-images-idx3-ubyte.gz")
    #expect(problem()?.hasPrefix("the gzip data are") == true)
  }

  @Test(.enabled(if: FileAccess.kind(of: developerData + "/mnist") != nil, "the real MNIST is not at hand"))
  func theRealFilesAreRead() throws {
    let data = try MNIST.load(folder: developerData + "/mnist").datasets()
    #expect(data.training.shape == [60_000, 28, 28, 1])
    #expect(data.test?.shape == [10_000, 28, 28, 1])
    guard case .classes(let classes, 10) = data.training.targets else { return }
    #expect(classes.prefix(5) == [5, 0, 4, 1, 9])
    let standardization = try Standardization(fittedOn: data.training, mode: .overall)
    // The mean and standard deviation that are widely used for MNIST, of pixels between 0 and 1.
    #expect(abs(standardization.mean.item / 255 - 0.1307) < 5e-5)
    #expect(abs(standardization.scale.item / 255 - 0.3081) < 5e-5)
  }
}

/// Where developers keep real data sets, beside the project.
let developerData = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "../../../shared/data").standardized.path
