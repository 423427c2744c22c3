import NormaTensor

// The twins of CKernels/loops/convolution.h: what its kernels compute, term by term in the same order. They serve `Double`, and
// `Float` where no kernels are in use.

/// See ``ConvolutionLoops/sumShiftedRows(_:_:_:rows:_:_:into:columns:accumulates:then:)``.
@specialized(where Element == Float)
@specialized(where Element == Double)
func sumShiftedRowsByDefinition<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ results: UnsafePointer<Int32>, rows: Int,
  _ chunk: TermChunks.Chunk, _ weights: UnsafePointer<Element>, into y: UnsafeMutablePointer<Element>,
  columns: Int, accumulates: Bool, then epilogue: Epilogue<Element>
) {
  withUnsafeTemporaryAllocation(of: Element.self, capacity: columnsOfBlock) { sums in
    for row in 0..<rows {
      sums.initialize(repeating: 0)
      var factors = weights
      for (place, length) in zip(chunk.places, chunk.lengths) {
        let values = x + Int(places[row]) + Int(place)
        for term in 0..<Int(length) {
          let value = values[term]
          for column in 0..<columns { sums[column] = sums[column].addingTerm(value, factors[column]) }
          factors += columnsOfBlock
        }
      }
      let place = Int(results[row])
      for column in 0..<columns {
        let sum = accumulates ? y[place + column] + sums[column] : sums[column]
        y[place + column] = epilogue.applied(to: sum, channel: column, place: place + column)
      }
    }
  }
}

/// See ``ConvolutionLoops/addShiftedRowProducts(_:_:_:_:rows:_:to:stride:)``.
@specialized(where Element == Float)
@specialized(where Element == Double)
func addShiftedRowProductsByDefinition<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ g: UnsafePointer<Element>,
  _ results: UnsafePointer<Int32>, rows: Int, _ chunk: TermChunks.Chunk, to sums: UnsafeMutablePointer<Element>,
  stride: Int
) {
  withUnsafeTemporaryAllocation(of: Element.self, capacity: columnsOfBlock) { chains in
    var target = sums
    for (place, length) in zip(chunk.places, chunk.lengths) {
      for term in Int(place)..<Int(place + length) {
        chains.initialize(repeating: 0)
        for row in 0..<rows {
          let value = x[Int(places[row]) + term]
          let gradients = g + Int(results[row])
          for column in 0..<columnsOfBlock { chains[column] = chains[column].addingTerm(value, gradients[column]) }
        }
        for column in 0..<columnsOfBlock { target[column] += chains[column] }
        target += stride
      }
    }
  }
}

/// See ``ConvolutionLoops/sumTaps(_:_:_:rows:_:_:into:channels:accumulates:then:)``.
@specialized(where Element == Float)
@specialized(where Element == Double)
func sumTapsByDefinition<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ results: UnsafePointer<Int32>, rows: Int,
  _ taps: UnsafeBufferPointer<Int32>, _ weights: UnsafePointer<Element>, into y: UnsafeMutablePointer<Element>,
  channels: Int,
  accumulates: Bool, then epilogue: Epilogue<Element>
) {
  for row in 0..<rows {
    let (values, place) = (x + Int(places[row]), Int(results[row]))
    for channel in 0..<channels {
      var sum: Element = 0
      for (index, tap) in taps.enumerated() {
        sum = sum.addingTerm(values[Int(tap) + channel], weights[index * channels + channel])
      }
      if accumulates { sum = y[place + channel] + sum }
      y[place + channel] = epilogue.applied(to: sum, channel: channel, place: place + channel)
    }
  }
}

/// See ``ConvolutionLoops/addTapProducts(_:_:_:_:_:_:to:channels:)``.
@specialized(where Element == Float)
@specialized(where Element == Double)
func addTapProductsByDefinition<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ g: UnsafePointer<Element>,
  _ results: UnsafePointer<Int32>, _ rows: Range<Int>, _ taps: [Int32], to sums: UnsafeMutablePointer<Element>,
  channels: Int
) {
  for (index, tap) in taps.enumerated() {
    for channel in 0..<channels {
      var chain: Element = 0
      for row in rows {
        chain = chain.addingTerm(x[Int(places[row]) + Int(tap) + channel], g[Int(results[row]) + channel])
      }
      sums[index * channels + channel] += chain
    }
  }
}
