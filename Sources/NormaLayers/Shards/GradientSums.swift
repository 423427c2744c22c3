import Foundation
import NormaTensor

/// The gradients of a step that several processes share: added up over the shards here and then over the processes while the backward pass
/// still goes on, since those of the last layers are whole first.
///
/// Gradients go in buckets of several parameters, in the reverse of the parameters' order, which all processes keep. Numbers are added up in the
/// shards' tree one by one: where buckets end changes no bit.
///
/// Unchecked: what changes is changed with the lock of `condition` held, and buffers by the thread that exchanges them alone.
package final class GradientSums<Element: TensorElement>: @unchecked Sendable {
  /// How many bytes a bucket has at least, where there are as many left: enough to hide a message's latency.
  private static var bucketSize: Int { 1 << 18 }

  private let condition = NSCondition()
  private let cut: BatchCut
  private let group: any ProcessGroup
  /// The place of each parameter that is not frozen, and its bucket, by its identity; and the places of those that make each bucket.
  private let places: [ObjectIdentifier: (parameter: Int, bucket: Int)]
  private let buckets: [[Int]]
  /// What each shard here has brought for each parameter, and how many have for a bucket's parameters all in all.
  private var brought: [[Tensor<Element>?]]
  private var missing: [Int]
  /// Whether no more will be brought: parameters without a gradient have none.
  private var isComplete = false
  private var hasEnded = false
  private var sums: [Tensor<Element>?]
  private var failure: ProcessGroupError?

  /// - Parameters:
  ///   - parameters: those of the model.
  ///   - cut: how the batch is cut, among processes of a group.
  package init(_ parameters: [Parameter<Element>], _ cut: BatchCut, in group: any ProcessGroup) {
    (self.cut, self.group) = (cut, group)
    var places: [ObjectIdentifier: (parameter: Int, bucket: Int)] = [:]
    var (buckets, size): ([[Int]], Int) = ([[]], 0)
    for (place, parameter) in parameters.enumerated().reversed() where !parameter.isFrozen {
      if size >= Self.bucketSize { (buckets, size) = (buckets + [[]], 0) }
      buckets[buckets.count - 1].append(place)
      places[ObjectIdentifier(parameter)] = (place, buckets.count - 1)
      size += parameter.shape.elementCount * MemoryLayout<Element>.stride
    }
    (self.places, self.buckets) = (places, buckets)
    let present = cut.standsIn ? 1 : cut.shards[cut.local].count { !$0.isEmpty }
    missing = buckets.map { $0.count * present }
    brought = Array(repeating: Array(repeating: nil, count: cut.local.count), count: parameters.count)
    sums = Array(repeating: nil, count: parameters.count)
    let thread = Thread { [self] in exchange() }
    thread.name = "norma gradients"
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// Takes in the gradient of a parameter that a shard has found.
  package func add(_ gradient: Tensor<Element>, of parameter: ObjectIdentifier, shard: Int) {
    guard let (place, bucket) = places[parameter] else { return }
    condition.lock()
    brought[place][shard - cut.local.lowerBound] = gradient
    missing[bucket] -= 1
    if missing[bucket] == 0 { condition.broadcast() }
    condition.unlock()
  }

  /// The sums for each parameter, once all shards have brought what they have; nil for one without a gradient.
  func all() throws(ProcessGroupError) -> [Tensor<Element>?] {
    condition.lock()
    isComplete = true
    condition.broadcast()
    while !hasEnded { condition.wait() }
    condition.unlock()
    if let failure { throw failure }
    return sums
  }

  /// Ends the exchange of a step that failed.
  package func cancel() {
    condition.lock()
    failure = ProcessGroupError(problem: "the step has failed")
    isComplete = true
    condition.broadcast()
    condition.unlock()
  }

  /// Exchanges one bucket after the other, each once it is whole.
  private func exchange() {
    for bucket in buckets.indices {
      condition.lock()
      while missing[bucket] > 0 && !isComplete { condition.wait() }
      let found = buckets[bucket].map { brought[$0] }
      for place in buckets[bucket] { brought[place] = [] }
      let hasFailed = failure != nil
      condition.unlock()
      if hasFailed { break }
      let own = Parallel.withoutHelp { found.map { $0.combined(by: +) } }
      do throws(ProcessGroupError) {
        let all = try added(own)
        condition.lock()
        for (place, sum) in zip(buckets[bucket], all) { sums[place] = sum }
        condition.unlock()
      } catch {
        condition.lock()
        failure = error
        condition.unlock()
        break
      }
    }
    condition.lock()
    hasEnded = true
    condition.broadcast()
    condition.unlock()
  }

  /// Tensors of all processes added up, in one message a round.
  private func added(_ tensors: [Tensor<Element>?]) throws(ProcessGroupError) -> [Tensor<Element>?] {
    let total = tensors.reduce(0) { $0 + ($1?.count ?? 0) }
    var failure: ProcessGroupError?
    let sums = Tensor<Element>(shape: [total]) { all in
      var offset = 0
      for case let tensor? in tensors {
        tensor.withUnsafeElements { numbers in
          guard let start = numbers.baseAddress else { return }
          (all.baseAddress! + offset).update(from: start, count: tensor.count)
        }
        offset += tensor.count
      }
      do throws(ProcessGroupError) { try group.sum(all, presence: cut.presence, channel: .gradients) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    var offset = 0
    return tensors.map { tensor in
      guard let tensor else { return nil }
      defer { offset += tensor.count }
      return sums[rows: offset..<offset + tensor.count].reshaped(to: tensor.shape)
    }
  }
}
