import Foundation

/// A value in an event file, as TensorBoard's own reader found it.
public struct LoggedValue: Decodable {
  /// A picture, as it was written.
  public struct Image: Decodable {
    public var height, width, channels: Int
    public var png: Data
  }

  /// A distribution: the smallest and the largest value; count, sum and sum of squares; where intervals end, and what is in
  /// them.
  public struct Histogram: Decodable {
    public var range, sums, limits, counts: [Double]
  }

  public var file, tag: String
  public var time: Double
  public var step: Int
  public var scalar: Double?
  public var histogram: Histogram?
  public var image: Image?
  public var texts: [String]?

  /// Whether ``readAll(in:)`` can be called.
  public static let canBeRead = Python.has("tensorboard")

  /// Everything in the event files of a folder, in order.
  public static func readAll(in folder: String) throws -> [LoggedValue] {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode([LoggedValue].self, from: try Python.runScript("read_events.py", folder))
  }
}
