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
    cut.forEachTicket { ticket in
      withVectors(ticket) { vectors in
        Passes.Sums.lend(width: ticket.extent.width) { found, scratch in
          for sample in ticket.samples {
            let part = ticket.part(sample)
            let (x, y) = (x + part.start, y + part.start)
            let (mean, reciprocal) = (mean + part.firstGroup, reciprocalDeviation + part.firstGroup)
            findMoments(x, ticket, found, scratch)
            // The vectors of the channels are not in use yet: they serve for those of the groups.
            var groups = vectors
            (groups.mean, groups.reciprocalDeviation, groups.gamma, groups.beta) = (mean, reciprocal, nil, nil)
            _ = passes.finish(found, count: cut.valuesPerGroup, groups, width: ticket.groups, epsilon: epsilon) {
              definedMoments(x, ticket.extent, ticket.channels(of: $0))
            }
            let isOrdinary = setTransform(ticket, vectors, mean, reciprocal)
            passes.normalize(
              x, y, ticket.extent, vectors, isOrdinary: isOrdinary, rectifies: parameters.rectifies,
              streams: cut.streams)
          }
        }
      }
    }
  }

  /// Writes the sums of each group.
  private func findMoments(
    _ x: UnsafePointer<Element>, _ ticket: GroupCut.Ticket, _ found: Passes.Sums,
    _ scratch: UnsafeMutablePointer<Element>
  ) {
    if cut.isPlanes {
      // The values of a group stand side by side: one channel to the kernels.
      let groups = ChannelExtent(outers: 1, channels: ticket.groups, inner: cut.valuesPerGroup)
      return passes.findMoments(x, groups, found, scratch: scratch)
    }
    passes.findMoments(x, ticket.extent, found, scratch: scratch)
    for group in 0..<ticket.groups {
      let channels = ticket.channels(of: group)
      var total = found.values(channels.lowerBound)
      for channel in channels.dropFirst() { total.add(found.values(channel), count: ticket.extent.valuesPerChannel) }
      // No later group's.
      (found.base[group], found.sums[group], found.squares[group]) = (total.base, total.sum, total.square)
    }
  }

  /// Writes the gradient of the input, and the parts of those of gamma and beta, `[runs, 2 · C]`, which hold zeros.
  func backward(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    mean: UnsafePointer<Double>, reciprocalDeviation: UnsafePointer<Double>, parts: UnsafeMutablePointer<Double>
  ) {
    cut.forEachTicket { ticket in
      let parts = parts + 2 * ticket.run * cut.channels + ticket.firstChannel
      withVectors(ticket) { vectors in
        Passes.Line.lend(width: ticket.extent.width) { line in
          Passes.Sums.lend(width: ticket.extent.width) { found, scratch in
            for sample in ticket.samples {
              let part = ticket.part(sample)
              let (g, x, dx) = (g + part.start, x + part.start, dx + part.start)
              let (mean, reciprocal) = (mean + part.firstGroup, reciprocalDeviation + part.firstGroup)
              let isOrdinary = setTransform(ticket, vectors, mean, reciprocal)
              passes.findGradientSums(
                g, x, ticket.extent, vectors, isOrdinary: isOrdinary, rectifies: parameters.rectifies,
                sums: found.sums, products: found.squares, scratch: scratch)
              let isFinite = finishGradients(
                g, x, ticket, vectors, mean, reciprocal, line, found.sums, found.squares, isOrdinary: isOrdinary,
                parts: parts)
              passes.findInputGradient(
                g, x, dx, ticket.extent, vectors, line, isOrdinary: isFinite, rectifies: parameters.rectifies,
                streams: cut.streams)
            }
          }
        }
      }
    }
  }

  /// From the channels' sums of one sample, its part of the gradients of gamma and beta, and what makes that of x. False if some
  /// channels are left to the definition.
  private func finishGradients(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ ticket: GroupCut.Ticket,
    _ vectors: ChannelVectors<Element>, _ mean: UnsafePointer<Double>, _ reciprocalDeviation: UnsafePointer<Double>,
    _ line: Passes.Line, _ sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>,
    isOrdinary: Bool, parts: UnsafeMutablePointer<Double>
  ) -> Bool {
    var areOrdinary = true
    for group in 0..<ticket.groups {
      let channels = ticket.channels(of: group)
      let reciprocal = reciprocalDeviation[group]
      let rest = mean[group] - Double(vectors.pivot[channels.lowerBound])
      /// Over the group, Σh and Σ h · x̂.
      func sumUp(rest: Double) -> (slope: Double, offset: Double) {
        var (sum, product) = (0.0, 0.0)
        for channel in channels {
          let gamma = vectors.gamma(channel)
          sum += gamma * sums[channel]
          product += gamma * ((products[channel] - rest * sums[channel]) * reciprocal)
        }
        return gradientLine(
          sum: sum, product: product, weight: Double(cut.valuesPerGroup), reciprocalDeviation: reciprocal)
      }
      if isOrdinary || !channels.contains(where: vectors.isExact) {
        let found = sumUp(rest: rest)
        let (slope, offset) = (Element(found.slope), Element(found.offset - rest * found.slope))
        if (slope * 0 + offset).isFinite {
          for channel in channels {
            (line.slope[channel], line.offset[channel]) = (slope, offset)
            parts[channel] += (products[channel] - rest * sums[channel]) * reciprocal
            parts[cut.channels + channel] += sums[channel]
          }
          continue
        }
      }
      // Single precision does not hold the group: all of it is left to the definition.
      areOrdinary = false
      for channel in channels {
        (vectors.mean[channel], vectors.reciprocalDeviation[channel]) = (mean[group], reciprocal)
      }
      for channel in channels where passes.kernels != nil && !vectors.isExact(channel) {
        (sums[channel], products[channel]) = (0, 0)
        addGradientSumsByDefinition(
          g, x, ticket.extent, channel..<channel + 1, vectors, rectifies: parameters.rectifies, sums: sums,
          products: products)
      }
      let (slope, offset) = sumUp(rest: 0)
      for channel in channels {
        line.slope[channel] = .nan
        (line.definedSlope[channel], line.definedOffset[channel]) = (slope, offset)
        parts[channel] += products[channel] * reciprocal
        parts[cut.channels + channel] += sums[channel]
      }
    }
    repeatVector(line.slope, ticket.extent)
    repeatVector(line.offset, ticket.extent)
    return areOrdinary
  }

  /// Lends vectors over the channels of a ticket.
  private func withVectors(_ ticket: GroupCut.Ticket, _ body: (ChannelVectors<Element>) -> Void) {
    let (channels, width) = (ticket.extent.channels, ticket.extent.width)
    withScratch(3 * channels, of: Double.self) { doubles in
      withScratch(3 * width, of: Element.self) { elements in
        body(
          ChannelVectors(
            mean: doubles, secondMoment: doubles + channels, reciprocalDeviation: doubles + 2 * channels,
            gamma: parameters.gamma.map { $0.address + ticket.firstChannel },
            beta: parameters.beta.map { $0.address + ticket.firstChannel }, pivot: elements, scale: elements + width,
            shift: elements + 2 * width))
      }
    }
  }

  /// From the statistics of a ticket's groups, what normalizes its channels. False if some are left to the definition.
  @specialized(where Element == Float)
  private func setTransform(
    _ ticket: GroupCut.Ticket, _ vectors: ChannelVectors<Element>, _ mean: UnsafePointer<Double>,
    _ reciprocalDeviation: UnsafePointer<Double>
  ) -> Bool {
    var isOrdinary = true
    for group in 0..<ticket.groups {
      let channels = ticket.channels(of: group)
      let areOrdinary = vectors.setTransform(
        channels, mean: mean[group], reciprocalDeviation: reciprocalDeviation[group],
        hasKernels: passes.kernels != nil)
      isOrdinary = isOrdinary && areOrdinary
      // The definition alone needs them channel by channel.
      for channel in channels where !areOrdinary {
        vectors.mean[channel] = mean[group]
        vectors.reciprocalDeviation[channel] = reciprocalDeviation[group]
      }
    }
    vectors.repeatTransform(ticket.extent)
    return isOrdinary
  }
}
