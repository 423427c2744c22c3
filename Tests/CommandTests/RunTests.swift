import Foundation
import Norma
import TestSupport
import Testing

/// `norma run`, on the models that `make_run_fixtures.py` made, beside ONNX Runtime's outputs.
struct RunTests {
  private static func file(_ name: String) -> String { fixturesDirectory.appending(path: "running/\(name)").path }

  /// What `--json` prints.
  private struct Listing: Decodable {
    struct Output: Decodable {
      var name, type: String
      var shape: [Int]
      var values: [Double]?
      var wholeValues: [Int64]?
    }
    var ranAsNetwork: Bool
    var outputs: [Output]
  }

  /// Numbers of few terms, each rounded, agree to some ulps of the largest.
  private func expectClose(
    _ found: Safetensors.Entry?, _ expected: Safetensors.Entry, within bound: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let found = try #require(found, sourceLocation: sourceLocation)
    #expect(found.elementType == expected.elementType && found.shape == expected.shape, sourceLocation: sourceLocation)
    if expected.wholeNumbers != nil {
      #expect(found.wholeNumbers == expected.wholeNumbers, sourceLocation: sourceLocation)
    } else {
      let error = errorRelativeToScale(found.values(of: Double.self), reference: expected.values(of: Double.self))
      #expect(error < bound, sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    ("encoder", 64 * Double(Float.unitRoundoff), false), ("images", 64 * Double(Float.unitRoundoff), true),
    ("double", 128 * Double.unitRoundoff, false),
  ])
  func whatComesOutIsWhatONNXRuntimeMakesOfIt(name: String, bound: Double, isNetwork: Bool) throws {
    let folder = try Folder()
    let expected = try TensorFile(contentsOf: Self.file("\(name).outputs.npz")).entries
    for format in ["npz", "safetensors"] {
      let outcome = try Norma.run([
        "run", Self.file("\(name).onnx"), Self.file("\(name).inputs.npz"), "-o", folder.path("out.\(format)"),
      ])
      try #require(outcome.status == 0, "\(outcome.error)")
      for output in expected.keys { #expect(outcome.output.contains(output)) }
      let found = try TensorFile(contentsOf: folder.path("out.\(format)")).entries
      #expect(found.keys.sorted() == expected.keys.sorted())
      for (output, entry) in expected { try expectClose(found[output], entry, within: bound) }
    }
    let listing: Listing = try Norma.run([
      "run", Self.file("\(name).onnx"), Self.file("\(name).inputs.npz"), "--json", "--threads", "2",
    ]).json()
    #expect(listing.ranAsNetwork == isNetwork)
    let found = try TensorFile(contentsOf: folder.path("out.npz")).entries
    for output in listing.outputs {
      let entry = try #require(found[output.name])
      #expect(output.shape == Array(entry.shape) && output.wholeValues == entry.wholeNumbers)
      if let values = output.values { #expect(values == entry.values(of: Double.self).elements) }
    }
  }

  @Test func inputsAreGivenOneByOneInWhateverTypeHoldsThem() throws {
    let folder = try Folder()
    let model = Self.file("encoder.onnx")
    let inputs = try TensorFile(contentsOf: Self.file("encoder.inputs.npz")).entries
    let ids = try #require(inputs["ids"]), mask = try #require(inputs["mask"])
    // NumPy's defaults: whole numbers as doubles, and doubles for single precision.
    try TensorFile(entries: ["a": .double(ids.values())]).write(to: folder.path("ids.npy"), as: .npy)
    try TensorFile(entries: ["b": .double(mask.values())]).write(to: folder.path("mask.npy"), as: .npy)
    let all = try Norma.run(["run", model, Self.file("encoder.inputs.npz"), "--json"])
    try #require(all.status == 0, "\(all.error)")
    for arguments in [
      ["ids=" + folder.path("ids.npy"), "mask=" + folder.path("mask.npy")],
      ["mask=" + folder.path("mask.npy"), folder.path("ids.npy")],
    ] {
      let outcome = try Norma.run(["run", model] + arguments + ["--json"])
      #expect(outcome.status == 0 && outcome.output == all.output, "\(outcome.error)")
    }
    // One output is one array.
    let images = try Norma.run([
      "run", Self.file("images.onnx"), Self.file("images.inputs.npz"), "-o", folder.path("y.npy"),
    ])
    #expect(images.status == 0 && images.output.contains("y.npy"), "\(images.error)")
    let expected = try TensorFile(contentsOf: Self.file("images.outputs.npz")).entries["y"]
    try expectClose(
      try TensorFile(contentsOf: folder.path("y.npy")).entries["y"], try #require(expected),
      within: 64 * Double(Float.unitRoundoff))
  }

  @Test func whatDoesNotFitSaysWhatWould() throws {
    let folder = try Folder()
    let (model, inputs) = (Self.file("encoder.onnx"), Self.file("encoder.inputs.npz"))
    func expect(_ arguments: [String], _ status: Int32, _ words: String) throws {
      expectFailure(try Norma.run(["run"] + arguments), status: status, saying: words)
    }
    try expect([model], 64, "'ids' (int64 [N, T]), 'mask' (float [N, T])")
    let ids = try #require(try TensorFile(contentsOf: inputs).entries["ids"])
    try TensorFile(entries: ["ids": ids]).write(to: folder.path("ids.npz"), as: .npz)
    try expect([model, folder.path("ids.npz")], 64, "There is nothing for the input 'mask'")
    try expect([model, inputs, folder.path("ids.npz")], 64, "For the input 'ids' there are two tensors")
    try TensorFile(entries: ["other": ids]).write(to: folder.path("other.npz"), as: .npz)
    try expect([model, folder.path("other.npz")], 64, "has no input 'other'")
    try TensorFile(entries: ["a": ids]).write(to: folder.path("a.npy"), as: .npy)
    try expect([model, folder.path("a.npy")], 64, "NAME=")
    try TensorFile(entries: ["a": .double(Tensor([0.5, 1], shape: [1, 2]))]).write(
      to: folder.path("half.npy"), as: .npy)
    try expect(
      [model, "ids=" + folder.path("half.npy"), "mask=" + folder.path("a.npy")], 65, "0.5 is among its numbers")
    // A token that the table does not have, and lengths that do not meet.
    try TensorFile(entries: ["a": .integers([99, 0], shape: [1, 2])]).write(to: folder.path("far.npy"), as: .npy)
    try expect([model, "ids=" + folder.path("far.npy"), "mask=" + folder.path("far.npy")], 65, "Gather")
    try expect([Self.file("images.onnx"), "x=" + folder.path("far.npy")], 65, "not float of [1, 2]")
    try expect([model, inputs, "-o", folder.path("out.txt")], 64, ".npz, .safetensors or .npy")
    try expect([model, folder.path("none.npz")], 74, "none.npz")
    try expect([inputs, inputs], 65, "NumPy archive")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("")).allSatisfy { !$0.hasPrefix("out") })
  }

