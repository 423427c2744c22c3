/// Processes that work on one thing together, each with a rank from 0 on.
///
/// All of them make the same calls in the same order; each call returns when the others that it is about have made it. Which engine
/// brings the bytes from one to the other is up to who conforms: MPI's in NormaParallel.
///
/// Sums are none of an engine's business: their order decides bits. ``combined(_:by:)`` has the one that shards have.
public protocol ProcessGroup: AnyObject, Sendable {
  /// Which of them this process is.
  var rank: Int { get }
  /// How many there are.
  var count: Int { get }

  /// Sends bytes to another process and receives bytes from it, which must be as many as it sends; either may be none.
  func exchange(
    with partner: Int, sending sent: UnsafeRawBufferPointer, receiving received: UnsafeMutableRawBufferPointer
  ) throws(ProcessGroupError)
  /// Gives all processes the bytes of one, in place of as many of their own.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ProcessGroupError)
  /// Gives all processes the bytes of all, as many of each, in the order of their ranks.
  func gather(
    _ bytes: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer
  ) throws(ProcessGroupError)
  /// Returns when all processes are here.
  func barrier() throws(ProcessGroupError)
}

/// Why processes cannot go on together.
public struct ProcessGroupError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The process that tells of it, and the one that it is about, if it is about one.
  public let rank: Int, partner: Int?
  /// What is the matter.
  public let problem: String

  /// An error as a process sees it.
  public init(rank: Int, partner: Int? = nil, problem: String) {
    (self.rank, self.partner, self.problem) = (rank, partner, problem)
  }

  public var description: String {
    "process \(rank)\(partner.map { ", of process \($0)" } ?? ""): \(problem)"
  }
}

extension ProcessGroup {
  /// What vectors of all processes come to, combined two by two in the binary tree of aligned pairs over their ranks: `combine` is given
  /// the left one, which becomes the result, and the right one. By recursive doubling: in each of log₂ P rounds every process
  /// exchanges what it has with one other, and both combine the same two in the same order.
  ///
  /// The number of processes must be a power of two, and the vectors of one length.
  package func combined<Number: BitwiseCopyable>(
    _ vector: [Number], by combine: (inout [Number], [Number]) -> Void
  ) throws(ProcessGroupError) -> [Number] {
    require(count.nonzeroBitCount == 1, "\(count) processes are no power of two")
    guard let zero = vector.first else { return vector }
    var own = vector
    var step = 1
    while step < count {
      var other = [Number](repeating: zero, count: own.count)
      try exchange(with: rank ^ step, own, &other)
      if rank & step == 0 {
        combine(&own, other)
      } else {
        combine(&other, own)
        own = other
      }
      step *= 2
    }
    return own
  }

  /// Adds up numbers of all processes in place, each in the tree that ``combined(_:by:)`` has, by recursive halving and doubling: in each of
  /// log₂ P rounds a process sends half of what it still has to add and keeps the sums of the other half; then sums are given back
  /// the same way. So each sends and receives no more than twice its numbers, however many processes there are.
  ///
  /// - Parameters:
  ///   - numbers: as many in each process.
  ///   - isPresent: whether this process's numbers count.
  package func sum<Number: TensorElement>(
    _ numbers: UnsafeMutableBufferPointer<Number>, isPresent: Bool = true
  ) throws(ProcessGroupError) {
    require(count.nonzeroBitCount == 1, "\(count) processes are no power of two")
    guard count > 1, let start = numbers.baseAddress else { return }
    let everyone = try gathered(isPresent)
    /// Whether somebody's numbers are in the sums of those whose ranks differ from a rank in bits below a step.
    func hasNumbers(_ rank: Int, below step: Int) -> Bool {
      let first = rank / step * step
      return everyone[first..<first + step].contains(true)
    }
    var range = 0..<numbers.count
    var ranges: [Range<Int>] = []
    let received = UnsafeMutableBufferPointer<Number>.allocate(capacity: (numbers.count + 1) / 2)
    defer { received.deallocate() }
    var step = 1
    while step < count {
      ranges.append(range)
      let middle = range.lowerBound + range.count / 2
      let (low, high) = (range.lowerBound..<middle, middle..<range.upperBound)
      let (kept, sent) = rank & step == 0 ? (low, high) : (high, low)
      try exchange(
        with: rank ^ step, sending: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: numbers[sent])),
        receiving: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: received[..<kept.count])))
      let (own, other) = (hasNumbers(rank, below: step), hasNumbers(rank ^ step, below: step))
      if own && other {
        add(received.baseAddress!, to: start + kept.lowerBound, count: kept.count)
      } else if other {
        (start + kept.lowerBound).update(from: received.baseAddress!, count: kept.count)
      }
      range = kept
      step *= 2
    }
    for last in ranges.reversed() {
      step /= 2
      let other =
        last.lowerBound == range.lowerBound ? range.upperBound..<last.upperBound : last.lowerBound..<range.lowerBound
      try exchange(
        with: rank ^ step, sending: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: numbers[range])),
        receiving: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: numbers[other])))
      range = last
    }
  }

  private func exchange<Number: BitwiseCopyable>(
    with partner: Int, _ own: [Number], _ other: inout [Number]
  ) throws(ProcessGroupError) {
    // What Swift's own closures throw has no type here.
    var failure: ProcessGroupError?
    own.withUnsafeBytes { own in
      other.withUnsafeMutableBytes { other in
        do throws(ProcessGroupError) { try exchange(with: partner, sending: own, receiving: other) } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  /// The values of all processes, in the order of their ranks.
  package func gathered<Number: BitwiseCopyable>(_ value: Number) throws(ProcessGroupError) -> [Number] {
    var all = [Number](repeating: value, count: count)
    var failure: ProcessGroupError?
    withUnsafeBytes(of: value) { value in
      all.withUnsafeMutableBytes { all in
        do throws(ProcessGroupError) { try gather(value, into: all) } catch { failure = error }
      }
    }
    if let failure { throw failure }
    return all
  }
}

@specialized(where Number == Float)
@specialized(where Number == Double)
private func add<Number: TensorElement>(
  _ numbers: UnsafePointer<Number>, to sums: UnsafeMutablePointer<Number>, count: Int
) {
  for index in 0..<count { sums[index] += numbers[index] }
}
