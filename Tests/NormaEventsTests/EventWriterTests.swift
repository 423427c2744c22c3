import Foundation
import NormaEvents
import NormaFiles
import NormaImages
import NormaTensor
import TestSupport
import Testing

struct EventWriterTests {
  private let folder: URL
  private let time = 1_700_000_000.25

  init() throws { folder = try makeTemporaryDirectory() }

  private func writer(_ name: String = "run") throws -> EventWriter {
    try EventWriter(directory: folder.appending(path: name).path) { [time] in time }
  }

  private func bytes(of writer: EventWriter) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: writer.path)))
  }

  @Test func itWritesWhatTensorBoardsOwnWriterWrites() throws {
    let writer = try writer()
    try writer.addScalar("loss/training", 0.1, step: 1)
    try writer.addScalar("größe", -2.5e-38, step: -3)
    try writer.addScalar("zero", 0, step: 0)
    try writer.addScalar("infinite", 1e300, step: 1 << 40)
    let histogram = EventHistogram(minimum: -1, maximum: 3, sum: 4, sumOfSquares: 16.5, counts: [2, 0, 1, 2])
    try writer.addHistogram("activations/hidden 1", histogram, step: 2)
    try writer.addText("settings", "a | b\n数", step: 0)
    let expected = try Data(contentsOf: fixturesDirectory.appending(path: "files/written.tfevents"))
    #expect(try bytes(of: writer) == [UInt8](expected))
  }

  @Test func everyRecordIsInTheFileAtOnceAndCarriesItsLengthAndChecksums() throws {
    let writer = try writer()
    var ends = [try bytes(of: writer).count]
    for step in 1...3 {
      try writer.addScalar("x", Double(step), step: step)
      ends.append(try bytes(of: writer).count)
    }
    let bytes = try bytes(of: writer)
    var start = 0
    for end in ends {
      let record = bytes[start..<end]
      let payload = record.dropFirst(12).dropLast(4)
      #expect(littleEndian(record.prefix(8)) == payload.count)
      #expect(littleEndian(record.dropFirst(8).prefix(4)) == Int(CRC32C.maskedChecksum(of: record.prefix(8))))
      #expect(littleEndian(record.suffix(4)) == Int(CRC32C.maskedChecksum(of: payload)))
      start = end
    }
  }

  private func littleEndian(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reversed().reduce(0) { $0 << 8 | Int($1) } }

  @Test func filesAreNamedAsTensorBoardLooksForThemAndNeverTwiceTheSame() throws {
    let names = try (0..<3).map { _ in URL(filePath: try writer().path).lastPathComponent }
    #expect(names.allSatisfy { $0.hasPrefix("events.out.tfevents.1700000000.") })
    #expect(zip(names, ["0", "1", "2"]).allSatisfy { $0.hasSuffix(".\($1)") })
  }

  /// TensorBoard reads the files of a folder in the order of their names.
  @Test func aFileComesAfterThoseThatOtherProcessesWroteBefore() throws {
    let run = folder.appending(path: "run")
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    for name in ["events.out.tfevents.1700000007.other.1.0", "events.out.tfevents.none", "events.out.tfevents.9.a"] {
      try Data().write(to: run.appending(path: name))
    }
    let name = URL(filePath: try writer().path).lastPathComponent
    #expect(name.hasPrefix("events.out.tfevents.1700000008."))
  }

  @Test(.enabled(if: Python.has("tensorboard"), "NORMA_PYTHON names no Python with TensorBoard"))
  func tensorBoardTakesBackWhatComesAgain() throws {
    let first = try writer()
    for step in 1...9 { try first.addScalar("x", Double(step), step: step) }
    try FileManager.default.moveItem(
      atPath: first.path, toPath: folder.appending(path: "run/events.out.tfevents.1600000000.other.1.0").path)
    let second = try writer()
    try second.addStart(step: 6)
    for step in 6...12 { try second.addScalar("x", -Double(step), step: step) }
    let printed = try Python.runLines(
      """
      from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
      events = EventAccumulator(arguments[0], size_guidance={"tensors": 0, "scalars": 0})
      events.Reload()
      print([(event.step, event.value) for event in events.Scalars("x")])
      """, folder.appending(path: "run").path)
    let expected = (1...5).map { "(\($0), \($0).0)" } + (6...12).map { "(\($0), -\($0).0)" }
    #expect(printed == "[\(expected.joined(separator: ", "))]\n")
  }

  @Test func aFolderThatCannotBeMadeIsAnError() throws {
    try Data().write(to: folder.appending(path: "file"))
    #expect(throws: FileError.self) { try writer("file/run") }
  }

  @Test func histogramsHoldEveryFiniteValueOnce() {
    let histogram = EventHistogram(of: Tensor<Float>([-2, .nan, 0, 1, 1.5, 2, .infinity]), intervalCount: 4)
    #expect(histogram == EventHistogram(minimum: -2, maximum: 2, sum: 2.5, sumOfSquares: 11.25, counts: [1, 0, 1, 3]))
    let equal = EventHistogram(of: Tensor<Float>(repeating: 3, shape: [5]))
    #expect(equal == EventHistogram(minimum: 3, maximum: 3, sum: 15, sumOfSquares: 45, counts: [5]))
    let none = EventHistogram(of: Tensor<Float>([.nan]))
    #expect(none == EventHistogram(minimum: 0, maximum: 0, sum: 0, sumOfSquares: 0, counts: [0]))
  }

  @Test(arguments: [
    [-Double.greatestFiniteMagnitude, 0, .greatestFiniteMagnitude], [0, .leastNonzeroMagnitude], [1e9, 1e9 + 1e-6],
  ])
  func histogramsTakeEveryRange(values: [Double]) {
    let histogram = EventHistogram(of: Tensor<Double>(values))
    #expect(histogram.counts.reduce(0, +) == values.count)
    #expect(histogram.minimum == values.first && histogram.maximum == values.last)
  }

  @Test(.enabled(if: LoggedValue.canBeRead, "NORMA_PYTHON names no Python with TensorBoard"))
  func tensorBoardReadsWhatWasWritten() throws {
    let writer = try writer()
    let numbers = [0.1, -1e-40, 1e300, .nan, -.infinity, 12345.678]
    for (step, number) in numbers.enumerated() { try writer.addScalar("numbers", number, step: step) }
    var random = RandomGenerator(seed: 1)
    let values = Tensor<Float>.normal([1000], using: &random)
    try writer.addHistogram("values", of: values, step: 7)
    try writer.addHistogram("no values", of: Tensor<Float>([]), step: 8)
    let grey = RasterImage(height: 2, width: 3, channelCount: 1, pixels: [0, 50, 100, 150, 200, 255])
    let colour = RasterImage(height: 1, width: 2, channelCount: 3, pixels: [255, 0, 0, 1, 2, 3])
    try writer.addImage("pictures/grey", png: grey.encodedAsPNG(), step: 1)
    try writer.addImage("pictures/colour", png: colour.encodedAsPNG(), step: 2)
    #expect(throws: FormatError.self) { try writer.addImage("pictures/none", png: Array("GIF89a".utf8), step: 2) }
    try writer.addText("words", "**bold**", step: 3)
    try writer.synchronize()

    let read = try LoggedValue.readAll(in: folder.appending(path: "run").path)
    #expect(read.allSatisfy { $0.time == time })
    let scalars = read.filter { $0.tag == "numbers" }
    #expect(scalars.map(\.step) == Array(numbers.indices))
    for (value, number) in zip(scalars, numbers) {
      #expect(value.scalar.map { Float($0).bitPattern } == Float(number).bitPattern)
    }
    let histogram = try #require(read.first { $0.tag == "values" }?.histogram)
    let elements = values.elements.map(Double.init)
    #expect(histogram.range.first == elements.min() && histogram.range.last == elements.max())
    #expect(histogram.sums == [1000, elements.reduce(0, +), elements.reduce(0) { $0 + $1 * $1 }])
    #expect(histogram.counts.count == 40 && histogram.counts.reduce(0, +) == 1000)
    #expect(histogram.limits.last == elements.max() && histogram.limits == histogram.limits.sorted())
    for (tag, image) in [("pictures/grey", grey), ("pictures/colour", colour)] {
      let found = try #require(read.first { $0.tag == tag }?.image)
      #expect(found.height == image.height && found.width == image.width && found.channels == image.channelCount)
      #expect(try RasterImage(bytes: [UInt8](found.png), file: tag) == image)
    }
    #expect(read.last?.texts == ["**bold**"] && read.last?.step == 3)
  }
}
