/// The figures about what happens inside the networks.
extension ComparisonReport {
  /// Which seed's network is shown, where there are several.
  private var ofFirstSeed: String {
    guard result.seedCount > 1, let seed = result.runs.first?.seed else { return "" }
    return " Shown is the network of seed \(seed)."
  }

  // MARK: Activations

  var activationFigure: ReportFigure {
    var layers: [String] = []
    for activation in result.firstRuns.flatMap({ $0.activationsBefore + $0.activationsAfter })
    where !layers.contains(activation.layer) {
      layers.append(activation.layer)
    }
    let grid = HistogramGrid(
      title: "Activations by layer",
      columns: zip(result.groups, result.groups.styles).map { .init(name: $0.norm, style: $1) },
      rows: layers.map { layer in .init(name: layer, cells: result.firstRuns.map { cell(of: $0, layer: layer) }) },
      table: activationTable)
    return ReportFigure(
      caption: "Activations of each layer before and after training",
      reading: "What comes out of each layer, from the input at the top to the output at the bottom; σ is the "
        + "standard deviation. A spike with next to no width is a collapse: whatever goes in, the same comes out, so "
        + "the layers after it have nothing to tell inputs apart by, and almost no gradient comes back. Batch "
        + "normalization sets each channel’s mean and variance over the batch, so that the width does not depend on "
        + "the size of the weights before it. The boxes of a row span the same values, written at its left; heights are the "
        + "square roots of shares, which keeps small bars visible." + ofFirstSeed,
      finding: activationFinding, pictures: [grid],
      legend: [LegendEntry("before training", symbol: .outline), LegendEntry("after training", symbol: .filled)])
  }

  private func cell(of run: NormComparison.Run, layer: String) -> HistogramGrid.Cell? {
    let before = run.activationsBefore.first { $0.layer == layer }
    let after = run.activationsAfter.first { $0.layer == layer }
    guard before != nil || after != nil else { return nil }
    func pair(_ text: (NormComparison.Activation) -> String) -> String {
      [before, after].compactMap { $0.map(text) }.joined(separator: " → ")
    }
    func sentence(_ activation: NormComparison.Activation?, _ time: String) -> String {
      guard let activation else { return "No values \(time)." }
      return "\(Words.capitalized(time)): mean \(NumberFormat.plain.text(activation.mean)), standard deviation "
        + "\(NumberFormat.plain.text(activation.standardDeviation)), "
        + "\(NumberFormat.percentage.text(activation.shareOfZeros)) zeros."
    }
    let zeros = pair { NumberFormat.integer.text($0.shareOfZeros * 100) }
    return HistogramGrid.Cell(
      outline: before?.histogram, filled: after?.histogram,
      captions: [
        "σ \(pair { NumberFormat.plain.text($0.standardDeviation) })",
        zeros == "0" || zeros == "0 → 0" ? "no zeros" : "zeros \(zeros) %",
      ],
      description: sentence(before, "before training") + " " + sentence(after, "after training"))
  }

  private var activationTable: ReportTable {
    let plain = NumberFormat.plain
    let rows = result.firstRuns.flatMap { run in
      [("before", run.activationsBefore), ("after", run.activationsAfter)].flatMap { time, activations in
        activations.map { activation in
          [
            activation.layer, run.norm, time, plain.text(activation.mean), plain.text(activation.standardDeviation),
            NumberFormat.percentage.text(activation.shareOfZeros),
          ] + [0.05, 0.5, 0.95].map { activation.histogram.quantile($0).map(plain.text) ?? "" }
        }
      }
    }
    let numbers = ["mean", "standard deviation", "zeros", "5 % below", "median", "95 % below"]
    return ReportTable(
      caption: "Activations by layer",
      columns: [.init("layer"), .init("norm"), .init("training")] + numbers.map { .init($0, alignment: .trailing) },
      rows: rows)
  }

  private var activationFinding: String? {
    let sentences = result.firstRuns.compactMap { run -> String? in
      guard run.activationsBefore.count > 1, let first = run.activationsBefore.first,
        let last = run.activationsBefore.last, first.standardDeviation.isFinite, last.standardDeviation.isFinite
      else { return nil }
      let trend =
        switch last.standardDeviation / first.standardDeviation {
        case ..<0.1: ": the activations fade on their way"
        case 10...: ": the activations grow on their way"
        default: ""
        }
      return "\(run.phrase) from \(NumberFormat.plain.text(first.standardDeviation)) in \(first.layer) to "
        + "\(NumberFormat.plain.text(last.standardDeviation)) in \(last.layer)\(trend)"
    }
    guard !sentences.isEmpty else { return nil }
    return "Before training, the standard deviation goes " + sentences.joined(separator: "; ") + "."
  }

