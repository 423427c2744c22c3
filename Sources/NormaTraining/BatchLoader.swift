import Dispatch
import NormaData
import NormaTensor

/// The batches of one epoch. Where a batch takes a while to prepare, the next one is prepared on another thread while the
/// caller works with the one before, and where it takes longer, several are, each on a thread of its own; the batches are the same
/// either way, to the last bit.
///
/// To stop early, drop the loader: batches that are still being prepared are finished in the background and freed.
package struct BatchLoader<Element: TensorElement>: IteratorProtocol {
  /// What makes a batch what it is.
  private struct Recipe: Sendable {
    let data: Dataset<Element>
    let order: [Int]
    let ranges: [Range<Int>]
    let places: [Range<Int>]?
    let augmentation: ImageAugmentation?
    let random: RandomGenerator

    func batch(_ index: Int) -> Dataset<Element> {
      let start = ranges[index].lowerBound
      let places = places?[index] ?? 0..<ranges[index].count
      let rows = order[start + places.lowerBound..<start + places.upperBound]
      guard let augmentation else { return data.batch(rows) }
      // A generator for each batch: what is drawn for one depends on no other.
      var random = random.split(UInt64(index))
      return data.batch(rows, changedBy: augmentation, from: places.lowerBound, using: &random)
    }
  }

  /// From how many copied bytes on a batch is prepared ahead. Below, handing it to another thread and back takes longer than
  /// the copy. Steps of small fully connected networks on two shared cores, prepared ahead against not, medians of six pairs
  /// of runs: 1.22 times as long with 50 of MNIST's images (157 kB; 0.78 to 1.79), 0.86 with 512 (1.6 MB), 0.89 with 128 of
  /// CIFAR-10's (1.6 MB); changed by chance, 0.87 with 128 and 0.92 with 50 (0.6 MB; 0.87 to 1.08).
  static var smallestPrefetch: Int { 1 << 20 }

  private let recipe: Recipe
  /// How many batches are prepared ahead.
  private let depth: Int
  private var position: Int
  private var upcoming: [PrefetchedValue<Dataset<Element>>] = []

  /// The batches of an epoch.
  ///
  /// - Parameters:
  ///   - data: all samples.
  ///   - order: the rows of the data in the epoch's order.
  ///   - ranges: the part of the order that makes each batch.
  ///   - places: which examples of each are wanted, by their places in it; nil for all.
  ///   - augmentation: what is done to the images of each batch.
  ///   - random: decides how, and is the epoch's own.
  ///   - start: how many batches are left out, because they had their turn before.
  ///   - prefetching: whether batches are prepared ahead; nil where that takes less time.
  package init(
    _ data: Dataset<Element>, order: [Int], ranges: [Range<Int>], places: [Range<Int>]? = nil,
    augmentation: ImageAugmentation?, random: RandomGenerator, startingAt start: Int = 0, prefetching: Bool? = nil
  ) {
    position = start
    recipe = Recipe(
      data: data, order: order, ranges: ranges, places: places, augmentation: augmentation, random: random)
    let size =
      (places?.first?.count ?? ranges.first?.count ?? 0) * data.exampleShape.elementCount * MemoryLayout<Element>.size
    // What is changed by chance takes about as long again.
    let prefetches = prefetching ?? ((augmentation == nil ? size : 2 * size) >= Self.smallestPrefetch)
    // Decoding, scaling and colours take as long as a small network's step.
    let isLong = data.areOriginals || augmentation?.changesPixels == true
    depth = isLong && prefetching != false ? max(1, min(Self.mostAhead, Parallel.threadCount)) : prefetches ? 1 : 0
  }

  /// More batches than these are not kept waiting: each takes the memory of a batch.
  private static var mostAhead: Int { 4 }

  /// The next batch, and the beginning of work on the one after it; nil after the last.
  package mutating func next() -> Dataset<Element>? {
    guard position < recipe.ranges.count else { return nil }
    // What was begun at the last call goes on while this one's is waited for.
    let batch = (upcoming.isEmpty ? nil : upcoming.removeFirst().wait()) ?? recipe.batch(position)
    position += 1
    while upcoming.count < depth, position + upcoming.count < recipe.ranges.count {
      upcoming.append(PrefetchedValue { [recipe, next = position + upcoming.count] in recipe.batch(next) })
    }
    return batch
  }
}

/// A value that another thread computes.
private final class PrefetchedValue<Value: Sendable>: Sendable {
  private let value = Guarded<Value?>(nil)
  private let isReady = DispatchSemaphore(value: 0)

  /// Begins to compute a value.
  init(_ compute: @escaping @Sendable () -> Value) {
    DispatchQueue.global(qos: .userInitiated).async {
      let computed = compute()
      self.value.withLock { $0 = computed }
      self.isReady.signal()
    }
  }

  /// The value, once it is there; may be asked for once.
  func wait() -> Value? {
    isReady.wait()
    return value.withLock { value in
      defer { value = nil }
      return value
    }
  }
}