  @Test func whatIsNotFiniteIsNoAnswer() throws {
    let folder = try Folder()
    let arguments = [
      "run", Self.file("logarithm.onnx"), Self.file("logarithm.inputs.npz"), "-o", folder.path("y.npz"),
    ]
    expectFailure(try Norma.run(arguments), status: 65, saying: "of the 4 numbers of 'y' 2 are not finite")
    #expect(!FileManager.default.fileExists(atPath: folder.path("y.npz")))
    let outcome = try Norma.run(arguments + ["--allow-nan"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let found = try #require(try TensorFile(contentsOf: folder.path("y.npz")).entries["y"]).values(of: Double.self)
    #expect(found.elements[2].isNaN && found.elements[3] == -.infinity)
  }

  @Test func aModelInDoublePrecisionIsANetworkThatSaysHowItComputes() throws {
    let folder = try Folder()
    let model = Self.file("double.onnx")
    let inputs = try #require(try TensorFile(contentsOf: Self.file("double.inputs.npz")).entries["x"]).values(
      of: Double.self)
    let rows = (0..<4).map { inputs.elements[$0 * 64..<($0 + 1) * 64].map { "\($0)" }.joined(separator: ",") }
    try folder.write(rows.joined(separator: "\n"), to: "rows.csv")
    let predicted = try Norma.run(["predict", model, folder.path("rows.csv"), "--no-header", "--json"])
    #expect(
      predicted.status == 0 && predicted.error.contains("computed with in single precision"), "\(predicted.error)")
    struct Prediction: Decodable {
      var probabilities: [String: Double]
    }
    let predictions: [Prediction] = try predicted.json()
    let scores = try #require(try TensorFile(contentsOf: Self.file("double.outputs.npz")).entries["scores"])
    let expected = scores.values(of: Double.self).softmax()
    try #require(predictions.count == 4)
    for (row, prediction) in predictions.enumerated() {
      for column in 0..<10 {
        let difference = abs((prediction.probabilities["\(column)"] ?? .nan) - expected[row, column])
        #expect(difference < 64 * Double(Float.unitRoundoff))
      }
    }
    let inspected = try Norma.run(["inspect", model])
    #expect(inspected.output.contains("in single precision, what the model has in double"), "\(inspected.output)")
    // Its tensors are told of as any others.
    let weights = try #require(inspected.output.split(separator: "\n").first { $0.hasPrefix("weight") })
    #expect(weights.split(separator: " ").count == 7)
  }
}