  // MARK: Filters

  var filterFigure: ReportFigure? {
    let grids = result.firstRuns.compactMap { run in
      run.firstFilters.map { FilterGrid(title: Words.capitalized(run.phrase), filters: $0) }
    }
    guard !grids.isEmpty else { return nil }
    return ReportFigure(
      caption: "The filters of the first convolution after training",
      reading:
        "Each square is a filter, drawn as the image it answers to most; filters of three channels in colours. A "
        + "filter that has learned shows an edge, a stripe or a patch of colour; one that has not is noise. Each is "
        + "stretched to the whole range from dark to bright by itself." + ofFirstSeed,
      pictures: grids, layout: .triples)
  }

  // MARK: Norms of weights and gradients

  var normFigures: [ReportFigure] {
    let weights = normFigure(
      \.weightNorms, caption: "The size of each layer’s weights",
      reading: "Each row is a layer, from the input at the top; each column an epoch; the shade is the Euclidean norm "
        + "of the layer’s weights, on one scale for all runs. A row that never changes its shade belongs to a layer "
        + "that hardly learns." + ofFirstSeed,
      finding: nil)
    let gradients = normFigure(
      \.gradientNorms, caption: "The size of each layer’s gradients",
      reading: "The same for the gradients. Layers whose gradient is thousands of times smaller than another’s stand "
        + "still while the other learns; even shades from top to bottom mean that the whole network learns at once. "
        + "A cross is a gradient that is not finite, a ring one that is exactly zero.",
      finding: gradientFinding)
    return [weights, gradients].compactMap(\.self)
  }

  private func normFigure(
    _ norms: KeyPath<NormComparison.Epoch, [Double]> & Sendable, caption: String, reading: String, finding: String?
  ) -> ReportFigure? {
    let scale = HeatScale(
      covering: result.firstRuns.flatMap { $0.epochs.flatMap { $0[keyPath: norms] } }, kind: .logarithmic)
    guard let legend = scale.legend() else { return nil }
    let maps = result.firstRuns.filter { run in run.epochs.contains { !$0[keyPath: norms].isEmpty } }.map {
      run -> HeatMap in
      let measured = run.epochs.filter { !$0[keyPath: norms].isEmpty }
      // Narrower columns could not be seen apart.
      let interval = max(1, (measured.count + 59) / 60)
      let epochs = measured.enumerated().filter { $0.offset.isMultiple(of: interval) }.map(\.element)
      let layerCount = epochs.map { $0[keyPath: norms].count }.max() ?? 0
      return HeatMap(
        title: Words.capitalized(run.phrase), columnTitle: "epoch", columns: epochs.map { "\($0.number)" },
        rows: (0..<layerCount).map { layer in
          HeatMap.Row(
            name: layer < run.layerNames.count ? run.layerNames[layer] : "layer \(layer + 1)",
            values: epochs.map { layer < $0[keyPath: norms].count ? $0[keyPath: norms][layer] : nil })
        },
        scale: scale)
    }
    return ReportFigure(
      caption: caption, reading: reading, finding: finding, pictures: maps, layout: .triples, legend: [legend])
  }

  /// How far the gradients of each run's layers lie apart when first measured.
  private var gradientFinding: String? {
    let ratios = result.firstRuns.compactMap { run -> (epoch: Int, phrase: String)? in
      guard let epoch = run.epochs.first(where: { !$0.gradientNorms.isEmpty }), epoch.gradientNorms.count > 1,
        let least = epoch.gradientNorms.min(), let greatest = epoch.gradientNorms.max(),
        epoch.gradientNorms.allSatisfy(\.isFinite), least > 0
      else { return nil }
      return (epoch.number, "\(NumberFormat.plain.text(greatest / least)) times the smallest \(run.phrase)")
    }
    guard let first = ratios.first, ratios.allSatisfy({ $0.epoch == first.epoch }) else { return nil }
    return Words.capitalized(Words.after(epoch: first.epoch)) + ", the largest layer’s gradient is "
      + Words.list(ratios.map(\.phrase)) + "."
  }
}
