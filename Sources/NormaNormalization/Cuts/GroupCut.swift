import NormaTensor

/// How samples whose channels are divided into groups are cut into tickets, by the shape alone: several small samples make one
/// ticket; a large sample makes several, each of some whole groups, which are found in the cache when they are read again.
struct GroupCut {
  let samples: Int
  let channels: Int
  /// The values of a channel in one sample.
  let positions: Int
  let groups: Int
  /// Runs of samples. Each has sums of its own for gamma and beta.
  let runs: Int
  /// Whether the values of a channel, and so of a group, stand side by side.
  let isPlanes: Bool
  /// How many positions are read as one where a ticket has all channels.
  private let fold: Int
  private let samplesPerRun: Int
  private let channelsPerStrip: Int
  private let strips: Int

  /// Values in one ticket.
  private static let valuesPerTicket = 1 << 15
  /// Tickets that are enough for any number of threads: more are not worth narrow strips, which are slower to read.
  private static let enoughTickets = 16
  /// Channels in the narrowest strip.
  private static let leastChannels = 2 * ChannelExtent.lanes
  /// At most so many runs.
  private static let mostRuns = 64

  init(_ shape: Shape, _ layout: ChannelLayout, groups: Int) {
    let whole = layout.extent(of: shape)
    require(
      groups > 0 && whole.channels % groups == 0, "\(whole.channels) channels cannot be divided into \(groups) groups")
    self.init(
      samples: shape[0], channels: whole.channels,
      positions: layout == .channelsFirst ? whole.inner : shape.dropFirst().dropLast().reduce(1, *), groups: groups,
      isPlanes: whole.inner > 1)
  }

  init(samples: Int, channels: Int, positions: Int, groups: Int, isPlanes: Bool) {
    self.samples = samples
    self.channels = channels
    self.positions = positions
    self.groups = groups
    self.isPlanes = isPlanes
    let valuesPerSample = channels * positions
    let channelsPerGroup = channels / groups
    // Strips of rows are at least so wide, which makes whole groups of a multiple of it.
    let unit = isPlanes ? channelsPerGroup : leastCommonMultiple(channelsPerGroup, powerOfTwo: Self.leastChannels)
    let mostStrips = isPlanes ? Int.max : (Self.enoughTickets + samples - 1) / max(1, samples)
    let wanted = max(1, min(valuesPerSample / Self.valuesPerTicket, mostStrips))
    let units = channels / max(1, unit)
    channelsPerStrip = wanted == 1 || units <= 1 ? max(1, channels) : max(1, units / wanted) * unit
    strips = max(1, channels / channelsPerStrip)
    samplesPerRun = max(
      1, Self.valuesPerTicket / max(1, valuesPerSample), (samples + Self.mostRuns - 1) / Self.mostRuns)
    runs = (samples + samplesPerRun - 1) / samplesPerRun
    fold = !isPlanes && channelsPerStrip == channels ? max(1, min(positions, 64 / max(1, channels))) : 1
  }

  var valuesPerGroup: Int { channels / groups * positions }

  /// Whether results are written past the caches.
  var streams: Bool {
    writesPastCaches(count: samples * channels * positions, run: isPlanes ? positions : fold * channelsPerStrip)
  }

  /// Some whole groups of one sample.
  struct Part {
    /// The first of the groups among those of all samples.
    let firstGroup: Int
    /// Where the first value stands.
    let start: Int
  }

  /// The same groups of some samples.
  struct Ticket {
    /// The number of the run of samples.
    let run: Int
    let samples: Range<Int>
    let groups, firstChannel, channelsPerGroup: Int
    let extent: ChannelExtent
    fileprivate let cut: GroupCut

    /// The channels of a group, counted from the first of the ticket.
    func channels(of group: Int) -> Range<Int> { group * channelsPerGroup..<(group + 1) * channelsPerGroup }

    /// Those of one sample.
    func part(_ sample: Int) -> Part {
      Part(
        firstGroup: sample * cut.groups + firstChannel / channelsPerGroup,
        start: sample * cut.channels * cut.positions + firstChannel * extent.inner)
    }
  }

  /// Calls `body` for each ticket.
  func forEachTicket(_ body: (Ticket) -> Void) {
    let channelsPerGroup = channels / groups
    Parallel.forEach(runs * strips) { ticket in
      let (run, strip) = (ticket / strips, ticket % strips)
      let first = strip * channelsPerStrip
      // The last channels take what is left, so that none has too few for a vector.
      let width = strip == strips - 1 ? channels - first : channelsPerStrip
      var extent = ChannelExtent(
        outers: isPlanes ? 1 : positions, channels: width, inner: isPlanes ? positions : 1, stride: channels)
      extent.fold = fold
      body(
        Ticket(
          run: run, samples: run * samplesPerRun..<min(samples, (run + 1) * samplesPerRun),
          groups: width / channelsPerGroup, firstChannel: first, channelsPerGroup: channelsPerGroup, extent: extent,
          cut: self))
    }
  }
}

private func leastCommonMultiple(_ number: Int, powerOfTwo: Int) -> Int {
  number * powerOfTwo >> min(powerOfTwo.trailingZeroBitCount, number.trailingZeroBitCount)
}
