import Foundation
import Hummingbird
import Norma
import NormaImages

/// The kinds of body that a request may have.
enum BodyKind: Sendable {
  case json, floats, image

  /// The kind that a content type names; nil for another.
  init?(contentType: String) {
    let type = contentType.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
    switch type {
    case "application/json": self = .json
    case "application/octet-stream": self = .floats
    case "image/png", "image/jpeg": self = .image
    default: return nil
    }
  }
}

/// Makes examples of a request's body.
struct RequestReader: Sendable {
  let model: ServedModel
  /// The most examples that a request may hold.
  let exampleLimit: Int
  /// The most bytes that a body of any kind may have.
  let byteLimit: Int

  /// The most bytes that a body of a kind may have: as many as the numbers take, for JSON 32 for each.
  func byteLimit(_ kind: BodyKind) -> Int {
    let numberCount = model.featureCount.multipliedReportingOverflow(by: exampleLimit)
    let perNumber = kind == .json ? 32 : 4
    let (bytes, isTooLarge) = numberCount.partialValue.multipliedReportingOverflow(by: perNumber)
    return kind == .image || numberCount.overflow || isTooLarge ? byteLimit : min(byteLimit, bytes + 64)
  }

  /// The examples, and whether they are a list, which is answered by a list, be it of one.
  func examples(_ body: ByteBuffer, _ kind: BodyKind) throws(ServiceError) -> (examples: [Example], isList: Bool) {
    switch kind {
    case .floats: try floats(body)
    case .json: try numbers(body)
    case .image: ([.image(try image(body))], false)
    }
  }

  private func floats(_ body: ByteBuffer) throws(ServiceError) -> (examples: [Example], isList: Bool) {
    let size = 4 * model.featureCount
    guard body.readableBytes > 0, body.readableBytes % size == 0 else {
      throw ServiceError(
        .badRequest,
        "An example is \(model.featureCount) 32-bit floats, \(size) bytes, and \(body.readableBytes) bytes are no whole number of them"
      )
    }
    let count = body.readableBytes / size
    try check(count)
    if let index = body.firstUnusableFloat() {
      throw ServiceError(.badRequest, "Number \(index), counted from 0, is not finite")
    }
    return (
      (0..<count).map { .floats(body.getSlice(at: body.readerIndex + $0 * size, length: size) ?? body) }, count > 1
    )
  }

  private func numbers(_ body: ByteBuffer) throws(ServiceError) -> (examples: [Example], isList: Bool) {
    let numbers: JSONNumbers
    do throws(JSONNumbers.Problem) {
      numbers = try body.withUnsafeReadableBytes { bytes throws(JSONNumbers.Problem) in
        try JSONNumbers(bytes, limit: model.featureCount * exampleLimit)
      }
    } catch {
      throw ServiceError(
        .badRequest, "The body is no JSON array of numbers, at byte \(error.place): \(error.description)")
    }
    let (size, lengths) = (model.featureCount, Array(model.shape))
    let isOne = numbers.lengths == lengths || numbers.lengths == [size]
    let isList = numbers.lengths.dropFirst() == lengths[...] || numbers.lengths.dropFirst() == [size]
    guard isOne || isList, !numbers.numbers.isEmpty else {
      let shape = lengths.count == 1 ? "" : ", or in arrays of the shape \(model.shape)"
      throw ServiceError(
        .badRequest,
        "An example is an array of \(size) numbers\(shape), and a list an array of such; this is of the shape \(numbers.lengths)"
      )
    }
    try check(numbers.numbers.count / size)
    if model.shape.rank > 1, let index = numbers.numbers.firstIndex(where: { !Float($0).isFinite }) {
      throw ServiceError(.badRequest, "Number \(index), counted from 0, is too large for a 32-bit number")
    }
    return (
      stride(from: 0, to: numbers.numbers.count, by: size).map { .numbers(numbers.numbers[$0..<$0 + size]) }, !isOne
    )
  }

  private func check(_ count: Int) throws(ServiceError) {
    guard count <= exampleLimit else {
      throw ServiceError(
        .contentTooLarge, "A request may hold \(exampleLimit) examples (--max-batch), and this one has \(count)")
    }
  }

  private func image(_ body: ByteBuffer) throws(ServiceError) -> Tensor<Float> {
    guard let shape = model.imageShape else {
      throw ServiceError(.unsupportedMediaType, "The model takes no images, but examples of the shape \(model.shape)")
    }
    do throws(FormatError) {
      let image = try RasterImage(bytes: Array(buffer: body), file: "the image").converted(toChannels: shape[2])
      return image.fitted(height: shape[0], width: shape[1], shorterSide: model.shorterSide)
    } catch {
      throw ServiceError(.badRequest, "\(error.location.map { "\($0): " } ?? "")\(error)")
    }
  }
}
