import NormaTensor

// Signals and their spectra.
extension OperatorCall {
  /// `HannWindow`, `HammingWindow` and `BlackmanWindow`: sums of cosines, of coefficients whose signs alternate.
  func cosineWindow(_ coefficients: [Double]) throws(ONNXError) -> [ONNXTensor] {
    let size = try wholeNumber(0)
    let isPeriodic = try integer("periodic", or: 1) != 0
    let shape = try shape([size])
    let period = Double(isPeriodic ? size : max(1, size - 1))
    let values = (0..<size).map { place in
      coefficients.enumerated().reduce(0.0) { sum, term in
        sum + (term.offset % 2 == 0 ? 1 : -1) * term.element
          * Functions.sineAndCosine(turns: Double(term.offset * place) / period).cosine
      }
    }
    return [try made(doubles: Tensor(values, shape: shape), "output_datatype")]
  }

  /// Numbers as those of a type that an attribute names.
  private func made(doubles: Tensor<Double>, _ attribute: String) throws(ONNXError) -> ONNXTensor {
    let type = try elementType(attribute, or: .float)
    return try type == .double ? .doubles(doubles) : made(doubles.converted(), as: type)
  }

  /// `MelWeightMatrix`: triangles over the frequencies of a spectrum, evenly spread over the mel scale.
  func melWeights() throws(ONNXError) -> [ONNXTensor] {
    let (bands, length, rate) = (try wholeNumber(0), try wholeNumber(1), try wholeNumber(2))
    guard let lower = try optionalFloats(3)?.elements.first, let upper = try optionalFloats(4)?.elements.first,
      bands > 0, bands <= maximumElementCount, length >= 0, length <= maximumElementCount, rate > 0, lower >= 0,
      upper >= lower, upper <= 0x1p40
    else { throw malformed("\(bands) bands of a spectrum of \(length) at a rate of \(rate)") }
    let bins = length / 2 + 1
    let shape = try shape([bins, bands])
    func mel(_ frequency: Element) -> Double {
      2595 * Functions.logarithm(1 + Double(frequency) / 700) / 2.302_585_092_994_046
    }
    let (low, high) = (mel(lower), mel(upper))
    let step = (high - low) / Double(bands + 2)
    let edges = (0..<bands + 2).map { index -> Int in
      let frequency = 700 * (Functions.exponential((low + Double(index) * step) / 2595 * 2.302_585_092_994_046) - 1)
      // What is beyond any spectrum is told of below.
      return Int(min(Double(length + 1) * frequency / Double(rate), 0x1p40).rounded(.down))
    }
    guard edges.allSatisfy({ $0 >= 0 && $0 < bins }) else { throw malformed("frequencies beyond half of the rate") }
    var values = [Double](repeating: 0, count: shape.elementCount)
    for band in 0..<bands {
      let (left, centre, right) = (edges[band], edges[band + 1], edges[band + 2])
      if left == centre { values[centre * bands + band] = 1 }
      for bin in left..<max(left, centre + (left == centre ? 0 : 1)) {
        values[bin * bands + band] = Double(bin - left) / Double(centre - left)
      }
      for bin in centre..<right { values[bin * bands + band] = Double(right - bin) / Double(right - centre) }
    }
    return [try made(doubles: Tensor(values, shape: shape), "output_datatype")]
  }

