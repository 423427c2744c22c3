import NormaTensor

/// Group normalization by passes: each part of a sample is worked on while it is in the cache.
///
/// Statistics belong to groups, passes run over channels: so the channels of a group have the same mean and deviation in the
/// passes' vectors.
struct GroupPasses<Element: TensorElement> {
  typealias Passes = ChannelPasses<Element>

  let passes = Passes()
  let cut: GroupCut
  let parameters: AffineParameters<Element>

  /// Finds the statistics of all groups `[N, groups]` and normalizes.
  func forward(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, mean: UnsafeMutablePointer<Double>,
    reciprocalDeviation: UnsafeMutablePointer<Double>, epsilon: Double
  ) {
    cut.forEachPart { part in
      let (mean, reciprocal) = (mean + part.firstGroup, reciprocalDeviation + part.firstGroup)
      withVectors(part) { vectors in
        Passes.Sums.lend(width: part.extent.width) { found, scratch in
          findMoments(x + part.start, part, found, scratch)
          // The vectors of the channels are not in use yet: they serve for those of the groups.
          var groups = vectors
          (groups.mean, groups.reciprocalDeviation, groups.gamma, groups.beta) = (mean, reciprocal, nil, nil)
          _ = passes.finish(found, count: cut.valuesPerGroup, groups, width: part.groups, epsilon: epsilon) { group in
            definedMoments(x + part.start, part.extent, part.channels(of: group))
          }
        }
        let isOrdinary = setTransform(part, vectors, mean, reciprocal)
        passes.normalize(
          x + part.start, y + part.start, part.extent, vectors, isOrdinary: isOrdinary,
          rectifies: parameters.rectifies, streams: cut.streams)
      }
    }
  }

  /// Writes the sums of each group.
  private func findMoments(
    _ x: UnsafePointer<Element>, _ part: GroupCut.Part, _ found: Passes.Sums, _ scratch: UnsafeMutablePointer<Element>
  ) {
    if cut.isPlanes {
      // The values of a group stand side by side: one channel to the kernels.
      let groups = ChannelExtent(outers: 1, channels: part.groups, inner: cut.valuesPerGroup)
      return passes.findMoments(x, groups, found, scratch: scratch)
    }
    passes.findMoments(x, part.extent, found, scratch: scratch)
    for group in 0..<part.groups {
      let channels = part.channels(of: group)
      let total = found.from(channels.lowerBound)
      for channel in channels.dropFirst() {
        total.add(found.from(channel), count: part.extent.valuesPerChannel)
      }
      // No later group's.
      found.base[group] = total.base[0]
      (found.sums[group], found.squares[group]) = (total.sums[0], total.squares[0])
    }
  }

  /// Writes the gradient of the input, and the parts of those of gamma and beta, `[runs, 2 · C]`, which hold zeros.
  func backward(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    mean: UnsafePointer<Double>, reciprocalDeviation: UnsafePointer<Double>, parts: UnsafeMutablePointer<Double>
  ) {
    cut.forEachPart { part in
      let (g, x, dx, width) = (g + part.start, x + part.start, dx + part.start, part.extent.width)
      withVectors(part) { vectors in
        let isOrdinary = setTransform(
          part, vectors, mean + part.firstGroup, reciprocalDeviation + part.firstGroup)
        Passes.Line.lend(width: width) { line in
          let isFinite = Passes.Sums.lend(width: width) { found, scratch in
            passes.findGradientSums(
              g, x, part.extent, vectors, isOrdinary: isOrdinary, rectifies: parameters.rectifies, sums: found.sums,
              products: found.squares, scratch: scratch)
            return finishGradients(
              g, x, part, vectors, line, found.sums, found.squares,
              parts: parts + 2 * part.run * cut.channels + part.firstChannel)
          }
          passes.findInputGradient(
            g, x, dx, part.extent, vectors, line, isOrdinary: isFinite, rectifies: parameters.rectifies,
            streams: cut.streams)
        }
      }
    }
  }

  /// From the channels' sums of one sample, its part of the gradients of gamma and beta, and what makes that of x. False if some
  /// channels are left to the definition.
  @specialized(where Element == Float)
  private func finishGradients(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ part: GroupCut.Part, _ vectors: ChannelVectors<Element>,
    _ line: Passes.Line, _ sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>,
    parts: UnsafeMutablePointer<Double>
  ) -> Bool {
    var isOrdinary = true
    for group in 0..<part.groups {
      let channels = part.channels(of: group)
      let reciprocal = vectors.reciprocalDeviation[channels.lowerBound]
      // Over the group: Σh and Σ h · x̂.
      var (sum, product) = (0.0, 0.0)
      for channel in channels {
        var rest = vectors.rest(channel)
        line.slope[channel] = vectors.isExact(channel) ? .nan : 0
        if !vectors.isExact(channel), !(sums[channel] * 0 + products[channel]).isFinite {
          (sums[channel], products[channel], rest) = (0, 0, 0)
          addGradientSumsByDefinition(
            g, x, part.extent, channel..<channel + 1, vectors, rectifies: parameters.rectifies, sums: sums,
            products: products)
          line.slope[channel] = .nan
        }
        let ofGamma = (products[channel] - rest * sums[channel]) * reciprocal
        parts[channel] += ofGamma
        parts[cut.channels + channel] += sums[channel]
        sum += vectors.gamma(channel) * sums[channel]
        product += vectors.gamma(channel) * ofGamma
      }
      let (slope, offset) = gradientLine(
        sum: sum, product: product, count: cut.valuesPerGroup, reciprocalDeviation: reciprocal)
      for channel in channels {
        (line.definedSlope[channel], line.definedOffset[channel]) = (slope, offset)
        if !line.slope[channel].isNaN {
          line.offset[channel] = Element(offset - vectors.rest(channel) * slope)
          line.slope[channel] = Element(slope)
          if (line.slope[channel] * 0 + line.offset[channel]).isFinite { continue }
          line.slope[channel] = .nan
        }
        isOrdinary = false
      }
    }
    repeatVector(line.slope, part.extent)
    repeatVector(line.offset, part.extent)
    return isOrdinary
  }

  /// Lends vectors over the channels of a part.
  private func withVectors(_ part: GroupCut.Part, _ body: (ChannelVectors<Element>) -> Void) {
    let (channels, width) = (part.extent.channels, part.extent.width)
    withScratch(3 * channels, of: Double.self) { doubles in
      withScratch(3 * width, of: Element.self) { elements in
        body(
          ChannelVectors(
            mean: doubles, secondMoment: doubles + channels, reciprocalDeviation: doubles + 2 * channels,
            gamma: parameters.gamma.map { $0.address + part.firstChannel },
            beta: parameters.beta.map { $0.address + part.firstChannel }, pivot: elements, scale: elements + width,
            shift: elements + 2 * width))
      }
    }
  }

  /// From the statistics of a part's groups, what normalizes its channels. False if some are left to the definition.
  @specialized(where Element == Float)
  private func setTransform(
    _ part: GroupCut.Part, _ vectors: ChannelVectors<Element>, _ mean: UnsafePointer<Double>,
    _ reciprocalDeviation: UnsafePointer<Double>
  ) -> Bool {
    var isOrdinary = true
    for group in 0..<part.groups {
      for channel in part.channels(of: group) {
        vectors.mean[channel] = mean[group]
        vectors.reciprocalDeviation[channel] = reciprocalDeviation[group]
        if !vectors.setTransform(channel, hasKernels: passes.kernels != nil) { isOrdinary = false }
      }
    }
    vectors.repeatTransform(part.extent)
    return isOrdinary
  }
}
