import Foundation
import Norma
import TestSupport
import Testing

/// State dictionaries of PyTorch that people reported because they did not load, or loaded into a network that answers with
/// NaN. Each is named by number in PyTorch's public tracker and told in own words.
@Suite struct ReportedStateTests {
  private let network: ConvertedNetwork
  private let state: StateDictionary

  init() throws {
    network = try ConvertedNetwork.named("mlp")
    state = try network.stateDictionary()
  }

  /// Whether the network computes what PyTorch's does, once the state has been loaded.
  private func computesTheSame(_ state: StateDictionary) throws -> Bool {
    let model = try network.makeModel()
    try state.load(into: model, sampleShape: network.sampleShape)
    let (x, y) = try network.sample()
    let found = try model(Variable(x), in: .inference).value.converted(to: Double.self)
    return errorRelativeToScale(found, reference: y) < 1e-5
  }

  private var counters: [String] { state.entries.keys.filter { $0.hasSuffix("num_batches_tracked") } }

  // pytorch#8481, pytorch#8430: states of versions that did not count batches yet lack `num_batches_tracked` everywhere.
  @Test func aStateOfATimeBeforeCountersLoads() throws {
    var old = state
    for name in counters { old.entries[name] = nil }
    #expect(counters.count == 2 && old.entries.count == state.entries.count - 2)
    #expect(try computesTheSame(old))
  }

  // pytorch#42964: a program for telephones knows no whole numbers, so that the counters are made `float32`, as `.float()`
  // and `.double()` of a whole state do.
  @Test func countersOfAnyTypeLoad() throws {
    var (single, double) = (state, state)
    for name in counters {
      single.entries[name] = .float(.scalar(4))
      double.entries[name] = .double(.scalar(4))
    }
    #expect(try computesTheSame(single))
    #expect(try computesTheSame(double))
  }

  // pytorch#3805: what was trained on several devices has `module.` before all names, and does not load anywhere else.
  @Test func aStateOfSeveralDevicesLoads() throws {
    let wrapped = Dictionary(uniqueKeysWithValues: state.entries.map { ("module." + $0.key, $0.value) })
    #expect(try computesTheSame(StateDictionary(entries: wrapped)))
  }
}
