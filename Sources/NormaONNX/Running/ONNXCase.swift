import NormaFiles
import NormaTensor

/// One of ONNX's test cases for its operators: a folder with `model.onnx` and, in `test_data_set_0` and so on, the inputs
/// and the outputs that are expected, `input_0.pb` and `output_0.pb` and so on.
public struct ONNXCase: Sendable {
  /// How a case came out.
  public enum Outcome: Hashable, Sendable {
    /// All outputs are as expected.
    case passed
    /// An output is another than expected; in words, how.
    case failed(String)
    /// It asks for something that is not done; in words, what.
    case unsupported(String)
    /// The folder's files break the rules; in words, how.
    case malformed(String)
  }

  /// The differences that ONNX's own runner allows: so much of the expected value, and so much.
  public static let relativeTolerance = 1e-3, absoluteTolerance = 1e-7
  /// The difference that is allowed beside it, as a part of the largest magnitude that is expected in the output: what sums in another
  /// order make of a network, in which small numbers are what large ones leave over.
  public static let scaleTolerance = 1e-5

  /// The case's name: that of its folder.
  public let name: String
  private let folder: String

  /// The cases in a folder, sorted by name; a folder that is a case itself is one.
  ///
  /// - Throws: `FileError` if it cannot be read.
  public static func all(in folder: String) throws(FileError) -> [ONNXCase] {
    let names = try FileAccess.names(inDirectory: folder)
    if names.contains("model.onnx") { return [ONNXCase(folder: folder)] }
    return names.map { ONNXCase(folder: "\(folder)/\($0)") }
      .filter { FileAccess.kind(of: "\($0.folder)/model.onnx") == .file }
  }

  private init(folder: String) {
    self.folder = folder
    name = folder.split(separator: "/").last.map(String.init) ?? folder
  }

  /// The operators of the case's model; empty if it cannot be read.
  public var operators: [String] { (try? ONNXModel.operators(inFile: "\(folder)/model.onnx")) ?? [] }

  /// What came out of a case.
  public struct Report: Sendable {
    /// How it came out.
    public var outcome: Outcome
    /// The largest difference of an output's element, as a part of the largest magnitude that is expected in it; nil where none was
    /// compared.
    public var largestDifference: Double?
    /// The operators that are not done, sorted.
    public var missingOperators: [String] = []
    /// Whether the model was run as a network of Norma's too, folded and prepared; false where it is none.
    public var ranAsNetwork = false
  }

  /// Runs the model on each set of inputs and compares what comes out.
  public func run() -> Outcome { report().outcome }

  /// Runs the model on each set of inputs, operator by operator, and where it can as a network of Norma's, of which all inputs but the
  /// first are constants; and compares what comes out.
  ///
  /// - Parameter tolerance: how much an element may differ, as a part of the largest magnitude that is expected in its output. An element
  ///   within ONNX's own tolerance passes too, where none is given.
  public func report(tolerance: Double? = nil) -> Report {
    var report = Report(outcome: .passed)
    report.missingOperators = operators.filter { ONNXOperators.single[$0] == nil }
    do {
      let model = try ONNXModel(contentsOf: "\(folder)/model.onnx")
      if let obstacle = model.obstacle { throw obstacle }
      let sets = try FileAccess.names(inDirectory: folder).filter { $0.hasPrefix("test_data_set_") }
      guard !sets.isEmpty else {
        report.outcome = .malformed("'\(folder)' has no test_data_set_0")
        return report
      }
      for set in sets {
        let inputs = try model.inputs.indices.map {
          try ONNXTensor(contentsOf: "\(folder)/\(set)/input_\($0).pb", as: model.inputs[$0])
        }
        let expected = try model.outputs.indices.map {
          try ONNXTensor(contentsOf: "\(folder)/\(set)/output_\($0).pb", as: model.outputs[$0]).widened
        }
        for (index, result) in try model(inputs).enumerated() {
          compare(result, expected[index], of: model, index, set, tolerance, &report)
        }
        if let result = try model.networkOutput(inputs) {
          report.ranAsNetwork = true
          compare(result, expected[0], of: model, 0, "\(set), as a network", tolerance, &report)
        }
      }
    } catch let error as ONNXError {
      report.outcome =
        error.kind == .unsupported ? .unsupported(error.description) : .malformed(error.description)
    } catch {
      report.outcome = .malformed("\(error)")
    }
    return report
  }

