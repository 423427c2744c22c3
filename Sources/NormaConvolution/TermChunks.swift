import CKernels

/// The terms of a sum in chunks: those that are added up in one chain, at most 256, in the order of all terms.
///
/// It is what decides the bits of a convolution: a chunk's chain begins at zero, the first one's sum is the result, and each
/// further one's is added to that. Where chunks begin depends on the number of a term alone. They are also so short that the weights of a
/// chunk stay in the first cache while rows go by.
struct TermChunks: Sendable {
  static let mostTerms = Int(NORMA_TERMS)

  /// The segments of neighbouring values that the terms come from: how far each begins from a row's own place, and its length. None
  /// reaches over the end of a chunk.
  private(set) var places: [Int32] = []
  private(set) var lengths: [Int32] = []
  /// The first segment of each chunk, and their end.
  private var starts = [0]

  /// The chunks of the terms of segments, in their order: at least one, so that a sum without terms becomes zero.
  init(of segments: [(place: Int, length: Int)]) {
    var room = Self.mostTerms
    for segment in segments {
      var (place, left) = (segment.place, segment.length)
      while left > 0 {
        if room == 0 {
          starts.append(places.count)
          room = Self.mostTerms
        }
        let length = min(left, room)
        places.append(Int32(place))
        lengths.append(Int32(length))
        (place, left, room) = (place + length, left - length, room - length)
      }
    }
    starts.append(places.count)
  }

  /// One chunk, as loops take it.
  struct Chunk {
    /// The number of its first term.
    let firstTerm: Int
    /// Its segments.
    let places, lengths: UnsafeBufferPointer<Int32>
    let isFirst, isLast: Bool
  }

  /// All chunks, while they are lent.
  struct Lent: RandomAccessCollection {
    fileprivate let places, lengths: UnsafeBufferPointer<Int32>
    fileprivate let starts: UnsafeBufferPointer<Int>

    let startIndex = 0
    var endIndex: Int { starts.count - 1 }

    subscript(index: Int) -> Chunk {
      let segments = starts[index]..<starts[index + 1]
      return Chunk(
        firstTerm: index * TermChunks.mostTerms, places: UnsafeBufferPointer(rebasing: places[segments]),
        lengths: UnsafeBufferPointer(rebasing: lengths[segments]), isFirst: index == 0, isLast: index == endIndex - 1)
    }
  }

  /// Lends the chunks.
  @inline(__always)
  func withChunks(_ body: (Lent) -> Void) {
    places.withUnsafeBufferPointer { places in
      lengths.withUnsafeBufferPointer { lengths in
        starts.withUnsafeBufferPointer { body(Lent(places: places, lengths: lengths, starts: $0)) }
      }
    }
  }
}
