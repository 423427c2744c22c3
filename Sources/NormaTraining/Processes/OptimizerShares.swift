import NormaLayers
import NormaTensor

/// Which part of a model's numbers, all parameters one after the other, each of several processes changes and remembers something of, where an
/// optimizer is shared among them (Rajbhandari and others 2020, arXiv:1910.02054, their first stage): each changes its part of the
/// parameters by gradients that all have, and they tell one another what came of it.
package struct OptimizerShares: Sendable {
  /// The parts, by rank: one after the other, of all numbers.
  let parts: [Range<Int>]
  private let rank: Int

  /// The part of this process.
  package var own: Range<Int> { parts[rank] }

  /// Parts of which each has as many numbers that are trained as the others, as nearly as can be.
  ///
  /// - Parameters:
  ///   - parameters: the model's.
  ///   - unit: how many numbers of a parameter must stay together.
  package init<Element: TensorElement>(
    _ parameters: [Parameter<Element>], among group: any ProcessGroup, unit: (Parameter<Element>) -> Int
  ) {
    let trained = parameters.reduce(0) { $0 + ($1.isFrozen ? 0 : $1.shape.elementCount) }
    var bounds = [0]
    var (offset, before) = (0, 0)
    for parameter in parameters {
      let count = parameter.shape.elementCount
      let unit = max(1, unit(parameter))
      while !parameter.isFrozen, bounds.count < group.count {
        // The place, among the numbers of this parameter, up to which those before it have their share.
        let place = trained * bounds.count / group.count - before
        guard place <= count else { break }
        bounds.append(offset + min(count, (max(0, place) + unit - 1) / unit * unit))
      }
      offset += count
      if !parameter.isFrozen { before += count }
    }
    bounds += Array(repeating: offset, count: group.count + 1 - bounds.count)
    parts = zip(bounds, bounds.dropFirst()).map { $0..<$1 }
    rank = group.rank
  }

  /// How many numbers go in one message: enough to hide its latency, and little beside what is remembered.
  private static var messageLength: Int { 1 << 17 }

  /// Tells the processes one another's parts of some numbers, in place: in each of log₂ P rounds two exchange all that they have.
  ///
  /// - Parameters:
  ///   - atFirstOnly: whether it is the first process alone that is told.
  ///   - memory: where the numbers of a range lie.
  func gather<Element: TensorElement>(
    in group: any ProcessGroup, atFirstOnly: Bool = false,
    _ memory: (Range<Int>) -> [UnsafeMutableBufferPointer<Element>]
  ) throws(ProcessGroupError) {
    var failure: ProcessGroupError?
    withScratch(2 * Self.messageLength, of: Element.self) { scratch in
      var step = 1
      while step < group.count && failure == nil {
        func block(_ rank: Int) -> Range<Int> {
          let first = rank / step * step
          return parts[first].lowerBound..<parts[first + step - 1].upperBound
        }
        let partner = group.rank ^ step
        let (isSender, isReceiver) = (!atFirstOnly || partner < group.rank, !atFirstOnly || partner > group.rank)
        do throws(ProcessGroupError) {
          try exchange(
            isSender ? memory(block(group.rank)) : [], isReceiver ? memory(block(partner)) : [], with: partner,
            in: group, scratch)
        } catch { failure = error }
        // Who has told all that it has is done.
        if atFirstOnly && isSender { return }
        step *= 2
      }
    }
    if let failure { throw failure }
  }

  /// A vector of which each process has its part.
  func whole<Element: TensorElement>(
    _ part: Tensor<Element>, in group: any ProcessGroup, atFirstOnly: Bool
  ) throws(ProcessGroupError) -> Tensor<Element> {
    var failure: ProcessGroupError?
    let all = Tensor<Element>(shape: [parts.last?.upperBound ?? 0]) { all in
      part.withUnsafeElements { part in
        guard let start = part.baseAddress else { return }
        (all.baseAddress! + own.lowerBound).update(from: start, count: part.count)
      }
      do throws(ProcessGroupError) {
        try gather(in: group, atFirstOnly: atFirstOnly) { [UnsafeMutableBufferPointer(rebasing: all[$0])] }
      } catch { failure = error }
    }
    if let failure { throw failure }
    return all
  }

  private func exchange<Element: TensorElement>(
    _ own: [UnsafeMutableBufferPointer<Element>], _ other: [UnsafeMutableBufferPointer<Element>], with partner: Int,
    in group: any ProcessGroup, _ scratch: UnsafeMutablePointer<Element>
  ) throws(ProcessGroupError) {
    let length = Self.messageLength
    var (sent, received) = (MemoryWalk(own), MemoryWalk(other))
    while sent.left > 0 || received.left > 0 {
      let (out, back) = (min(length, sent.left), min(length, received.left))
      sent.next(out) { memory, offset in
        (scratch + offset).update(from: memory.baseAddress!, count: memory.count)
      }
      try group.exchange(
        with: partner, sending: UnsafeRawBufferPointer(UnsafeBufferPointer(start: scratch, count: out)),
        receiving: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: scratch + length, count: back)),
        channel: .work)
      received.next(back) { memory, offset in
        memory.baseAddress!.update(from: scratch + length + offset, count: memory.count)
      }
    }
  }
}

