import Foundation
import NormaFiles
import NormaLayers
import NormaTensor

/// With what the names of all tensors begin that belong to a training rather than to its model.
let trainingPrefix = "norma."

extension ModelState {
  /// Puts all of it into a file, under its names after a prefix.
  func add(to file: inout Safetensors, prefix: String = "") {
    for (name, tensor) in tensors { file.entries[prefix + name] = Safetensors.Entry(tensor) }
    for (name, count) in counts { file.entries[prefix + name] = .integers([Int64(count)], shape: []) }
  }

  /// The state that a file's entries are; the element type must be that of the file.
  init(_ entries: [String: Safetensors.Entry], file: String, remedy: String) throws {
    self.init()
    for (name, entry) in entries {
      func error(_ problem: String) -> FormatError {
        FormatError(file: file, problem: "'\(name)' \(problem)", remedy: remedy)
      }
      // Counts may be of any type: whoever turned all of a state into another turned them too.
      if !entry.elementType.isFloatingPoint || name == "num_batches_tracked" || name.hasSuffix(".num_batches_tracked") {
        guard let count = entry.count else { throw error("counts batches, and is no count") }
        counts[name] = count
      } else {
        guard let tensor = entry.exactTensor(of: Element.self) else {
          throw error("is neither \(Element.typeName) nor a count")
        }
        tensors[name] = tensor
      }
    }
  }
}

extension Safetensors.Entry {
  /// The tensor, if it is one of this very element type.
  func exactTensor<Element: TensorElement>(of type: Element.Type) -> Tensor<Element>? {
    switch self {
    case .float(let tensor): tensor as? Tensor<Element>
    case .double(let tensor): tensor as? Tensor<Element>
    case .integers, .other: nil
    }
  }
}

extension Encodable {
  /// The value as JSON with sorted keys; infinite numbers, which JSON lacks and the loss of a step may be, are texts.
  package var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

extension Decodable {
  /// The value that ``Swift/Encodable/json`` gave as text.
  package init(json text: String) throws {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    self = try decoder.decode(Self.self, from: Data(text.utf8))
  }
}