  private func compare(
    _ found: ONNXTensor, _ expected: ONNXTensor, of model: ONNXModel, _ index: Int, _ set: String, _ tolerance: Double?,
    _ report: inout Report
  ) {
    let (difference, problem) = Self.difference(
      found, expected, as: model.outputs[index].elementType, tolerance: tolerance)
    if let difference { report.largestDifference = max(report.largestDifference ?? 0, difference) }
    if let problem, case .passed = report.outcome {
      report.outcome = .failed("output '\(model.outputs[index].name)' of \(set): \(problem)")
    }
  }

  /// The largest difference of two tensors as a part of the largest magnitude that is expected, and in words how they differ by more than
  /// is allowed; nil if they do not.
  private static func difference(
    _ found: ONNXTensor, _ expected: ONNXTensor, as type: ONNXElementType?, tolerance: Double?
  ) -> (largest: Double?, problem: String?) {
    guard found.shape == expected.shape, found.elementType == expected.elementType, found.isTensor == expected.isTensor
    else {
      return (nil, "\(found.elementType) of shape \(found.shape), and not \(expected.elementType) of \(expected.shape)")
    }
    switch (found, expected) {
    case (.floats(let found), .floats(let expected)):
      // Numbers of half width that were computed more exactly may be a last digit or two from those that were not.
      let relative = max(relativeTolerance, 2 * (type?.narrowFloat?.epsilon ?? 0))
      return difference(found, expected, relative: relative, tolerance: tolerance)
    case (.doubles(let found), .doubles(let expected)):
      return difference(found, expected, relative: relativeTolerance, tolerance: tolerance)
    case (.integers(let found), .integers(let expected)):
      let index = zip(found.values, expected.values).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      return (nil, index.map { "element \($0) is \(found.values[$0]), not \(expected.values[$0])" })
    case (.strings(let found), .strings(let expected)):
      let index = zip(found.values, expected.values).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      return (nil, index.map { "element \($0) is '\(found.values[$0])', not '\(expected.values[$0])'" })
    case (.sequence(let found), .sequence(let expected)):
      let parts = zip(found, expected).map { difference($0, $1, as: type, tolerance: tolerance) }
      let index = parts.firstIndex { $0.problem != nil }
      return (
        parts.compactMap(\.largest).max(), index.map { "tensor \($0) of the sequence: \(parts[$0].problem ?? "")" }
      )
    case (.nothing, .nothing): return (nil, nil)
    default: return (nil, "elements of another type")
    }
  }

  private static func difference<Element: TensorElement>(
    _ found: Tensor<Element>, _ expected: Tensor<Element>, relative: Double, tolerance: Double?
  ) -> (largest: Double?, problem: String?) {
    let scale = expected.elements.reduce(0.0) { $1.isFinite ? max($0, Double($1.magnitude)) : $0 }
    var (largest, problem): (Double, String?) = (0, nil)
    for (index, pair) in zip(found.elements, expected.elements).enumerated() {
      let (value, wanted) = (Double(pair.0), Double(pair.1))
      if value == wanted || value.isNaN && wanted.isNaN { continue }
      let distance = abs(value - wanted)
      largest = max(largest, distance.isFinite && scale > 0 ? distance / scale : .infinity)
      let isClose =
        distance <= (tolerance ?? scaleTolerance) * scale
        || tolerance == nil && distance <= absoluteTolerance + relative * abs(wanted)
      if !isClose, problem == nil { problem = "element \(index) is \(pair.0), not \(pair.1)" }
    }
    return (largest, problem)
  }
}