  /// `DFT`: the discrete Fourier transform along an axis, real and imaginary parts in the last; or its inverse.
  func fourierTransform() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard x.rank >= 2, let parts = x.shape.last, parts == 1 || parts == 2 else {
      throw malformed("a signal of shape \(x.shape), whose last axis has the real and imaginary parts")
    }
    var number = version < 20 ? try integer("axis", or: 1) : -2
    if version >= 20, hasInput(2) { number = try wholeNumber(2) }
    let axis = try axis(number, rank: x.rank)
    guard axis < x.rank - 1 else { throw malformed("a transform along the axis of real and imaginary parts") }
    let isInverse = try integer("inverse", or: 0) != 0
    let isOneSided = try integer("onesided", or: 0) != 0
    let known = x.shape[axis]
    let length = try optionalIntegers(1)?.first ?? (isInverse && isOneSided ? 2 * (known - 1) : known)
    guard length > 0, length <= maximumElementCount else { throw malformed("a transform of length \(length)") }
    let results = isOneSided && !isInverse ? length / 2 + 1 : length
    var lengths = Array(x.shape)
    lengths[axis] = results
    lengths[x.rank - 1] = isOneSided && isInverse ? 1 : 2
    let shape = try shape(lengths)
    let inner = x.shape[(axis + 1)..<(x.rank - 1)].reduce(1, *)
    let outer = x.shape[..<axis].reduce(1, *)
    try limit(Double(outer * inner) * Double(results) * Double(length))
    let source = x.elements
    let outputParts = lengths[x.rank - 1]
    var values = [Element](repeating: 0, count: shape.elementCount)
    let turns = Turns(length)
    for row in 0..<outer {
      for column in 0..<inner {
        let signal = (0..<length).map { place -> (Double, Double) in
          var (place, sign) = (place, 1.0)
          // Of a real signal's spectrum the second half is the first one's, conjugated.
          if isInverse, isOneSided, place > length / 2 { (place, sign) = (length - place, -1) }
          guard place < known else { return (0, 0) }
          let index = ((row * known + place) * inner + column) * parts
          return (Double(source[index]), parts == 2 ? sign * Double(source[index + 1]) : 0)
        }
        for result in 0..<results {
          let value = turns.sum(signal, frequency: result, isInverse: isInverse)
          let index = ((row * results + result) * inner + column) * outputParts
          values[index] = Element(value.real)
          if outputParts == 2 { values[index + 1] = Element(value.imaginary) }
        }
      }
    }
    return [.numbers(Tensor(values, shape: shape))]
  }

  /// `STFT`: the discrete Fourier transforms of parts of signals, each weighted by a window.
  func shortTimeFourierTransform() throws(ONNXError) -> [ONNXTensor] {
    var x = try floats(0)
    if x.rank == 2 { x = x.reshaped(to: [x.shape[0], x.shape[1], 1]) }
    guard x.rank == 3, x.shape[2] == 1 || x.shape[2] == 2 else { throw malformed("signals of shape \(x.shape)") }
    let (step, window) = (try wholeNumber(1), try optionalFloats(2)?.elements)
    let length = hasInput(3) ? try wholeNumber(3) : window?.count ?? x.shape[1]
    guard step > 0, length > 0, length <= x.shape[1], window.map({ $0.count == length }) ?? true else {
      throw malformed("parts of \(length) every \(step) of signals of \(x.shape)")
    }
    let isOneSided = try integer("onesided", or: 1) != 0
    let frames = 1 + (x.shape[1] - length) / step
    let results = isOneSided ? length / 2 + 1 : length
    let shape = try shape([x.shape[0], frames, results, 2])
    try limit(Double(shape.elementCount) * Double(length))
    let (source, parts, turns) = (x.elements, x.shape[2], Turns(length))
    var values: [Element] = []
    values.reserveCapacity(shape.elementCount)
    for sample in 0..<x.shape[0] {
      for frame in 0..<frames {
        let signal = (0..<length).map { place -> (Double, Double) in
          let index = (sample * x.shape[1] + frame * step + place) * parts
          let weight = Double(window?[place] ?? 1)
          return (weight * Double(source[index]), parts == 2 ? weight * Double(source[index + 1]) : 0)
        }
        for result in 0..<results {
          let value = turns.sum(signal, frequency: result, isInverse: false)
          values += [Element(value.real), Element(value.imaginary)]
        }
      }
    }
    return [.numbers(Tensor(values, shape: shape))]
  }
}

/// Sines and cosines of the parts of a turn.
private struct Turns {
  let table: [(sine: Double, cosine: Double)]

  init(_ count: Int) { table = (0..<count).map { Functions.sineAndCosine(turns: Double($0) / Double(count)) } }

  /// One value of a spectrum, or of the signal that has it.
  func sum(
    _ signal: [(Double, Double)], frequency: Int, isInverse: Bool
  ) -> (real: Double, imaginary: Double) {
    var (real, imaginary, place) = (0.0, 0.0, 0)
    for (x, y) in signal {
      let (sine, cosine) = (isInverse ? -table[place].sine : table[place].sine, table[place].cosine)
      real += x * cosine + y * sine
      imaginary += y * cosine - x * sine
      place += frequency
      if place >= table.count { place -= table.count }
    }
    let scale = isInverse ? 1 / Double(table.count) : 1
    return (real * scale, imaginary * scale)
  }
}
