/// Processes that work on one thing together, each with a rank from 0 on. Their number is a power of two.
///
/// All of them make the same calls of a channel in the same order; each call returns when the others that it is about have made it. Which engine
/// brings the bytes from one to the other is up to who conforms: MPI's in NormaParallel.
///
/// An engine exchanges, and no more. What is gathered or added up is made of exchanges here, since the order of a sum decides its bits, and
/// since an exchange knows whom it waits for.
public protocol ProcessGroup: AnyObject, Sendable {
  /// Which of them this process is.
  var rank: Int { get }
  /// How many there are.
  var count: Int { get }

  /// Sends bytes to another process and receives bytes from it, which must be as many as it sends; either may be none. What goes by one
  /// channel keeps its order; channels may be used by several threads, each by one.
  func exchange(
    with partner: Int, sending sent: UnsafeRawBufferPointer, receiving received: UnsafeMutableRawBufferPointer,
    channel: ProcessChannel
  ) throws(ProcessGroupError)
}

/// By which way processes exchange something: each has an order of its own.
public enum ProcessChannel: Int32, Sendable {
  /// What the work waits for.
  case work
  /// Gradients, which go beside it.
  case gradients
}

/// Why processes cannot go on together.
public struct ProcessGroupError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The process that it is about; nil if about none.
  public let rank: Int?
  /// What is the matter, said of that process: `has other data`.
  public let problem: String

  /// An error about a process of a rank, or about all.
  public init(rank: Int? = nil, problem: String) { (self.rank, self.problem) = (rank, problem) }

  public var description: String { rank.map { "process \($0) \(problem)" } ?? problem }
}

extension ProcessGroup {
  /// What vectors of all processes come to, combined two by two in the binary tree of aligned pairs over their ranks: `combine` is given
  /// the left one, which becomes the result, and the right one. By recursive doubling: in each of log₂ P rounds every process
  /// exchanges what it has with one other, and both combine the same two in the same order.
  ///
  /// The vectors must be of one length.
  ///
  /// - Parameter presence: whose vectors count, by rank, at least one; nil for all.
  package func combined<Number: BitwiseCopyable>(
    _ vector: [Number], presence: [Bool]? = nil, by combine: (inout [Number], [Number]) -> Void
  ) throws(ProcessGroupError) -> [Number] {
    guard let zero = vector.first else { return vector }
    let tree = RankTree(presence)
    var own = vector
    var step = 1
    while step < count {
      var other = [Number](repeating: zero, count: own.count)
      try exchange(with: rank ^ step, own, &other)
      let (isOwn, isOther) = (tree.counts(rank, below: step), tree.counts(rank ^ step, below: step))
      if !isOwn {
        own = other
      } else if isOther {
        if rank & step == 0 {
          combine(&own, other)
        } else {
          combine(&other, own)
          own = other
        }
      }
      step *= 2
    }
    return own
  }

