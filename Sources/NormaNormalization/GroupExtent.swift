import NormaTensor

/// The lengths that group normalization needs to know of a tensor, and how it reads one sample.
struct GroupExtent {
  let samples: Int
  let channels: Int
  let positions: Int
  let groups: Int
  let channelsPerGroup: Int
  /// One sample, as the loops of batch normalization read a whole batch.
  let sample: ChannelExtent

  init(_ shape: Shape, _ layout: ChannelLayout, groups: Int) {
    let all = layout.extent(of: shape)
    samples = shape[0]
    channels = all.channels
    let isFirst = layout == .channelsFirst
    positions = isFirst ? all.inner : shape.dropFirst().dropLast().reduce(1, *)
    require(groups > 0 && channels % groups == 0, "\(channels) channels cannot be divided into \(groups) groups")
    self.groups = groups
    channelsPerGroup = channels / groups
    sample = ChannelExtent(outer: isFirst ? 1 : positions, channels: channels, inner: all.inner)
  }

  var valuesPerSample: Int { channels * positions }
  var valuesPerGroup: Int { channelsPerGroup * positions }

  /// Where the first value of a channel stands in a sample.
  func start(ofChannel channel: Int) -> Int { channel * sample.inner }

  /// The groups of a range of channels.
  func groups(in channels: Range<Int>) -> Range<Int> {
    channels.lowerBound / channelsPerGroup..<channels.upperBound / channelsPerGroup
  }

  /// The channels of a group.
  func channels(of group: Int) -> Range<Int> { group * channelsPerGroup..<(group + 1) * channelsPerGroup }
}

/// How samples and channels are cut into tickets, by the shape alone: several small samples make one ticket; a large
/// sample makes several, each of some whole groups.
struct GroupCut {
  let samplesPerTicket: Int
  let channelsPerTicket: Int
  /// Runs of samples. Each has sums of its own for gamma and beta.
  let runs: Int
  private let strips: Int
  private let extent: GroupExtent

  /// At most so many runs.
  private static let mostRuns = 64

  /// - Parameters:
  ///   - valuesPerTicket: about how many values make a ticket.
  ///   - unit: the channels of a strip are a multiple of this, but for the last strip's.
  ///   - mostStrips: how many strips a sample may be cut into.
  init(_ extent: GroupExtent, valuesPerTicket: Int, unit: Int, mostStrips: Int = .max) {
    self.extent = extent
    let wanted = max(1, min(extent.valuesPerSample / valuesPerTicket, mostStrips))
    let units = extent.channels / max(1, unit)
    channelsPerTicket = wanted == 1 || units <= 1 ? max(1, extent.channels) : max(1, units / wanted) * unit
    strips = max(1, extent.channels / channelsPerTicket)
    samplesPerTicket = max(
      1, valuesPerTicket / max(1, extent.valuesPerSample), (extent.samples + Self.mostRuns - 1) / Self.mostRuns)
    runs = (extent.samples + samplesPerTicket - 1) / samplesPerTicket
  }

  var ticketCount: Int { runs * strips }

  /// What a ticket stands for. The last channels take what is left, so that none has too few for a vector.
  func part(_ ticket: Int) -> (run: Int, samples: Range<Int>, channels: Range<Int>) {
    let (run, strip) = (ticket / strips, ticket % strips)
    let samples = run * samplesPerTicket..<min(extent.samples, (run + 1) * samplesPerTicket)
    let end = strip == strips - 1 ? extent.channels : (strip + 1) * channelsPerTicket
    return (run, samples, strip * channelsPerTicket..<end)
  }
}
