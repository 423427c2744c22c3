import Foundation
import Hummingbird

/// Why a request is not answered as it wishes.
public struct ServiceError: Error, Equatable, CustomStringConvertible {
  /// The status of the answer.
  public let status: HTTPResponse.Status
  /// What is wrong, and what would be right.
  public let message: String
  /// In how many seconds it may be tried again, where that helps.
  public let retryAfter: Int?

  /// The methods that the path knows, where it was asked by another.
  public let allowed: String?

  /// An error with its status.
  public init(
    _ status: HTTPResponse.Status, _ message: String, retryAfter: Int? = nil, allowed: String? = nil
  ) {
    self.status = status
    self.message = message
    self.retryAfter = retryAfter
    self.allowed = allowed
  }

  public var description: String { "\(status.code): \(message)" }

  /// The body of the answer: `{"error":{"message":"…"}}`.
  public var body: ByteBuffer {
    var body = ByteBuffer(string: #"{"error":{"message":"#)
    body.writeJSON(message)
    body.writeStaticString("}}")
    return body
  }

  /// The answer.
  public var response: Response {
    var headers: HTTPFields = [.contentType: "application/json; charset=utf-8"]
    if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
    headers[.allow] = allowed
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
  }
}

extension ByteBuffer {
  /// Writes a text as JSON has it, with quotation marks.
  mutating func writeJSON(_ text: String) {
    writeInteger(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": writeStaticString("\\\"")
      case "\\": writeStaticString("\\\\")
      case "\u{0}"..<" ": writeString(String(format: "\\u%04x", scalar.value))
      default: writeString(String(scalar))
      }
    }
    writeInteger(UInt8(ascii: "\""))
  }
}
