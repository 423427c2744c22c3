import Foundation
import NormaEvents
import NormaTensor
import TestSupport
import Testing

/// What people reported to TensorBoard of charts that mislead. Each is named by number in its public tracker and told in own
/// words; the bytes are those of its own messages (`event.proto`, `summary.proto`).
struct ReportedEventTests {
  /// What the records of a file hold, without lengths, checksums and times.
  private func payloads(_ writer: EventWriter) throws -> [[UInt8]] {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: writer.path)))
    var payloads: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
      let length = bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
      // The time is a double behind one byte.
      payloads.append(Array(bytes[(start + 12 + 9)..<(start + 12 + length)]))
      start += length + 16
    }
    return payloads
  }

  // tensorboard#3732, tensorboard#1272: a training that had written 150 steps went on from the hundredth, and the chart went
  // back from the last to the first of them. A start that is noted with its step makes TensorBoard forget what comes again.
  @Test func aRunThatGoesOnSaysFromWhere() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try EventWriter(directory: folder.path)
    try writer.addStart(step: 100)
    // The step is field 2; the session's log is field 7, and its status, field 1, is START, 1.
    #expect(try payloads(writer).last == [2 << 3, 100, 7 << 3 | 2, 2, 1 << 3, 1])
  }

  // tensorboard#866: a number between two that are none was not drawn. In the file each is what it is, none left out.
  @Test func whatIsNoNumberIsWrittenAsThat() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try EventWriter(directory: folder.path)
    let numbers: [Double] = [.nan, 0.5, .nan, -.infinity]
    for (step, number) in numbers.enumerated() { try writer.addScalar("loss", number, step: step) }
    // A scalar in single precision ends its record.
    let written = try payloads(writer).dropFirst().map { payload in
      Float(bitPattern: payload.suffix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
    #expect(written.count == 4 && written[0].isNaN && written[1] == 0.5 && written[2].isNaN)
    #expect(written[3] == -.infinity)
  }

  // tensorboard#87: weights that became NaN at one step spoiled the histograms of all.
  @Test func whatIsNoNumberSpoilsNoHistogram() {
    let histogram = EventHistogram(of: Tensor<Float>([.nan, 1, 2, .infinity, 4]), intervalCount: 3)
    #expect(histogram == EventHistogram(minimum: 1, maximum: 4, sum: 7, sumOfSquares: 21, counts: [1, 1, 1]))
    let none = EventHistogram(of: Tensor<Float>([.nan, .nan]))
    #expect(none.counts == [0] && none.minimum == 0 && none.maximum == 0)
  }

  // tensorboard#1011: of two runs that wrote into one folder the events of one were never shown. No file is written by two.
  @Test func twoWritersNeverShareAFile() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let writers = try (0..<3).map { _ in try EventWriter(directory: folder.path) { 1_700_000_000 } }
    #expect(Set(writers.map(\.path)).count == 3)
  }
}