  /// Adds up numbers of all processes in place, each in the tree that ``combined(_:presence:by:)`` has, by recursive halving and doubling: in
  /// each of log₂ P rounds a process sends half of what it still has to add and keeps the sums of the other half; then sums are given
  /// back the same way. So each sends and receives no more than twice its numbers, however many processes there are.
  ///
  /// - Parameters:
  ///   - numbers: as many in each process.
  ///   - presence: whose numbers count, by rank, at least one; nil for all.
  ///   - channel: by which way.
  package func sum<Number: TensorElement>(
    _ numbers: UnsafeMutableBufferPointer<Number>, presence: [Bool]? = nil, channel: ProcessChannel = .work
  ) throws(ProcessGroupError) {
    guard count > 1, let start = numbers.baseAddress else { return }
    let tree = RankTree(presence)
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
        receiving: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: received[..<kept.count])),
        channel: channel)
      let (isOwn, isOther) = (tree.counts(rank, below: step), tree.counts(rank ^ step, below: step))
      if isOwn && isOther {
        add(received.baseAddress!, to: start + kept.lowerBound, count: kept.count)
      } else if isOther {
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
        receiving: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: numbers[other])),
        channel: channel)
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
        do throws(ProcessGroupError) {
          try exchange(with: partner, sending: own, receiving: other, channel: .work)
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  /// The values of all processes, in the order of their ranks.
  package func gathered<Number: BitwiseCopyable>(_ value: Number) throws(ProcessGroupError) -> [Number] {
    try gathered([value])
  }

  /// The values of all processes, as many of each, in the order of their ranks: in each of log₂ P rounds two exchange all that they have.
  private func gathered<Number: BitwiseCopyable>(_ values: [Number]) throws(ProcessGroupError) -> [Number] {
    guard let zero = values.first else { return [] }
    var all = values
    var step = 1
    while step < count {
      var other = [Number](repeating: zero, count: all.count)
      try exchange(with: rank ^ step, all, &other)
      all = rank & step == 0 ? all + other : other + all
      step *= 2
    }
    return all
  }

  /// The lists of all processes, one after the other in the order of their ranks; they may be of different lengths.
  ///
  /// - Parameter zero: any value.
  package func concatenated<Number: BitwiseCopyable>(
    _ list: [Number], zero: Number
  ) throws(ProcessGroupError) -> [Number] {
    let lengths = try gathered(list.count)
    let longest = lengths.max() ?? 0
    guard longest > 0 else { return [] }
    let own = list + Array(repeating: zero, count: longest - list.count)
    let all = try gathered(own)
    return lengths.enumerated().flatMap { rank, length in all[rank * longest..<rank * longest + length] }
  }

  /// The rows of tensors of all processes, one after the other in the order of their ranks; all but the first axis is as long in each.
  package func concatenated<Element: TensorElement>(
    _ rows: Tensor<Element>
  ) throws(ProcessGroupError) -> Tensor<Element> {
    let all = try concatenated(rows.elements, zero: 0)
    let size = rows.shape.dropFirst().reduce(1, *)
    // Of rows without numbers, it is the lengths alone.
    let length = size > 0 ? all.count / size : try gathered(rows.shape[0]).reduce(0, +)
    return Tensor(all, shape: Shape([length] + rows.shape.dropFirst()))
  }

  /// Makes sure that all processes are about the same.
  ///
  /// - Parameter facts: what each says of itself, as a checksum, and what it has where that differs: `other data`.
  /// - Throws: ``ProcessGroupError``, the same in each, that names the first process which differs and in what.
  package func agree(on facts: [(name: String, checksum: UInt32)]) throws(ProcessGroupError) {
    let all = try concatenated(facts.map(\.checksum), zero: 0)
    for (index, fact) in facts.enumerated() {
      for rank in 1..<max(1, count) where all[rank * facts.count + index] != all[index] {
        throw ProcessGroupError(rank: rank, problem: "has \(fact.name) than process 0")
      }
    }
  }

  /// The part of so many things that falls to this process: one after the other, as many each as can be.
  package func share(of total: Int) -> Range<Int> { total * rank / count..<total * (rank + 1) / count }
}

extension (any ProcessGroup)? {
  /// Whether this process is the first of a group, or alone: the one that shows and writes.
  package var isFirst: Bool { self?.rank ?? 0 == 0 }
}

/// Whose numbers count, of processes that are combined two by two.
private struct RankTree {
  private let presence: [Bool]?

  init(_ presence: [Bool]?) { self.presence = presence }

  /// Whether somebody's numbers are in what the processes have together whose ranks differ from one in bits below a step.
  func counts(_ rank: Int, below step: Int) -> Bool {
    let first = rank / step * step
    return presence?[first..<first + step].contains(true) ?? true
  }
}

@specialized(where Number == Float)
@specialized(where Number == Double)
private func add<Number: TensorElement>(
  _ numbers: UnsafePointer<Number>, to sums: UnsafeMutablePointer<Number>, count: Int
) {
  for index in 0..<count { sums[index] += numbers[index] }
}
