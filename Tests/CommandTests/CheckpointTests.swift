import Foundation
import Norma
import Testing

/// Checkpoints that are damaged, or do not fit the data.
struct CheckpointTests {
  /// A folder with a small model of the digits.
  static func trainDigits() throws -> Folder { try train(["--model", "mlp:4", "--epochs", "1"]) }

  /// A folder with a model in the folder `model`.
  static func train(_ options: [String]) throws -> Folder {
    let folder = try Folder()
    let outcome = try Norma.run(["train", "--quiet", "--out", folder.path("model")] + options)
    try #require(outcome.status == 0, "\(outcome.error)")
    return folder
  }

  private static let file = "model/model.safetensors"

  @Test func aCheckpointCutAnywhereIsRefused() throws {
    let bytes = try Self.trainDigits().bytes(Self.file)
    let folder = try Folder()
    for count in [0, 1, 8, 100, bytes.count / 2, bytes.count - 1] {
      let file = try folder.write(bytes.prefix(count), to: "cut.safetensors")
      for command in [["evaluate", file], ["predict", file, "--data", "digits"], ["inspect", file]] {
        expectFailure(try Norma.run(command), status: 65, saying: "cut.safetensors")
      }
    }
  }

  @Test func aCheckpointWithoutSettingsIsOnlyInspected() throws {
    let folder = try Folder()
    var file = Safetensors()
    file.metadata["made by"] = "someone\nelse"
    file.entries["weight"] = .float(Tensor([1, 2, 3, 6], shape: [2, 2]))
    file.entries["steps"] = .integers([7], shape: [])
    let path = folder.path("foreign.safetensors")
    try file.write(to: path)
    for command in [["evaluate", path], ["predict", path, "--data", "digits"]] {
      expectFailure(try Norma.run(command), status: 65, saying: "without Norma's settings")
    }
    let text = try Norma.run(["inspect", path])
    #expect(text.status == 0)
    #expect(text.output.contains("made by: someone else\n"))
    #expect(text.output.contains("3.0000"))

    struct Listing: Decodable {
      struct Row: Decodable, Equatable {
        var name: String
        var shape: [Int]
        var mean: Double?
        var maximum: Double?
        var count: Int?
      }
      var metadata: [String: String]
      var tensors: [Row]
    }
    let listing: Listing = try Norma.run(["inspect", path, "--json"]).json()
    #expect(listing.metadata == ["made by": "someone\nelse"])
    #expect(
      listing.tensors == [
        .init(name: "steps", shape: [], count: 7), .init(name: "weight", shape: [2, 2], mean: 3, maximum: 6),
      ])
  }

  @Test func dataOfAnotherShapeAreRefused() throws {
    let trained = try Self.trainDigits()
    let model = trained.path("model")
    let folder = try Folder()
    let csv = try folder.write("1,2,0\n3,4,1\n", to: "narrow.csv")
    expectFailure(try Norma.run(["evaluate", model, "--data", "csv:\(csv)"]), status: 65, saying: "64 features")
    expectFailure(try Norma.run(["predict", model, csv]), status: 65, saying: "64 features")
    expectFailure(try Norma.run(["predict", model, "--data", "csv:\(csv)"]), status: 65, saying: "64 features")
    expectFailure(try Norma.run(["predict", model, "-"], input: "1,2\n"), status: 65, saying: "standard input")
  }

  @Test func classesThatTheModelDoesNotKnowAreRefused() throws {
    let folder = try Folder()
    let csv = try folder.write("1,2,cat\n3,4,dog\n5,6,cat\n7,8,dog\n", to: "animals.csv")
    let model = try Self.train(["--data", "csv:\(csv)", "--validation", "0", "--epochs", "1", "--model", "mlp:"])
    let other = try folder.write("1,2,cow\n", to: "other.csv")
    let outcome = try Norma.run(["evaluate", model.path("model"), "--data", "csv:\(other)"])
    expectFailure(outcome, status: 65, saying: "'cow' is not known")
  }

  @Test func aModelWithoutValidationDataNeedsOthersToBeEvaluated() throws {
    let folder = try Folder()
    let csv = try folder.write("1,2,cat\n3,4,dog\n5,6,cat\n7,8,dog\n", to: "animals.csv")
    let model = try Self.train(["--data", "csv:\(csv)", "--validation", "0", "--epochs", "1", "--model", "mlp:3"])
    expectFailure(try Norma.run(["evaluate", model.path("model")]), status: 64, saying: "--data")
    #expect(try Norma.run(["evaluate", model.path("model"), "--data", "csv:\(csv)"]).status == 0)
  }

  @Test func rowsThatAreNotThereAreRefused() throws {
    let trained = try Self.trainDigits()
    let model = trained.path("model")
    let outcome = try Norma.run(["predict", model, "--data", "digits", "--rows", "1790-1797"])
    expectFailure(outcome, status: 64, saying: "0 to 1796")
  }
}
