/// What connects processes: how long a message takes from one to another.
public struct Interconnect: Hashable, Sendable {
  /// Bytes a second, in each direction at once.
  public let bandwidth: Double
  /// How long the shortest message takes, in seconds.
  public let latency: Double

  /// What a message takes by Ethernet between machines side by side.
  private static let ethernetLatency = 50e-6
  /// A gigabit a second, by Ethernet.
  public static let gigabit = Interconnect(bandwidth: 1e9 / 8, latency: ethernetLatency)

  /// One by its numbers, both above 0.
  public init(bandwidth: Double, latency: Double) {
    (self.bandwidth, self.latency) = (bandwidth, latency)
  }

  /// Reads `10Gbit` or `10Gbit:20us`: a rate in `Mbit` or `Gbit` a second and, behind a colon, a latency in `us` or `ms`; without one that
  /// of Ethernet between machines side by side, 50 microseconds.
  public init?(_ text: String) {
    func number(_ text: Substring, _ units: KeyValuePairs<String, Double>) -> Double? {
      for (unit, factor) in units where text.hasSuffix(unit) {
        guard let value = Double(text.dropLast(unit.count)), value > 0, value.isFinite else { return nil }
        return value * factor
      }
      return nil
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let rate = number(parts[0], ["Gbit": 1e9 / 8, "Mbit": 1e6 / 8]) else {
      return nil
    }
    guard parts.count == 2 else {
      self.init(bandwidth: rate, latency: Self.ethernetLatency)
      return
    }
    guard let latency = number(parts[1], ["us": 1e-6, "ms": 1e-3]) else { return nil }
    self.init(bandwidth: rate, latency: latency)
  }

  /// The seconds that two processes take to exchange so many bytes each way.
  func seconds(exchanging byteCount: Int) -> Double { latency + Double(byteCount) / bandwidth }
}
