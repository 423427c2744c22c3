import Foundation
import Norma
import NormaONNX
import TestSupport
import Testing

/// Models that break the rules, or ask for too much: each has its error, and none stops the program.
struct BadModelTests {
  private typealias Bytes = ModelBytes

  /// What is said of a model when it is read or, if it can be, run on zeros.
  private func complaint(_ bytes: [UInt8], x: Shape = [2, 3]) -> String {
    do throws(ONNXError) {
      _ = try ONNXModel(bytes: bytes)([.floats(.zeros(x))])
      return "nothing"
    } catch { return error.description }
  }

  private func relu(_ input: String, _ output: String) -> [UInt8] { Bytes.node("Relu", [input], [output]) }

  @Test func aModelWrittenByHandRuns() throws {
    #expect(complaint(Bytes.model([relu("x", "y")])) == "nothing")
    let sum = Bytes.model([Bytes.node("Add", ["x", "w"], ["y"])], tensors: [Bytes.tensor("w", [3])])
    let result = try ONNXModel(bytes: sum)([.floats(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))])
    #expect(result == [.floats(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))])
  }

  @Test func whatDoesNotHangTogetherIsToldOf() {
    let cases: [(model: [UInt8], words: String)] = [
      ([], "it has no graph"),
      (Array("not a model at all".utf8), "cut off, or no model"),
      (Bytes.model([relu("a", "y")]), "it needs 'a', which nothing before it gives"),
      (Bytes.model([relu("b", "a"), relu("a", "b"), relu("x", "y")]), "it needs 'b', which nothing before it gives"),
      (Bytes.model([relu("y", "y")]), "it needs 'y'"),
      (Bytes.model([relu("x", "y"), relu("x", "y")]), "it gives 'y', which is there already"),
      (Bytes.model([relu("x", "x")]), "it gives 'x', which is there already"),
      (Bytes.model([relu("x", "z")]), "nothing gives its output 'y'"),
      (Bytes.model([relu("x", "y")], version: 0), "version 0 of ONNX's operators; 1 to 28 are known"),
      (Bytes.model([relu("x", "y")], version: 1 << 40), "version 1099511627776"),
      (
        Bytes.model([relu("x", "y")], tensors: [Bytes.tensor("w", [3], bytes: 11)]),
        "11 bytes, and the shape [3] takes 12"
      ),
      (Bytes.model([relu("x", "y")], tensors: [Bytes.tensor("w", [-3], bytes: 12)]), "cannot have the shape [-3]"),
      (
        Bytes.model([relu("x", "y")], tensors: [Bytes.tensor("w", [1 << 40, 1 << 40], bytes: 4)]),
        "has too many elements"
      ),
      (
        Bytes.model([relu("x", "y")], tensors: [Bytes.tensor("w", [Int](repeating: 1, count: 9), bytes: 4)]),
        "a tensor of 9 axes"
      ),
      (Bytes.model([relu("x", "y")], tensors: [Bytes.tensor("w", type: 14, [2])]), "elements of type complex64"),
      (Bytes.model([relu("x", "y")], tensors: [Bytes.tensor("w", [1]), Bytes.tensor("w", [1])]), "it is there twice"),
      (
        Bytes.model([relu("x", "y")], tensors: [Bytes.tensor("w", [1]) + Bytes.field(14, 1)]),
        "its elements are in another file"
      ),
      (Bytes.model([relu("x", "y")], type: 14), "'x': it is of type complex64"),
      (Bytes.model([Bytes.node("Foo", ["x"], ["y"])]), "a node Foo: the operator is not among those that are done"),
      (Bytes.model([relu("x", "y") + Bytes.field(7, "com.example")]), "not among those that are done"),
      (
        Bytes.model([Bytes.node("Relu", ["x"], ["y"], Bytes.attribute("axis", [1], isList: false))]),
        "the attribute 'axis'"
      ),
      (
        Bytes.model([Bytes.node("Softmax", ["x"], ["y"], Bytes.attribute("axis", [1]))]), "'axis' is not a whole number"
      ),
      (Bytes.model([Bytes.node("Relu", ["x"], ["y", "z"])]), "it has 2 outputs; 1 are given"),
      (Bytes.model([Bytes.node("Relu", [], ["y"])]), "input 1 is missing"),
    ]
    for (model, words) in cases {
      let complaint = complaint(model)
      #expect(complaint.contains(words), "\(complaint)")
    }
  }

  @Test func inputsThatDoNotFitAreToldOf() throws {
    let model = try ONNXModel(bytes: Bytes.model([relu("x", "y")]))
    #expect(complaint(Bytes.model([relu("x", "y")]), x: [3, 3]).contains("it is float of [2, 3], not float of [3, 3]"))
    #expect(throws: ONNXError.self) { try model([]) }
    #expect(throws: ONNXError.self) { try model([.integers(ONNXIntegers([1, 2, 3, 4, 5, 6], shape: [2, 3]))]) }
  }

  @Test func memoryHasABound() throws {
    func run(_ nodes: [[UInt8]], tensors: [[UInt8]] = [], _ most: Int) throws(ONNXError) {
      let model = try ONNXModel(bytes: Bytes.model(nodes, tensors: tensors))
      _ = try model([.floats(.zeros([2, 3]))], maximumElementCount: most)
    }
    func complaint(_ nodes: [[UInt8]], tensors: [[UInt8]] = [], _ most: Int) -> String {
      do throws(ONNXError) { try run(nodes, tensors: tensors, most) } catch { return error.description }
      return "nothing"
    }
    let wider = [Bytes.node("Pad", ["x", "w"], ["y"])]
    let pads = [Bytes.integers("w", [0, 0, 0, 1])]
    #expect(complaint(wider, tensors: pads, 8) == "nothing")
    #expect(complaint(wider, tensors: pads, 7).contains("too many elements; 7 are the most"))
    // What is needed no more does not count: forty tensors one after the other, or at a time.
    let names = ["x"] + (1..<40).map { "x\($0)" } + ["y"]
    #expect(complaint(zip(names, names.dropFirst()).map { relu($0, $1) }, 6) == "nothing")
    let others = (1..<40).map { relu("x", "x\($0)") }
    let sum = [Bytes.node("Concat", (1..<40).map { "x\($0)" }, ["y"], Bytes.attribute("axis", [0], isList: false))]
    #expect(complaint(others + sum, 6).contains("with its results there are 102 elements that later nodes need"))
    #expect(complaint(others + sum, 240) == "nothing")
  }

  @Test func operatorsRefuseWhatTheRulesForbid() {
    typealias Setting = [UInt8]
    func list(_ name: String, _ values: Int...) -> Setting { Bytes.attribute(name, values) }
    func one(_ name: String, _ value: Int) -> Setting { Bytes.attribute(name, [value], isList: false) }
    let image = [1, 2, 4, 4]
    let weight = Bytes.tensor("w", [2, 2, 3, 3])
    func conv(_ settings: Setting...) -> [UInt8] {
      Bytes.model([Bytes.node("Conv", ["x", "w"], ["y"], settings.flatMap(\.self))], x: image, tensors: [weight])
    }
    func pool(_ settings: Setting...) -> [UInt8] {
      Bytes.model([Bytes.node("AveragePool", ["x"], ["y"], settings.flatMap(\.self))], x: image)
    }
    func with(_ operation: String, _ tensors: [[UInt8]], _ names: [String], _ settings: Setting...) -> [UInt8] {
      Bytes.model([Bytes.node(operation, ["x"] + names, ["y"], settings.flatMap(\.self))], tensors: tensors)
    }
    func spread(_ settings: Setting...) -> [UInt8] {
      Bytes.model(
        [Bytes.node("ConvTranspose", ["x", "w"], ["y"], settings.flatMap(\.self))], x: image, tensors: [weight])
    }
    func resize(_ tensors: [[UInt8]], _ names: [String], _ settings: Setting...) -> [UInt8] {
      Bytes.model([Bytes.node("Resize", ["x"] + names, ["y"], settings.flatMap(\.self))], x: image, tensors: tensors)
    }
    // A product with such a zero point is no whole number of 64 bits any more.
    let wholeProduct = Bytes.model(
      [Bytes.node("MatMulInteger", ["a", "b", "z"], ["y"])],
      tensors: [
        Bytes.tensor("a", type: 3, [2, 3], bytes: 6), Bytes.tensor("b", type: 3, [3, 2], bytes: 6),
        Bytes.integers("z", [1 << 62]),
      ])
    let cases: [(model: [UInt8], x: Shape, words: String)] = [
      (wholeProduct, [2, 3], "a zero point of another type"),
      (spread(one("group", 0)), [1, 2, 4, 4], "in 0 groups"),
      (spread(one("group", 3)), [1, 2, 4, 4], "in 3 groups"),
      (spread(list("strides", 0, 1)), [1, 2, 4, 4], "'strides' is [0, 1]"),
      (spread(list("strides", 1 << 30, 1)), [1, 2, 4, 4], "has too many elements"),
      (spread(list("output_padding", -1, 0)), [1, 2, 4, 4], "'output_padding' is [-1, 0]"),
      (spread(list("output_padding", 1 << 29, 0)), [1, 2, 4, 4], "has too many elements"),
      (spread(list("output_shape", 1 << 29, 1)), [1, 2, 4, 4], "has too many elements"),
      (spread(list("pads", 4, 4, 4, 4)), [1, 2, 4, 4], "leave nothing of the lengths [4, 4]"),
      (spread(list("kernel_shape", 2, 2)), [1, 2, 4, 4], "with weights"),
      (resize([], []), [1, 2, 4, 4], "neither scales nor sizes"),
      (resize([Bytes.integers("s", [4, 4])], ["", "", "s"]), [1, 2, 4, 4], "neither scales nor sizes"),
      (
        resize([Bytes.integers("s", [4, 1 << 29])], ["", "", "s"], list("axes", 2, 3)), [1, 2, 4, 4],
        "too many elements"
      ),
      (resize([Bytes.integers("s", [4, -1])], ["", "", "s"], list("axes", 2, 3)), [1, 2, 4, 4], "neither scales"),
      (resize([Bytes.integers("s", [4, 4])], ["", "", "s"], list("axes", 2, 2)), [1, 2, 4, 4], "name an axis twice"),
      (resize([Bytes.tensor("s", [4])], ["", "s"]), [1, 2, 4, 4], "scales of [0.0, 0.0, 0.0, 0.0]"),
      (with("Gather", [Bytes.integers("w", [3])], ["w"], one("axis", 1)), [2, 3], "there is no place 3"),
      (with("Gather", [Bytes.integers("w", [.min])], ["w"]), [2, 3], "there is no place"),
      (with("Gather", [Bytes.tensor("w", [1])], ["w"]), [2, 3], "indices of type float"),
      (conv(one("group", 0)), [1, 2, 4, 4], "in 0 groups"),
      (conv(one("group", -1)), [1, 2, 4, 4], "in -1 groups"),
      (conv(list("strides", 0, 1)), [1, 2, 4, 4], "'strides' is [0, 1]"),
      (conv(list("strides", 1)), [1, 2, 4, 4], "'strides' is [1], for 2 axes"),
      (conv(list("dilations", 1, 1 << 50)), [1, 2, 4, 4], "'dilations'"),
      (conv(list("dilations", 1, 1 << 20)), [1, 2, 4, 4], "larger than the padded lengths"),
      (conv(list("pads", 0, 0, -1, 0)), [1, 2, 4, 4], "'pads' is [0, 0, -1, 0]"),
      (conv(list("pads", 1 << 30, 0, 0, 0)), [1, 2, 4, 4], "has too many elements"),
      (conv(list("kernel_shape", 2, 2)), [1, 2, 4, 4], "images of [1, 2, 4, 4] with weights"),
      (pool(), [1, 2, 4, 4], "without a window for each axis"),
      (pool(list("kernel_shape", 5, 5)), [1, 2, 4, 4], "larger than the padded lengths [4, 4]"),
      (pool(list("kernel_shape", 0, 1)), [1, 2, 4, 4], "a window of [0, 1]"),
      (pool(list("kernel_shape", 1 << 40, 1)), [1, 2, 4, 4], "a window of"),
      (with("Add", [Bytes.tensor("w", [4])], ["w"]), [2, 3], "shapes [2, 3] and [4] do not go together"),
      (with("Add", [Bytes.integers("w", [1])], ["w"]), [2, 3], "elements of types float and int64"),
      (with("MatMul", [Bytes.tensor("w", [2, 3])], ["w"]), [2, 3], "no product of shapes [2, 3] and [2, 3]"),
      (with("Gemm", [Bytes.tensor("w", [3])], ["w"]), [2, 3], "no product"),
      (with("Gemm", [Bytes.tensor("w", [3, 2]), Bytes.tensor("c", [3])], ["w", "c"]), [2, 3], "C of shape [3]"),
      (with("Reshape", [Bytes.integers("w", [-1, -1])], ["w"]), [2, 3], "cannot have the shape [1, -1]"),
      (with("Reshape", [Bytes.integers("w", [4, -1])], ["w"]), [2, 3], "cannot become [4, -1]"),
      (with("Reshape", [Bytes.integers("w", [.max, .max])], ["w"]), [2, 3], "too many elements"),
      (with("Reshape", [Bytes.integers("w", [2, 3, 0])], ["w"]), [2, 3], "has no axis 2 to keep"),
      (with("Transpose", [], [], list("perm", 0, 0)), [2, 3], "[0, 0] is no order"),
      (with("Flatten", [], [], one("axis", 3)), [2, 3], "no axis 3 among 2"),
      (with("Softmax", [], [], one("axis", .min)), [2, 3], "no axis"),
      (with("Concat", [Bytes.tensor("w", [3, 2])], ["w"], one("axis", 0)), [2, 3], "cannot follow each other"),
      (with("Pad", [Bytes.integers("w", [0, .min, 0, 0])], ["w"]), [2, 3], "are not two lengths"),
      (with("Pad", [Bytes.integers("w", [0, 1 << 27, 0, 1 << 27])], ["w"]), [2, 3], "too many elements"),
      (with("Pad", [Bytes.integers("w", [0, 1])], ["w"]), [2, 3], "are not two lengths"),
      (with("ReduceMean", [], [], list("axes", 0, -2)), [2, 3], "axis -2 is named twice"),
      (with("LayerNormalization", [Bytes.tensor("w", [4])], ["w"]), [2, 3], "input 2 of shape [4] does not fit [3]"),
      (
        with(
          "BatchNormalization", [Bytes.tensor("w", [3]), Bytes.tensor("v", [2])], ["w", "w", "w", "v"]), [2, 3],
        "input 5 has shape [2], and [3] is needed"
      ),
      (
        with("BatchNormalization", [Bytes.tensor("w", [3])], ["w", "w", "w"]), [2, 3], "input 5 is missing"
      ),
    ]
    for (model, x, words) in cases {
      let complaint = complaint(model, x: x)
      #expect(complaint.contains(words), "\(complaint)")
    }
  }

  @Test func aModelThatIsCutAnywhereIsToldOf() throws {
    let bytes = try ExportedNetwork.all()[1].model().encoded()
    for count in 0..<bytes.count {
      #expect(throws: ONNXError.self, "\(count) of \(bytes.count) bytes") {
        try ONNXModel(bytes: Array(bytes[..<count]))
      }
    }
  }

  /// Whatever a byte becomes, there is a result or an error.
  @Test func aModelWithAByteChangedDoesNotStopTheProgram() throws {
    let names = ["mlp_batch", "untracked", "layers", "decoder", "words"]
    for network in try ExportedNetwork.all() where names.contains(network.name) {
      let bytes = try network.model().encoded()
      let input = network.input
      var errors = 0
      for index in bytes.indices {
        var changed = bytes
        changed[index] = changed[index] &+ UInt8(truncatingIfNeeded: 1 + 37 * index % 255)
        do throws(ONNXError) { _ = try ONNXModel(bytes: changed)([input]) } catch { errors += 1 }
      }
      #expect(errors > 0)
    }
  }
}
