import Foundation
import Norma
import TestSupport
import Testing

/// `norma bench accuracy`, from file to file.
struct BenchAccuracyTests {
  private static func batch(_ shape: Shape, channels: Int) -> [String: Safetensors.Entry] {
    var random = RandomGenerator(seed: 3)
    return [
      "x": .float(.normal(shape, using: &random)), "dy": .float(.normal(shape, using: &random)),
      "gamma": .float(.uniform([channels], in: 0.5..<1.5, using: &random)),
      "beta": .float(.normal([channels], using: &random)),
    ]
  }

  private func run(_ folder: Folder, _ options: [String] = []) throws -> Norma.Outcome {
    try Norma.run(["bench", "accuracy", folder.path("in"), folder.path("out")] + options)
  }

  /// The numbers of the rows `[0, 3, 6]` and `[2, 2, 2]`, worked out by hand: mean 3, variance 6; 2 and 0.
  @Test func theResultIsThatOfAHandCalculation() throws {
    let folder = try Folder()
    try Safetensors(entries: [
      "x": .float(Tensor([0, 2, 3, 2, 6, 2], shape: [3, 2])),
      "dy": .float(Tensor([1, 1, 0, 0, 0, -1], shape: [3, 2])),
      "gamma": .float(Tensor([2, 3])), "beta": .float(Tensor([1, -1])),
    ]).write(to: folder.path("in"))
    let outcome = try run(folder)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output == "")
    let results = try Safetensors(contentsOf: folder.path("out")).entries
    #expect(results.keys.sorted() == ["dbeta", "dgamma", "dx", "mean", "variance", "y"])
    #expect(results["mean"] == .double(Tensor([3, 2])))
    #expect(results["variance"] == .double(Tensor([6, 0])))
    let deviation = (6.0 + 1e-5).squareRoot()
    let step = 3 / deviation
    #expect(isClose(results["y"], [1 - 2 * step, -1, 1, -1, 1 + 2 * step, -1]))
    #expect(isClose(results["dbeta"], [1, 0]))
    #expect(isClose(results["dgamma"], [-step, 0]))
    // gamma / (N · s) · (N · dy − Σdy − x̂ · Σ(dy · x̂)), and for the constant channel gamma / √epsilon · dy.
    let first = [3 - 1 - step * step, -1, -1 + step * step].map { 2 / (3 * deviation) * $0 }
    let second = 3 / 1e-5.squareRoot()
    #expect(isClose(results["dx"], [first[0], second, first[1], 0, first[2], -second]))
  }

  /// Whether floats are what they should be, but for sixteen roundings of the largest: more than there are in any.
  private func isClose(_ entry: Safetensors.Entry?, _ expected: [Double]) -> Bool {
    guard case .float(let tensor)? = entry else { return false }
    let bound = 16 * Float.unitRoundoff * (expected.map(abs).max() ?? 0)
    return tensor.count == expected.count
      && zip(tensor.elements, expected).allSatisfy { abs(Double($0) - $1) <= bound }
  }

  /// Small whole numbers, so that every sum is exact.
  @Test func aProductIsThatOfAHandCalculation() throws {
    let folder = try Folder()
    try Safetensors(entries: [
      "x": .float(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])),
      "weight": .float(Tensor([1, 0, -1, 2, 1, 0], shape: [2, 3])),
      "dy": .float(Tensor([1, 2, 0, -1], shape: [2, 2])),
    ]).write(to: folder.path("in"))
    let outcome = try run(folder)
    #expect(outcome.status == 0, "\(outcome.error)")
    let results = try Safetensors(contentsOf: folder.path("out")).entries
    #expect(
      results == [
        "y": .float(Tensor([-2, 4, -2, 13], shape: [2, 2])),
        "dx": .float(Tensor([5, 2, -1, -2, -1, 0], shape: [2, 3])),
        "dweight": .float(Tensor([1, 2, 3, -2, -1, 0], shape: [2, 3])),
      ])
  }

  /// A 3×1 window on a column of three pixels with two channels, padded with one above and below.
  @Test(arguments: ["nchw", "nhwc"]) func aConvolutionIsThatOfAHandCalculation(layout: String) throws {
    let folder = try Folder()
    func images(_ values: [Float], channels: Int) -> Tensor<Float> {
      let tensor = Tensor(values, shape: [1, channels, 3, 1])
      return layout == "nchw" ? tensor : tensor.transposed([0, 2, 3, 1])
    }
    try Safetensors(entries: [
      "x": .float(images([1, 2, 3, 4, 5, 6], channels: 2)),
      "weight": .float(Tensor([1, 2, 3, 0, 1, 0], shape: [1, 2, 3, 1])), "dy": .float(images([1, 0, -1], channels: 1)),
    ]).write(to: folder.path("in"))
    let outcome = try run(folder, ["--layout", layout])
    #expect(outcome.status == 0, "\(outcome.error)")
    let results = try Safetensors(contentsOf: folder.path("out")).entries
    #expect(results["y"] == .float(images([12, 19, 14], channels: 1)))
    #expect(results["dx"] == .float(images([2, 2, -2, 1, 0, -1], channels: 2)))
    #expect(results["dweight"] == .float(Tensor([-2, -2, 2, -5, -2, 5], shape: [1, 2, 3, 1])))
  }

  @Test(arguments: [
    ([4, 3], [2, 4], [4, 2], "is for 4 channels"), ([4, 3], [2, 3, 1, 1], [4, 2], "Rows [N, C] need [outputs, C]"),
    ([4, 3], [2, 3], [2, 4], "it has to be [4, 2]"),
    ([1, 3, 1, 1], [2, 3, 4, 4], [1, 2, 1, 1], "it has to be [1, 2, 2, 2]"),
    ([1, 3, 5, 5], [2, 3, 0, 1], [1, 2, 5, 5], "has no window"),
    ([1, 3, 1, 0], [2, 3, 1, 3], [1, 2, 1, 0], "needs larger images"),
  ])
  func aWeightThatDoesNotFitIsRefused(x: [Int], weight: [Int], dy: [Int], words: String) throws {
    let folder = try Folder()
    try Safetensors(entries: [
      "x": .float(.zeros(Shape(x))), "weight": .float(.zeros(Shape(weight))), "dy": .float(.zeros(Shape(dy))),
    ]).write(to: folder.path("in"))
    expectFailure(try run(folder), status: 65, saying: words)
  }

  @Test func layoutsOfTheSameBatchAgree() throws {
    let folder = try Folder()
    let rows = Self.batch([12, 3], channels: 3)
    try Safetensors(entries: rows).write(to: folder.path("in"))
    #expect(try run(folder).status == 0)
    let expected = try folder.bytes("out")
    #expect(try run(folder, ["--layout", "nhwc"]).status == 0)
    #expect(try folder.bytes("out") == expected)

    // Images with their channels last are the same rows, and keep their shape.
    let shape: Shape = [3, 2, 2, 3]
    let images = rows.mapValues { entry -> Safetensors.Entry in
      guard case .float(let tensor) = entry, tensor.shape.rank == 2 else { return entry }
      return .float(tensor.reshaped(to: shape))
    }
    try Safetensors(entries: images).write(to: folder.path("in"))
    #expect(try run(folder, ["--layout", "nhwc"]).status == 0)
    let results = try Safetensors(contentsOf: folder.path("out")).entries
    #expect(results["y"]?.shape == shape)
    #expect(results["dx"]?.shape == shape)
    #expect(try results["mean"] == Safetensors(bytes: expected, file: "").entries["mean"])
  }

  @Test(arguments: ["x", "dy", "gamma", "beta"])
  func whatIsMissingOrOfAnotherTypeIsNamed(name: String) throws {
    let folder = try Folder()
    try folder.write("earlier", to: "out")
    var entries = Self.batch([4, 3], channels: 3)
    entries[name] = nil
    try Safetensors(entries: entries).write(to: folder.path("in"))
    expectFailure(try run(folder), status: 65, saying: "tensor '\(name)': there is none of that name")
    entries[name] = .double(.zeros([4, 3]))
    try Safetensors(entries: entries).write(to: folder.path("in"))
    expectFailure(try run(folder), status: 65, saying: "tensor '\(name)': its numbers are not F32")
    #expect(try folder.bytes("out") == Array("earlier".utf8))
  }

  @Test(arguments: [
    ("x", [12], "no axis of channels"), ("dy", [3, 4], "it has to be [4, 3]"), ("gamma", [4], "it has to be [3]"),
    ("beta", [3, 1], "it has to be [3]"), ("x", [4, 4], "it has to be [4, 4]"),
  ])
  func aShapeThatDoesNotFitIsRefused(name: String, shape: [Int], words: String) throws {
    let folder = try Folder()
    var entries = Self.batch([4, 3], channels: 3)
    entries[name] = .float(.zeros(Shape(shape)))
    try Safetensors(entries: entries).write(to: folder.path("in"))
    expectFailure(try run(folder), status: 65, saying: words)
  }

  @Test func aBatchOfOneIsRefusedAndAnEmptyOneIsNot() throws {
    let folder = try Folder()
    try Safetensors(entries: Self.batch([1, 3], channels: 3)).write(to: folder.path("in"))
    expectFailure(try run(folder), status: 65, saying: "more than one value per channel")
    for shape: Shape in [[0, 3], [2, 3, 0, 4]] {
      try Safetensors(entries: Self.batch(shape, channels: 3)).write(to: folder.path("in"))
      #expect(try run(folder).status == 0)
    }
    try Safetensors(entries: Self.batch([4, 0], channels: 0)).write(to: folder.path("in"))
    #expect(try run(folder).status == 0)
  }

  @Test func aFileThatIsCutOffIsRefused() throws {
    let folder = try Folder()
    try Safetensors(entries: Self.batch([4, 3], channels: 3)).write(to: folder.path("in"))
    try folder.write(try folder.bytes("in").dropLast(), to: "in")
    expectFailure(try run(folder), status: 65, saying: "cut off")
  }
}