/// A walk through pieces of memory as if they were one.
private struct MemoryWalk<Element> {
  private var pieces: ArraySlice<UnsafeMutableBufferPointer<Element>>
  private(set) var left: Int

  init(_ pieces: [UnsafeMutableBufferPointer<Element>]) {
    self.pieces = pieces[...]
    left = pieces.reduce(0) { $0 + $1.count }
  }

  /// Lends the next so many numbers, in as many pieces as they lie in, with the place of each among them.
  mutating func next(_ count: Int, _ body: (UnsafeMutableBufferPointer<Element>, Int) -> Void) {
    var offset = 0
    left -= count
    while offset < count {
      let piece = pieces.removeFirst()
      let length = min(piece.count, count - offset)
      guard length > 0 else { continue }
      body(UnsafeMutableBufferPointer(rebasing: piece[..<length]), offset)
      if length < piece.count { pieces = [UnsafeMutableBufferPointer(rebasing: piece[length...])] + pieces }
      offset += length
    }
  }
}

extension Optimizer {
  /// Keeps this process's part of what is remembered, and changes that part of the parameters from now on.
  mutating func share(_ parameters: [Parameter<Element>], among group: any ProcessGroup) {
    let (isWhole, clipsByUnits) = (rule.takesWholeParameters, clipsByUnits)
    let shares = OptimizerShares(parameters, among: group) { parameter in
      let count = parameter.shape.elementCount
      return isWhole || (clipsByUnits && parameter.shape.rank < 2)
        ? count : clipsByUnits ? count / max(1, parameter.shape[0]) : 1
    }
    self.shares = shares
    slots = slots.mapValues { $0.gathering(rows: shares.own) }
  }

  /// Tells all processes what came of the parameters in each.
  func gather(_ parameters: [Parameter<Element>], in group: any ProcessGroup) throws(ProcessGroupError) {
    try shares?.gather(in: group) { range in
      var found: [UnsafeMutableBufferPointer<Element>] = []
      var offset = 0
      for parameter in parameters {
        let own = range.clamped(to: offset..<offset + parameter.shape.elementCount)
        defer { offset += parameter.shape.elementCount }
        guard !own.isEmpty, !parameter.isFrozen else { continue }
        parameter.withUnsafeMutableElements { numbers in
          found.append(UnsafeMutableBufferPointer(rebasing: numbers[own.lowerBound - offset..<own.upperBound - offset]))
        }
      }
      return found
    }
  }

  /// The optimizer with all that the processes remember together.
  ///
  /// - Parameter atFirstOnly: whether it is to be whole in the first process alone.
  func whole(in group: any ProcessGroup, atFirstOnly: Bool) throws(ProcessGroupError) -> Self {
    guard let shares else { return self }
    var whole = self
    whole.shares = nil
    // In one order in all processes.
    for (name, own) in slots.sorted(by: { $0.key < $1.key }) {
      whole.slots[name] = try shares.whole(own, in: group, atFirstOnly: atFirstOnly)
    }
    return whole
  }
}
