import Hummingbird
import Norma

/// The forms in which an answer is given.
enum AnswerFormat: Sendable {
  /// `{"label":"7","probabilities":{"0":0.01,…}}`, or `{"values":[…]}`.
  case json
  /// 32-bit floats, little-endian: the probability of each class in the order of the classes, or the numbers.
  case binary

  var contentType: String {
    switch self {
    case .json: "application/json; charset=utf-8"
    case .binary: "application/octet-stream"
    }
  }
}

/// Writes a model's answers. What is the same in all of them is made once.
struct AnswerWriter: Sendable {
  /// What stands before the label of each class, by its number.
  private let labels: [ByteBuffer]
  /// What stands before each number.
  private let keys: [ByteBuffer]
  private let isOfClasses: Bool
  /// What the numbers of classes are called: probabilities or scores.
  let kind: String

  init(_ checkpoint: Checkpoint) {
    kind = checkpoint.givesProbabilities ? "probabilities" : "scores"
    guard case .classes(let names) = checkpoint.settings.outputs else {
      (labels, keys, isOfClasses) = ([], [], false)
      return
    }
    isOfClasses = true
    let kind = kind
    let texts = names.map { name in
      var text = ByteBuffer()
      text.writeJSON(name)
      return text
    }
    labels = texts.map { ByteBuffer(string: #"{"label":"#) + $0 + ByteBuffer(string: #","\#(kind)":{"#) }
    keys = texts.enumerated().map { ByteBuffer(string: $0 == 0 ? "" : ",") + $1 + ByteBuffer(string: ":") }
  }

  /// The body for the answers to a request.
  ///
  /// - Parameters:
  ///   - answers: what is answered.
  ///   - isList: whether the request was a list of examples, so that the answer is one too, be it of one.
  func body(_ answers: some Collection<Answer>, format: AnswerFormat, isList: Bool) -> ByteBuffer {
    var body = ByteBuffer()
    switch format {
    case .binary:
      body.reserveCapacity(answers.reduce(0) { $0 + 4 * $1.numbers.count })
      for answer in answers {
        for number in answer.numbers { body.writeInteger(Float(number).bitPattern, endianness: .little) }
      }
    case .json:
      body.reserveCapacity(answers.reduce(64) { $0 + 24 * $1.numbers.count })
      if isList { body.writeInteger(UInt8(ascii: "[")) }
      for (index, answer) in answers.enumerated() {
        if index > 0 { body.writeInteger(UInt8(ascii: ",")) }
        write(answer, to: &body)
      }
      if isList { body.writeInteger(UInt8(ascii: "]")) }
    }
    return body
  }

  private func write(_ answer: Answer, to body: inout ByteBuffer) {
    if isOfClasses {
      body.writeImmutableBuffer(labels[answer.best])
      for (key, number) in zip(keys, answer.numbers) {
        body.writeImmutableBuffer(key)
        // A probability is given in as many digits as it takes to read the same 32-bit number again.
        body.writeString(Float(number).description)
      }
      body.writeStaticString("}}")
    } else {
      body.writeStaticString(#"{"values":["#)
      for (index, number) in answer.numbers.enumerated() {
        if index > 0 { body.writeInteger(UInt8(ascii: ",")) }
        body.writeString(number.description)
      }
      body.writeStaticString("]}")
    }
  }
}

private func + (left: ByteBuffer, right: ByteBuffer) -> ByteBuffer {
  var result = left
  result.writeImmutableBuffer(right)
  return result
}
