import NormaData
import NormaLayers
import NormaNormalization
import NormaTensor

extension Examination {
  /// The sites of which all channels are dead, and those that get nothing else from them.
  var deadLayers: (dead: [Int], behind: Set<Int>) {
    var (dead, behind): ([Int], Set<Int>) = ([], [])
    for (index, channels) in deadChannels.enumerated() where channels.count == sites[index].channelCount {
      if !dead.isEmpty && self.channels[index].allSatisfy(\.isConstant) {
        behind.insert(index)
      } else {
        dead.append(index)
      }
    }
    return (dead, behind)
  }

  func deadLayerFindings(_ dead: [Int]) -> [Finding] {
    dead.map { index in
      let site = sites[index]
      return Finding(
        kind: .deadLayer, layers: [site.name],
        statement: "'\(site.name)': not one of its \(site.channelCount) channels depends on the example: "
          + reason(index, Array(0..<site.channelCount)) + ".",
        cause:
          "A step that was too large drove all channels there at once, or weights were lost where the model was converted. No "
          + "gradient comes through it any more.",
        remedy: "Take an earlier checkpoint, or train anew: with a smaller learning rate, or a warm-up.", mend: .train,
        evidence: [.init("channels", Double(site.channelCount)), .init("examples", Double(count))])
    }
  }

  func deadChannelFindings(_ index: Int) -> [Finding] {
    let site = sites[index]
    let dead = deadChannels[index].sorted()
    // What is the same in all examples is a matter of the data.
    let found = site.isFirst ? dead.filter { !channels[index][$0].isConstant } : dead
    guard !found.isEmpty else { return [] }
    return [
      Finding(
        kind: .deadChannels, layers: [site.name], channels: found,
        statement:
          "'\(site.name)': \(found.count) of \(site.channelCount) channels \(found.count == 1 ? "gives" : "give") the same for each of \(count) examples: "
          + reason(index, found) + ".",
        cause:
          "Units that a large step drove where ReLU gives 0 get no gradient, and stay there; or weights were pruned or lost.",
        remedy:
          "They can be taken out without changing an answer; to have them back, train anew with a smaller learning rate.",
        mend: .pruneDead,
        evidence: [
          .init("channels", Double(found.count)), .init("of", Double(site.channelCount)),
          // The rule of three: with 95 % confidence, of other examples no larger share wakes a channel.
          .init("largest share of examples that could wake one", 3 / Double(count)),
        ])
    ]
  }

  /// Why channels give the same for all examples.
  private func reason(_ index: Int, _ found: [Int]) -> String {
    let site = sites[index]
    let constant = found.count { channels[index][$0].isConstant }
    let zero = found.count { !channels[index][$0].isConstant && site.gamma[$0] == 0 }
    let silenced = found.count - constant - zero
    var parts: [String] = []
    if constant > 0 { parts.append("\(constant) \(constant == 1 ? "gets" : "get") the same for all") }
    if zero > 0 { parts.append("\(zero) \(zero == 1 ? "has" : "have") a gamma of 0") }
    if silenced > 0 { parts.append("\(silenced) \(silenced == 1 ? "is" : "are") silenced by the nonlinearity behind") }
    return parts.joined(separator: ", ")
  }

  func negligibleGammas(_ index: Int) -> [Finding] {
    let site = sites[index]
    guard site.given?.gamma != nil else { return [] }
    let median = site.gamma.map(abs).median
    // What comes out has this deviation, so the variance is a ten-thousandth of the others'.
    let small = site.gamma.indices.filter {
      abs(site.gamma[$0]) < median / 100 && !deadChannels[index].contains($0)
    }
    guard !small.isEmpty else { return [] }
    return [
      Finding(
        kind: .negligibleGammas, layers: [site.name], channels: small,
        statement:
          "'\(site.name)': \(small.count) of \(site.channelCount) gammas are less than a hundredth of the median "
          + "\(words(median)).",
        cause: "The training found no use for these channels.", remedy: "They could be pruned at hardly any cost.",
        mend: .pruneDead,
        evidence: [
          .init("channels", Double(small.count)),
          .init("smallest gamma", small.map { abs(site.gamma[$0]) }.min() ?? 0, threshold: median / 100),
        ])
    ]
  }
}
