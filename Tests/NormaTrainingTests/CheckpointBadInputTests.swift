import Foundation
import Norma
import TestSupport
import Testing

/// Checkpoints whose settings and tensors do not belong together: changed by hand, or damaged.
@Suite struct CheckpointBadInputTests {
  /// One change to the settings' JSON: where, and what is put there; nil removes the member.
  struct Change: Sendable, CustomStringConvertible {
    var path: [String]
    /// The new value as JSON.
    var value: String?

    init(_ path: String, _ value: String?) {
      (self.path, self.value) = (path.split(separator: ".").map(String.init), value)
    }
    var description: String { "\(path.joined(separator: ".")) = \(value ?? "nothing")" }
  }

  private static let recipe = "architecture.settings."

  static let changes: [Change] = [
    Change("architecture", "{}"), Change("architecture", nil), Change("architecture", #"{"transformer":{}}"#),
    Change(recipe + "hidden", "[-3]"), Change(recipe + "hidden", "[0]"), Change(recipe + "hidden", "[4]"),
    Change(recipe + "hidden", "[]"), Change(recipe + "hidden", "[3,3]"), Change(recipe + "hidden", "[1e30]"),
    Change(recipe + "hidden", "[9223372036854775807]"), Change(recipe + "hidden", "[16777216,16777216]"),
    Change(recipe + "hidden", "[2.5]"),
    Change(recipe + "hidden", "[\(Array(repeating: "1", count: 20_000).joined(separator: ","))]"),
    Change(recipe + "normalization", #""layer""#), Change(recipe + "normalization", #""none""#),
    Change(recipe + "normalization", #""group""#), Change(recipe + "activation", #""swish""#),
    Change(recipe + "keepProbability", "0"), Change(recipe + "keepProbability", "-1"),
    Change(recipe + "keepProbability", "1.5"), Change(recipe + "keepProbability", #""nan""#),
    Change("exampleShape", "[]"), Change("exampleShape", "[-4]"), Change("exampleShape", "[0]"),
    Change("exampleShape", "[5]"), Change("exampleShape", "[2,3]"), Change("exampleShape", "[1,1,1,1,1,1,1,1,4]"),
    Change("exampleShape", "[4294967296,4294967296]"), Change("exampleShape", "[9223372036854775807]"),
    Change("outputs", #"{"classes":{"names":["a","b"]}}"#), Change("outputs", #"{"classes":{"names":[]}}"#),
    Change("outputs", #"{"classes":{"names":["a","b","c","d"]}}"#), Change("outputs", #"{"values":{"count":2}}"#),
    Change("outputs", #"{"values":{"count":-3}}"#), Change("outputs", #"{"values":{"count":0}}"#),
    Change("outputs", #"{"values":{"count":9223372036854775807}}"#),
    Change("featureNames", #"["w","x","y"]"#), Change("featureNames", "[]"), Change("featureNames", "3"),
    Change("standardization.mean", "[1,2,3]"), Change("standardization.scale", "[1,1,1,1,1]"),
    Change("standardization.shape", "[3]"), Change("standardization.shape", "[]"),
    Change("standardization.shape", "[-4]"), Change("standardization.shape", "[1,1,1,1,1,1,1,1,1,4]"),
    Change("standardization.shape", "[4,9223372036854775807]"), Change("standardization.mode", #""channels""#),
    // One mean for all has shape [].
    Change("standardization.mode", #""overall""#),
    Change("standardization", #"{"mode":"feature","shape":[2,2],"mean":[0,0,0,0],"scale":[1,1,1,1]}"#),
    Change("standardization", #"{"mode":"feature","shape":[5],"mean":[0,0,0,0,0],"scale":[1,1,1,1,1]}"#),
    Change("standardization", #"{"mode":"channel","shape":[3],"mean":[0,0,0],"scale":[1,1,1]}"#),
    Change("standardization", #"{"mode":"feature","shape":[0],"mean":[],"scale":[]}"#),
    Change("training.epochs", "-1"), Change("training.batchSize", "0"), Change("training.batchSize", "-5"),
    Change("training.l2Penalty", "-1"), Change("training.l2Penalty", #""nan""#), Change("training.loss", #""hinge""#),
    Change("training.optimizer", #"{"lion":{}}"#), Change("training.epochs", nil), Change("training.seed", "-1"),
    Change("training.augmentation", #"{"padding":-1,"flipsHorizontally":true}"#),
    Change("training.augmentation", #"{"padding":4}"#),
    Change("training", "[]"), Change("data.validationCount", "-1"), Change("data", nil), Change("history", "7"),
    Change("version", nil),
  ]

  /// What the settings need not have.
  private static let optionalMembers = ["augmentation"]

  private func withCheckpoint(_ body: (_ path: String, _ file: Safetensors) throws -> Void) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.safetensors").path
    try CheckpointTests.makeCheckpoint().write(to: path)
    try body(path, try Safetensors(contentsOf: path))
  }

  private func changed(_ object: Any, _ path: ArraySlice<String>, to value: String?) throws -> Any {
    guard let key = path.first else {
      return try JSONSerialization.jsonObject(with: Data((value ?? "").utf8), options: .fragmentsAllowed)
    }
    var members = try #require(object as? [String: Any])
    if path.count == 1 && value == nil {
      #expect(members.removeValue(forKey: key) != nil)
    } else {
      let member: Any? = members[key] ?? (Self.optionalMembers.contains(key) ? NSNull() : nil)
      members[key] = try changed(try #require(member, "there is no \(key)"), path.dropFirst(), to: value)
    }
    return members
  }

  private func expectFormatError(
    _ file: Safetensors, at path: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try file.write(to: path)
    let error = #expect(throws: FormatError.self, sourceLocation: sourceLocation) { try Checkpoint(contentsOf: path) }
    #expect(error?.file == path && error?.problem.isEmpty == false, sourceLocation: sourceLocation)
  }

  @Test(arguments: changes) func settingsThatDoNotFitAreRefused(change: Change) throws {
    try withCheckpoint { path, file in
      var file = file
      let settings = try JSONSerialization.jsonObject(with: Data((file.metadata["norma"] ?? "").utf8))
      let edited = try changed(settings, change.path[...], to: change.value)
      file.metadata["norma"] = String(decoding: try JSONSerialization.data(withJSONObject: edited), as: UTF8.self)
      try expectFormatError(file, at: path)
    }
  }

  @Test func settingsOfAnUnknownNetworkAreSaidToBe() throws {
    try withCheckpoint { path, file in
      var file = file
      let settings = try JSONSerialization.jsonObject(with: Data((file.metadata["norma"] ?? "").utf8))
      var edited = try #require(changed(settings, ["architecture"], to: #"{"transformer":{}}"#) as? [String: Any])
      edited["version"] = "9.1"
      file.metadata["norma"] = String(decoding: try JSONSerialization.data(withJSONObject: edited), as: UTF8.self)
      try file.write(to: path)
      let error = try #require(throws: FormatError.self) { try Checkpoint(contentsOf: path) }
      #expect(
        error.problem.hasPrefix(
          "the settings, written by norma 9.1, cannot be read: no model is registered under the name 'transformer'"))
    }
  }

  @Test func settingsWithoutALaterSettingHaveItsDefault() throws {
    try withCheckpoint { path, file in
      var file = file
      let settings = try JSONSerialization.jsonObject(with: Data((file.metadata["norma"] ?? "").utf8))
      let edited = try changed(settings, ["training", "recomputesNormalized"], to: nil)
      file.metadata["norma"] = String(decoding: try JSONSerialization.data(withJSONObject: edited), as: UTF8.self)
      try file.write(to: path)
      #expect(try Checkpoint(contentsOf: path).settings.training.recomputesNormalized == false)
    }
  }

  @Test func settingsThatAreOnlyWrittenAnewAreAccepted() throws {
    try withCheckpoint { path, file in
      var file = file
      let settings = try JSONSerialization.jsonObject(with: Data((file.metadata["norma"] ?? "").utf8))
      file.metadata["norma"] = String(decoding: try JSONSerialization.data(withJSONObject: settings), as: UTF8.self)
      try file.write(to: path)
      #expect(throws: Never.self) { try Checkpoint(contentsOf: path) }
    }
  }

  @Test(arguments: ["", "{}", "[]", "null", "{\"architecture\":", "\u{0}"])
  func settingsThatAreNoJSONOrLackEverythingAreRefused(text: String) throws {
    try withCheckpoint { path, file in
      var file = file
      file.metadata["norma"] = text
      try expectFormatError(file, at: path)
    }
  }

  @Test func tensorsWithoutSettingsAreNoCheckpoint() throws {
    try withCheckpoint { path, file in
      var file = file
      file.metadata["norma"] = nil
      try file.write(to: path)
      let error = try #require(throws: FormatError.self) { try Checkpoint(contentsOf: path) }
      #expect(error.problem == "the tensors come without Norma's settings")
    }
  }

  @Test(arguments: ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "3.weight", "3.bias"])
  func aTensorThatIsMissingOrHasAnotherShapeOrTypeIsNamed(name: String) throws {
    try withCheckpoint { path, original in
      guard case .float(let tensor)? = original.entries[name] else {
        Issue.record("the checkpoint has no \(name)")
        return
      }
      for entry in [
        nil, .float(.zeros([tensor.count + 1])), .float(.zeros([1, tensor.count, 1])), .float(.zeros([])),
        .float(.zeros([0])), .double(tensor.converted()),
        .integers([Int64](repeating: 1, count: tensor.count), shape: tensor.shape),
      ] as [Safetensors.Entry?] {
        var file = original
        file.entries[name] = entry
        try expectFormatError(file, at: path)
      }
    }
  }

  @Test func tensorsThatBelongNowhereAreRefused() throws {
    try withCheckpoint { path, original in
      for name in ["9.weight", "1.running_skew", "0.bias", "weight", ""] {
        var file = original
        file.entries[name] = .float(.zeros([3]))
        try expectFormatError(file, at: path)
      }
    }
  }

  @Test func countsOfBatchesThatNoTrainingCouldReachAreRefused() throws {
    try withCheckpoint { path, original in
      for entry in [
        .integers([-1], shape: []), .integers([.max], shape: []), .integers([1, 1], shape: [2]), .float(.scalar(0.5)),
        .float(.scalar(.nan)),
      ] as [Safetensors.Entry] {
        var file = original
        file.entries["1.num_batches_tracked"] = entry
        try expectFormatError(file, at: path)
      }
      // Whoever turned all of a state into another type turned counts too.
      for entry in [.integers([9], shape: [1]), .float(.scalar(9)), .double(Tensor([9]))] as [Safetensors.Entry] {
        var file = original
        file.entries["1.num_batches_tracked"] = entry
        try file.write(to: path)
        #expect(try Checkpoint(contentsOf: path).state.counts == ["1.num_batches_tracked": 9])
      }
      // Files from elsewhere may come without.
      var file = original
      file.entries["1.num_batches_tracked"] = nil
      try file.write(to: path)
      #expect(try Checkpoint(contentsOf: path).state.counts.isEmpty)
    }
  }
}
