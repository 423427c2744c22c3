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

  /// Runs the model on each set of inputs and compares what comes out.
  public func run() -> Outcome {
    do {
      let model = try ONNXModel(contentsOf: "\(folder)/model.onnx")
      if let obstacle = model.obstacle { return .unsupported(obstacle.description) }
      let sets = try FileAccess.names(inDirectory: folder).filter { $0.hasPrefix("test_data_set_") }
      guard !sets.isEmpty else { return .malformed("'\(folder)' has no test_data_set_0") }
      for set in sets {
        let inputs = try model.inputs.indices.map {
          try ONNXTensor(contentsOf: "\(folder)/\(set)/input_\($0).pb")
        }
        let results = try model(inputs)
        for (index, result) in results.enumerated() {
          let expected = try ONNXTensor(contentsOf: "\(folder)/\(set)/output_\(index).pb")
          if let difference = Self.difference(result, expected, as: model.outputs[index].elementType) {
            return .failed("output '\(model.outputs[index].name)' of \(set): \(difference)")
          }
        }
      }
      return .passed
    } catch let error as ONNXError {
      return error.kind == .unsupported ? .unsupported(error.description) : .malformed(error.description)
    } catch {
      return .malformed("\(error)")
    }
  }

  /// How two tensors differ by more than is allowed; nil if they do not.
  private static func difference(
    _ found: ONNXTensor, _ expected: ONNXTensor, as type: ONNXElementType?
  ) -> String? {
    guard found.shape == expected.shape, found.elementType == expected.elementType else {
      return "\(found.elementType) of shape \(found.shape), and not \(expected.elementType) of \(expected.shape)"
    }
    switch (found, expected) {
    case (.floats(let found), .floats(let expected)):
      // Numbers of half width that were computed more exactly may be a last digit or two from those that were not.
      let relativeTolerance = max(relativeTolerance, 2 * (type?.halfPrecision?.epsilon ?? 0))
      for (index, pair) in zip(found.elements, expected.elements).enumerated() {
        let (value, wanted) = (Double(pair.0), Double(pair.1))
        let isClose = abs(value - wanted) <= absoluteTolerance + relativeTolerance * abs(wanted)
        if !(isClose || value == wanted || value.isNaN && wanted.isNaN) {
          return "element \(index) is \(pair.0), not \(pair.1)"
        }
      }
      return nil
    case (.integers(let found), .integers(let expected)):
      let index = zip(found.values, expected.values).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      return index.map { "element \($0) is \(found.values[$0]), not \(expected.values[$0])" }
    default: return "elements of another type"
    }
  }
}

extension HalfPrecision {
  /// How far 1 is from the next larger number.
  fileprivate var epsilon: Double { self == .float16 ? 0x1p-10 : 0x1p-7 }
}
