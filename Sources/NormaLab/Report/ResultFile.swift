import Foundation

/// The results of experiments as JSON.
///
/// JSON has no numbers for the infinities and NaN; they are written as the strings "Infinity", "-Infinity" and "NaN".
/// Keys are sorted, so equal results give equal bytes.
public enum ResultFile {
  /// The text of a result as UTF-8, ending in a line break.
  public static func data(_ result: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return try encoder.encode(result) + Data("\n".utf8)
  }

  /// The result in the text that ``data(_:)`` wrote.
  ///
  /// Throws ``ResultFileError`` if the text is no JSON or no such result.
  public static func result<Result: Decodable>(
    _ type: Result.Type, from data: Data
  ) throws(ResultFileError) -> Result {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    do {
      return try decoder.decode(type, from: data)
    } catch let error as DecodingError {
      throw ResultFileError(error)
    } catch {
      throw ResultFileError(place: "", problem: "\(error)")
    }
  }
}

/// A file of results that cannot be read.
public struct ResultFileError: Error, Equatable, CustomStringConvertible {
  /// Where in the file, such as "runs, 2, epochs"; empty for the file as a whole.
  public let place: String
  /// What is wrong there.
  public let problem: String

  init(place: String, problem: String) {
    self.place = place
    self.problem = problem
  }

  init(_ error: DecodingError) {
    let context: DecodingError.Context
    var missing: (any CodingKey)?
    switch error {
    case .keyNotFound(let key, let found): (context, missing) = (found, key)
    case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found): context = found
    @unknown default: context = .init(codingPath: [], debugDescription: "\(error)")
    }
    // Entries of lists are counted from 1, as people do.
    place = context.codingPath.map { $0.intValue.map { "\($0 + 1)" } ?? $0.stringValue }.joined(separator: ", ")
    problem = missing.map { "\"\($0.stringValue)\" is missing" } ?? context.debugDescription
  }

  public var description: String {
    "This is no file of results that Norma wrote: \(place.isEmpty ? "" : "at \(place): ")\(problem)"
  }
}
