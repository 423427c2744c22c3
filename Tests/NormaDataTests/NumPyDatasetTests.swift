import Foundation
import NormaData
import NormaFiles
import NormaTensor
import TestSupport
import Testing

@Suite struct NumPyDatasetTests {
  private func load(
    _ entries: [String: Safetensors.Entry], options: CSVOptions = CSVOptions()
  ) throws -> (training: Dataset<Float>, test: Dataset<Float>?) {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "data.npz").path
    try NumPyArchive(entries: entries).write(to: path)
    return try DataSource("npz:\(path)").read(options: options).datasets()
  }

  private let features = Safetensors.Entry.double(Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2]))

  @Test(arguments: [("x", "y"), ("features", "labels")]) func wholeNumbersAreClasses(x: String, y: String) throws {
    for shape in [[3], [3, 1]] as [Shape] {
      let data = try load([x: features, y: .integers([2, 0, 2], shape: shape), "other": features])
      #expect(data.training.features == Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2]))
      guard case .classes([2, 0, 2], count: 3) = data.training.targets else {
        Issue.record("\(data.training.targets)")
        return
      }
      #expect(data.training.classNames == ["0", "1", "2"] && data.training.name == "data.npz" && data.test == nil)
    }
  }

  @Test func otherNumbersAreToBePredicted() throws {
    let vector = try load(["x": features, "y": .float(Tensor([0.5, 1, 2]))])
    guard case .values(let values) = vector.training.targets else {
      Issue.record("no numbers")
      return
    }
    #expect(values == Tensor([0.5, 1, 2], shape: [3, 1]))
    let whole = try load(
      ["x": features, "y": .integers([5, -1, 2], shape: [3])], options: CSVOptions(task: .regression))
    guard case .values(let numbers) = whole.training.targets else {
      Issue.record("no numbers")
      return
    }
    #expect(numbers == Tensor([5, -1, 2], shape: [3, 1]))
  }

  @Test func aPartForTestingIsKeptApart() throws {
    let data = try load([
      "x_train": .integers((0..<24).map { $0 }, shape: [2, 3, 4]), "y_train": .integers([0, 1], shape: [2]),
      "x_test": .integers((0..<12).map { $0 }, shape: [1, 3, 4]), "y_test": .integers([4], shape: [1]),
    ])
    #expect(data.training.features.shape == [2, 3, 4, 1])
    #expect(data.test?.features.shape == [1, 3, 4, 1])
    #expect(data.training.classNames?.count == 5 && data.test?.classNames?.count == 5)
  }

  @Test func knownClassesAreKept() throws {
    let options = CSVOptions(classNames: ["a", "b", "c", "d"])
    #expect(
      try load(["x": features, "y": .integers([2, 0, 2], shape: [3])], options: options).training.classNames?.count == 4
    )
    #expect(throws: FormatError.self) {
      try load(["x": features, "y": .integers([4, 0, 2], shape: [3])], options: options)
    }
  }

  @Test func whatIsNoDataSetIsRefusedWithTheArraysName() throws {
    let y = Safetensors.Entry.integers([0, 1, 0], shape: [3])
    let cases: [([String: Safetensors.Entry], String?)] = [
      ([:], nil), (["a": features, "b": y], nil), (["y": y], nil), (["x": features], "array 'x'"),
      (["x_train": features, "y_train": y, "x_test": features], "array 'x_test'"),
      (["x": .float(Tensor([1, 2, 3])), "y": y], "array 'x'"), (["x": .float(.scalar(1)), "y": y], "array 'x'"),
      (["x": .float(.zeros([3, 1, 1, 1, 1])), "y": y], "array 'x'"),
      (["x": .float(.zeros([3, 0])), "y": y], "array 'x'"),
      (["x": .float(.zeros([3, 3, 32, 32])), "y": y], "array 'x'"),
      (["x": .float(Tensor([1, .nan, 1], shape: [3, 1])), "y": y], "array 'x'"),
      (["x": features, "y": .integers([0, 1], shape: [2])], "array 'y'"),
      (["x": features, "y": .integers([0, -1, 2], shape: [3])], "array 'y'"),
      (["x": features, "y": .integers([0, 1 << 40, 2], shape: [3])], "array 'y'"),
      (["x": features, "y": .integers([0, 1, 2, 3, 4, 5], shape: [3, 2])], "array 'y'"),
      (["x": features, "y": .float(Tensor([0, .infinity, 2]))], "array 'y'"),
      (["x": features, "y": .float(.zeros([3, 1, 1]))], "array 'y'"),
      (["x": features, "y": .float(.scalar(1))], "array 'y'"),
    ]
    for (entries, location) in cases {
      let error = try #require(throws: FormatError.self) {
        // Three whole numbers of three rows would be numbers to predict.
        let options = entries["y"].map { if case .integers = $0 { true } else { false } } ?? false
        return try load(entries, options: CSVOptions(task: options ? .classification : nil))
      }
      #expect(error.location == location, "\(error)")
    }
  }

  @Test(arguments: [[2, 2, 3], [2, 2, 1, 3]] as [Shape]) func pixelsStayBytesUntilABatchIsMadeOfThem(shape: Shape)
    throws
  {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "data.npz").path
    let bytes: [UInt8] = [0, 1, 2, 3, 250, 251, 252, 253, 254, 255, 4, 5]
    try NumPyArchive(entries: [
      "x": .other(StoredTensor(.uint8, shape: shape, bytes: bytes)), "y": .integers([0, 1], shape: [2]),
    ]).write(to: path)
    let read = try NumPyDataset.read(path)
    let expected: Shape = shape.rank == 3 ? [2, 2, 3, 1] : shape
    guard case .bytes(bytes, shape: expected) = read.training.features else {
      Issue.record("\(read.training.features)")
      return
    }
    #expect(try read.datasets().training.features == Tensor(bytes.map(Float.init), shape: expected))
  }
}
