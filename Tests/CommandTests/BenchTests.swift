import Foundation
import Norma
import NormaLab
import TestSupport
import Testing

struct BenchTests {
  private struct Row: Decodable {
    var name: String
    var threads: Int
    var mean: Double
    var median: Double
    var tenthPercentile: Double
    var ninetiethPercentile: Double
    var samples: Int
  }

  @Test(arguments: [["bench"], ["bench", "run"]])
  func whatIsAskedForIsTimed(command: [String]) throws {
    let options = ["--only", #"^bn-(fwd|bwd) \(64,100\) nc$"#, "--time", "0.01", "--threads", "1"]
    let rows: [Row] = try Norma.run(command + options + ["--json"]).json()
    #expect(rows.map(\.name) == ["bn-fwd (64,100) nc", "bn-bwd (64,100) nc"])
    for row in rows {
      #expect(row.threads == 1)
      #expect(row.samples >= 2)
      #expect(0 < row.tenthPercentile && row.tenthPercentile <= row.median)
      #expect(row.median <= row.ninetiethPercentile)
      #expect(row.mean > 0)
    }
    let table = try Norma.run(command + options)
    #expect(table.status == 0)
    #expect(table.output.contains("median"))
    #expect(table.output.contains("bn-fwd (64,100) nc"))
  }

  @Test func theListIsOfTheCasesThatAreTimed() throws {
    let names = BenchmarkCase.all.map(\.name)
    #expect(try Norma.run(["bench", "list"]).output.split(separator: "\n").map(String.init) == names)
    let trained = try Norma.run(["bench", "list", "--only", "^train"]).output.split(separator: "\n").map(String.init)
    #expect(trained == names.filter { $0.hasPrefix("train") })
    let cases: [BenchmarkCase] = try Norma.run(["bench", "list", "--json"]).json()
    #expect(cases == BenchmarkCase.all)
    #expect(try Norma.run(["bench", "list", "--only", "nothing is called this"]).output == "")
  }

  // MARK: The worker

  private struct Reply: Decodable {
    var ok: Bool
    var error: String?
    var info: String?
    var variants: [String: [String]]?
    var samples: [Double]?
  }

  /// What a worker answers to lines on its standard input.
  private func replies(to lines: [String]) throws -> [Reply] {
    let outcome = try Norma.run(
      ["bench", "--worker"], input: lines.map { $0 + "\n" }.joined(), environment: ["PEER_THREADS": "1"])
    #expect(outcome.status == 0, "\(outcome.error)")
    return try outcome.output.split(separator: "\n").map {
      try JSONDecoder().decode(Reply.self, from: Data($0.utf8))
    }
  }

  private func request(
    _ benchmark: BenchmarkCase, _ rest: String = #""min_time":0"#, variant: String = "fused"
  ) throws -> String {
    let text = String(decoding: try JSONEncoder().encode(benchmark), as: UTF8.self)
    return #"{"case":\#(text),"variant":"\#(variant)",\#(rest)}"#
  }

  @Test func aWorkerAnswersEachRequestInItsTurn() throws {
    let small = try #require(BenchmarkCase.all.first { $0.name == "bn-fwd (64,100) nc" })
    let answers = try replies(to: [
      #"{"hello":true}"#, try request(small), try request(small, #""min_time":0.02,"pause":0.002"#), #"{"drop":true}"#,
      try request(small),
    ])
    try #require(answers.count == 5)
    #expect(answers.allSatisfy { $0.ok && $0.error == nil })
    #expect(answers[0].info?.contains("threads=1") == true)
    #expect(answers[0].variants?["norm"]?.isEmpty == false)
    for place in [1, 2, 4] { #expect(try #require(answers[place].samples).allSatisfy { $0 > 0 }) }
    // No more than fit beside the pauses.
    #expect((2...10).contains(try #require(answers[2].samples).count))
    #expect(answers[3].samples == nil)
  }

  /// A convolution of a few numbers.
  private func smallConvolution(_ pass: String) throws -> BenchmarkCase {
    var convolution = try #require(BenchmarkCase.all.first { $0.sec == "conv" })
    convolution.name = "small \(pass)"
    convolution.pass = pass
    convolution.shape = [2, 3, 5, 4]
    convolution.outputs = 6
    convolution.stride = 2
    return convolution
  }

  @Test func aWorkerTimesEachPassOfAConvolution() throws {
    let answers = try replies(
      to: [#"{"hello":true}"#] + ["fwd", "input", "weight"].map { try request(smallConvolution($0)) })
    try #require(answers.count == 4)
    #expect(answers[0].variants?["conv"] == ["fused"])
    for answer in answers.dropFirst() {
      #expect(answer.ok, "\(answer.error ?? "")")
      #expect(answer.samples?.isEmpty == false)
    }
  }

  @Test func aWorkerTimesEachPassOfAProductAndRefusesOthers() throws {
    let first = try #require(BenchmarkCase.all.first { $0.sec == "product" })
    func product(_ pass: String, _ shape: [Int]) -> BenchmarkCase {
      var product = first
      (product.name, product.shape, product.pass) = ("\(pass) \(shape)", shape, pass)
      return product
    }
    let passes = ["plain", "transposed", "weight"]
    let cases =
      passes.map { product($0, [3, 5, 2]) } + [
        product("plain", [3, 5]), product("plain", [3, 0, 2]), product("fwd", [3, 5, 2]),
        product("plain", [1, 1 << 40, 1 << 40]),
      ]
    let answers = try replies(to: [#"{"hello":true}"#] + cases.map { try request($0) })
    #expect(answers[0].variants?["product"] == ["fused"])
    #expect(answers.dropFirst().map(\.ok) == [true, true, true, false, false, false, false])
    #expect(answers[1...3].allSatisfy { $0.samples?.isEmpty == false })
  }

  @Test func aWorkerTimesEachVariantOfATrainingStepThatItNames() throws {
    var train = try #require(BenchmarkCase.all.first { $0.sec == "train" && $0.net == "resnet20" })
    train.batch = 2
    let named = try #require(try replies(to: [#"{"hello":true}"#]).first?.variants?["train"])
    #expect(named == ["fused", "recompute", "half", "half-recompute"])
    for answer in try replies(to: named.map { try request(train, variant: $0) }) {
      #expect(answer.ok && answer.samples?.isEmpty == false)
    }
  }

  @Test func aWorkerRefusesAConvolutionOrAVariantThatThereIsNot() throws {
    var wide = try smallConvolution("fwd")
    wide.outputs = 1 << 60
    wide.name = "wide"
    var window = try smallConvolution("fwd")
    window.window = Int.max
    window.name = "window"
    var still = try smallConvolution("fwd")
    still.stride = 0
    still.name = "still"
    let answers = try replies(to: [
      try request(wide), try request(window), try request(still), try request(smallConvolution("sideways")),
      try request(smallConvolution("fwd"), variant: "recompute"), try request(smallConvolution("fwd")),
    ])
    try #require(answers.count == 6)
    for answer in answers.dropLast() { #expect(!answer.ok && answer.error?.isEmpty == false) }
    #expect(answers[0].error?.contains("elements") == true)
    #expect(answers[4].error?.contains("no variant 'recompute'") == true)
    #expect(answers[5].ok)
  }

  @Test func aWorkerRefusesABadRequestAndAnswersTheNext() throws {
    var single = try #require(BenchmarkCase.all.first { $0.name == "bn-fwd (64,100) nc" })
    var huge = single
    single.shape = [1, 100]
    huge.shape = [1 << 40, 1 << 40]
    // What is prepared is known by its name.
    huge.name = "huge"
    var train = try #require(BenchmarkCase.all.first { $0.sec == "train" })
    train.batch = 1 << 60
    var unknown = single
    unknown.sec = "sing"
    let bad = [
      "no JSON", "{}", #"{"case":{}}"#, try request(single), try request(huge), try request(train),
      try request(unknown), try request(single, #""min_time":1e300"#), try request(single, #""pause":-1"#),
    ]
    let answers = try replies(to: bad + [#"{"hello":true}"#])
    try #require(answers.count == bad.count + 1)
    for answer in answers.dropLast() { #expect(!answer.ok && answer.error?.isEmpty == false) }
    #expect(answers.last?.ok == true)
    #expect(answers[3].error?.contains("more than one value per channel") == true)
    #expect(answers[4].error?.contains("elements") == true)
    #expect(answers[5].error?.contains("elements") == true)
  }
}
