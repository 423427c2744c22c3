import Foundation
import NormaFiles
import NormaTensor
internal import SwiftProtobuf

/// Writes an event file, which TensorBoard shows while it grows and afterwards.
///
/// ```swift
/// let events = try EventWriter(directory: "runs/first")
/// try events.addScalar("loss/training", 0.25, step: 1)
/// ```
///
/// TensorBoard takes each folder for a run: give every run one of its own. It groups tags by what stands before a slash. Each
/// record is handed to the system at once: TensorBoard sees it at its next look, and it stays if the process is killed. If a
/// record cannot be written, as on a full disk, the file keeps all those before it, whole.
public final class EventWriter: Sendable {
  /// The file: `events.out.tfevents.TIME.HOST.PROCESS.NUMBER` in the folder.
  public let path: String
  private let file: Guarded<GrowingFile>
  private let now: @Sendable () -> Double

  /// Creates a folder, if it is not there, and a new event file in it.
  ///
  /// - Parameters:
  ///   - directory: the folder of the run.
  ///   - now: the time that is noted with each record, in seconds since 1970.
  /// - Throws: `FileError` if the folder or the file cannot be created or written.
  public init(
    directory: String, now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
  ) throws(FileError) {
    try FileAccess.createWritableDirectory(directory)
    let owner = "\(Self.hostName).\(getpid())"
    let time = String(
      format: "%010ld", max(Int(now().rounded(.down)), try Self.latestTime(in: directory, exceptOf: owner) + 1))
    let start = "\(directory)/events.out.tfevents.\(time).\(owner)"
    let file = try Self.firstFree { number throws(FileError) in try GrowingFile(creating: "\(start).\(number)") }
    path = file.path
    self.file = Guarded(file)
    self.now = now
    try append(.with { $0.fileVersion = "brain.Event:2" })
  }

  /// The latest time in the names of event files that another process wrote, whose files TensorBoard reads in the order of
  /// their names: a run that is gone on with within a second must not come before what it goes on from.
  private static func latestTime(in directory: String, exceptOf owner: String) throws(FileError) -> Int {
    var latest = 0
    for name in try FileAccess.names(inDirectory: directory) {
      let parts = name.split(separator: ".", maxSplits: 4)
      guard name.hasPrefix("events.out.tfevents."), parts.count == 5, let time = Int(parts[3]), time < 1 << 40,
        !parts[4].hasPrefix("\(owner).")
      else { continue }
      latest = max(latest, time)
    }
    return latest
  }

  /// The first file of a numbered row that was not there before.
  private static func firstFree(
    _ create: (_ number: Int) throws(FileError) -> GrowingFile?
  ) throws(FileError) -> GrowingFile {
    var number = 0
    while true {
      if let file = try create(number) { return file }
      number += 1
    }
  }

  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Adds a number, which the file holds in single precision.
  ///
  /// - Throws: `FileError` if it cannot be written.
  public func addScalar(_ tag: String, _ value: Double, step: Int) throws(FileError) {
    try add(.with { $0.scalar = Float(value) }, tag, step)
  }

  /// Adds the distribution of values.
  ///
  /// - Throws: `FileError` if it cannot be written.
  public func addHistogram(_ tag: String, _ histogram: EventHistogram, step: Int) throws(FileError) {
    try add(.with { $0.histogram = histogram.message }, tag, step)
  }

  /// Adds the distribution of a tensor's values; those that are not finite are left out.
  ///
  /// - Throws: `FileError` if it cannot be written.
  public func addHistogram(_ tag: String, of values: Tensor<some TensorElement>, step: Int) throws(FileError) {
    try addHistogram(tag, EventHistogram(of: values), step: step)
  }

  /// Adds a picture, which is given as the bytes of a PNG file.
  ///
  /// - Throws: `FormatError` if the bytes do not begin as a PNG does; `FileError` if it cannot be written.
  public func addImage(_ tag: String, png: [UInt8], step: Int) throws {
    // The signature, then the header: its length, four letters, width and height, the depth of samples and the kind of colour,
    // which is grey, colour, palette, or one of the former with opacity (ISO/IEC 15948).
    let start: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
    let channels: [UInt8: Int32] = [0: 1, 2: 3, 3: 3, 4: 2, 6: 4]
    guard png.count >= 26, png.starts(with: start), let channelCount = channels[png[25]] else {
      throw FormatError(file: tag, problem: "it is no PNG", remedy: "Give the bytes of a whole PNG file.")
    }
    func length(at place: Int) -> Int32 {
      Int32(truncatingIfNeeded: png[place..<place + 4].reduce(0) { $0 << 8 | Int($1) })
    }
    let message = ProtoImage.with {
      $0.width = length(at: 16)
      $0.height = length(at: 20)
      $0.channels = channelCount
      $0.png = Data(png)
    }
    try add(.with { $0.image = message }, tag, step)
  }

  /// Adds a text, which TensorBoard shows as Markdown.
  ///
  /// - Throws: `FileError` if it cannot be written.
  public func addText(_ tag: String, _ text: String, step: Int) throws(FileError) {
    let stringType: Int32 = 7
    let tensorClass: Int32 = 2
    let message = ProtoText.with {
      $0.elementType = stringType
      $0.shape = .with { $0.axes = [.with { $0.length = 1 }] }
      $0.strings = [Data(text.utf8)]
    }
    let presentation = ProtoPresentation.with {
      $0.plugin = .with { $0.name = "text" }
      $0.dataClass = tensorClass
    }
    let value = ProtoTaggedValue.with {
      $0.text = message
      $0.presentation = presentation
    }
    try add(value, tag, step)
  }

  /// Notes that a run goes on, after it was interrupted, with the given step. TensorBoard forgets all that was written for this
  /// step and those behind it, which come again.
  ///
  /// - Throws: `FileError` if it cannot be written.
  public func addStart(step: Int) throws(FileError) {
    try append(
      .with {
        $0.step = Int64(step)
        $0.session = .with { $0.status = .start }
      })
  }

  /// Waits until everything is on the disk, as at the end of a run.
  ///
  /// - Throws: `FileError` if it could not be brought there.
  public func synchronize() throws(FileError) {
    try file.withLock { file in Result { () throws(FileError) in try file.synchronize() } }.get()
  }

  private func add(_ value: ProtoTaggedValue, _ tag: String, _ step: Int) throws(FileError) {
    var value = value
    value.tag = tag
    try append(
      .with {
        $0.step = Int64(step)
        $0.summary = .with { $0.values = [value] }
      })
  }

  private func append(_ event: ProtoEvent) throws(FileError) {
    var event = event
    event.wallTime = now()
    let payload: [UInt8]
    do { payload = try event.serializedBytes() } catch {
      throw FileError(path: path, operation: .write, reason: "The record is too large: \(error)")
    }
    let record = Self.framed(payload)
    try file.withLock { file in Result { () throws(FileError) in try file.append(record) } }.get()
  }

  /// A record of a TFRecord file: the length, its checksum, the payload, its checksum, all little-endian.
  private static func framed(_ payload: [UInt8]) -> [UInt8] {
    func bytes(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
    let length = bytes(UInt64(payload.count))
    return length + bytes(CRC32C.maskedChecksum(of: length)) + payload + bytes(CRC32C.maskedChecksum(of: payload))
  }
}
