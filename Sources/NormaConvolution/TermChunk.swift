/// The terms of a sum that are added up in one chain: at most 256, in the order of all terms.
///
/// It is what decides the bits of a convolution: a chunk's chain begins at zero, the first one's sum is the result, and each
/// further one's is added to that. Where chunks begin depends on the number of a term alone. They are also so short that the weights of a
/// chunk stay in the first cache while rows go by.
struct TermChunk: Sendable {
  static let mostTerms = 256

  /// The segments of neighbouring values that the terms come from: how far each begins from a row's own place, and its length.
  private(set) var places: [Int32] = []
  private(set) var lengths: [Int32] = []
  /// The number of the first of the terms.
  private(set) var firstTerm = 0
  private(set) var termCount = 0

  /// The chunks of the terms of segments, in their order: at least one, so that a sum without terms becomes zero.
  static func chunks(of segments: [(place: Int, length: Int)]) -> [TermChunk] {
    var chunks: [TermChunk] = []
    var chunk = TermChunk()
    for segment in segments {
      var (place, left) = (segment.place, segment.length)
      while left > 0 {
        if chunk.termCount == mostTerms {
          chunks.append(chunk)
          chunk = TermChunk(firstTerm: chunk.firstTerm + mostTerms)
        }
        let length = min(left, mostTerms - chunk.termCount)
        chunk.places.append(Int32(place))
        chunk.lengths.append(Int32(length))
        chunk.termCount += length
        place += length
        left -= length
      }
    }
    return chunks + [chunk]
  }

  /// The segments as loops take them.
  struct Segments {
    let places, lengths: UnsafeBufferPointer<Int32>
  }

  /// Lends the segments.
  @inline(__always)
  func withSegments(_ body: (Segments) -> Void) {
    places.withUnsafeBufferPointer { places in
      lengths.withUnsafeBufferPointer { body(Segments(places: places, lengths: $0)) }
    }
  }
}
