import Foundation
import Norma
import NormaLab
import TestSupport
import Testing

/// How often each run was done, told by its number.
private let performed = Counts()

private final class Counts: @unchecked Sendable {
  private let lock = NSLock()
  private var counts: [String: Int] = [:]

  func add(_ name: String) { lock.withLock { counts[name, default: 0] += 1 } }
  subscript(name: String) -> Int { lock.withLock { counts[name, default: 0] } }
}

/// A run that sums random numbers.
private struct SumRun: LabRun {
  static let kind = "sum"
  var label: String { "sum \(number)" }
  /// Keeps the runs of different tests apart.
  var test: String
  var number: Int
  var seed: UInt64
  var fails = false

  struct Outcome: Codable, Sendable, Equatable {
    var sum: Double
    var notFinite: Double
  }
  struct Failure: Error {}

  private enum CodingKeys: CodingKey { case test, number, seed }

  init(test: String, number: Int, seed: UInt64, fails: Bool = false) {
    (self.test, self.number, self.seed, self.fails) = (test, number, seed, fails)
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    test = try values.decode(String.self, forKey: .test)
    number = try values.decode(Int.self, forKey: .number)
    seed = try values.decode(UInt64.self, forKey: .seed)
  }

  var work: Double { 1 }

  func perform(on data: LabData) throws -> Outcome {
    if fails { throw Failure() }
    performed.add("\(test) \(number) \(seed)")
    var random = RandomGenerator(seed: seed).split(UInt64(number))
    return Outcome(sum: (0..<100).reduce(0) { sum, _ in sum + random.uniform() }, notFinite: .infinity)
  }
}

private struct Sums: Experiment {
  var name = "sums"
  let title = "Sums"
  let question = "What do random numbers add up to?"
  let origin = "this test"
  let dataset: LabDataset? = nil
  var test: String
  /// The first alone in a quick lab.
  var isShortened = false
  var numbers: [Int]
  var failing: Int?

  func runs(_ context: LabContext) -> [SumRun] {
    numbers.prefix(context.isQuick && isShortened ? 2 : numbers.count)
      .map { SumRun(test: test, number: $0, seed: context.seed, fails: $0 == failing) }
  }

  func findings(_ results: LabResults<SumRun>) -> Findings {
    let sums = results.spreads(\.sum)
    return Findings(
      answer: sums.map { "\($0.mean)" }.joined(separator: " "),
      claims: [
        Claim(
          "The sums are near 50.", holds: sums.allSatisfy { abs($0.mean - 50) < 20 }, evidence: "they <are> & stay"),
        Claim("They are all the same.", holds: Set(sums.map(\.mean)).count == 1, evidence: "no"),
        Claim("They are even.", .cannotBeTold(because: "they are no whole numbers"), evidence: "none"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Sums", reading: "Nothing to see.",
            pictures: [
              LineChart(
                title: "Sums", x: ChartAxis("run"), y: ChartAxis("sum"),
                series: [
                  ChartSeries(
                    name: "sum, with a comma",
                    points: sums.enumerated().map { .init(x: Double($0.offset), y: $0.element.mean) },
                    band: sums.enumerated().map {
                      .init(x: Double($0.offset), lower: $0.element.lowest, upper: $0.element.highest)
                    }, style: SeriesStyle(0)),
                  ChartSeries(name: "published", points: [.init(x: 1, y: 50)], style: SeriesStyle(1), isJoined: false),
                ])
            ]))
      ],
      settings: [.init(name: "numbers", value: "\(numbers.count)")])
  }
}

struct LaboratoryTests {
  private func results(
    _ experiments: [any Experiment], in folder: URL, seeds: [UInt64] = [0], workers: Int = 2,
    onEvent: (Laboratory.Event) -> Void = { _ in }
  ) throws -> [ExperimentResult] {
    try Laboratory(experiments, plan: LabPlan(seeds: seeds), data: LabData(), folder: folder.path)
      .run(workers: workers, onEvent: onEvent)
  }

  @Test func whatARunGaveDoesNotDependOnHowManyGoOnAtOnce() throws {
    let answers = try [1, 3, 8].map { workers in
      try withTemporaryDirectory { folder in
        try results([Sums(test: "workers \(workers)", numbers: Array(0..<20))], in: folder, workers: workers)[0]
          .findings.answer
      }
    }
    #expect(Set(answers).count == 1)
  }

  /// With a folder for each process, as on machines of their own, and with one for all; each process with two threads.
  @Test(arguments: [true, false]) func processesShareRunsAndTheFirstGathers(isApart: Bool) throws {
    try withTemporaryDirectory { folder in
      @Sendable func sums(_ test: String) -> Sums { Sums(test: test, numbers: Array(0..<20)) }
      let alone = folder.appending(path: "alone")
      try FileManager.default.createDirectory(at: alone, withIntermediateDirectories: true)
      let expected = try results([sums("one")], in: alone)[0].findings.answer
      let name = "shared \(isApart)"
      for _ in 0..<2 {
        let found = ThreadGroup.run(4) { group in
          let own = folder.appending(path: isApart ? "runs \(group.rank)" : "runs")
          try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
          let (seen, laboratory) = (
            Events(),
            Laboratory(
              [sums(name)], plan: LabPlan(seeds: [0]), data: LabData(), folder: own.path)
          )
          return (try laboratory.run(workers: 2, in: group) { seen.add($0) }, seen)
        }
        let outcomes = try found.map { try $0.get() }
        #expect(outcomes[0].0.map(\.findings.answer) == [expected])
        #expect(outcomes.dropFirst().allSatisfy { $0.0.isEmpty })
        // What one says of the whole, all say.
        #expect(Set(outcomes.map { $0.1.shares.count }).count == 1)
        #expect(outcomes.map(\.1.began).reduce(0, +) == outcomes[0].1.planned[0])
      }
      // The second time all was known to the first, and nothing was done again.
      for number in 0..<20 { #expect(performed["\(name) \(number) 0"] == 1) }
    }
  }

  @Test func processesThatWouldDoOtherRunsAreNamed() throws {
    try withTemporaryDirectory { folder in
      let found = ThreadGroup.run(2, timeLimit: 10) { group in
        _ = try Laboratory(
          [Sums(test: "other", numbers: [1, 2 + group.rank])], plan: LabPlan(seeds: [0]), data: LabData(),
          folder: folder.path
        ).run(workers: 1, in: group)
      }
      for outcome in found {
        let error = #expect(throws: ProcessGroupError.self) { try outcome.get() }
        #expect(error?.rank == 1 && error?.problem.hasPrefix("has other runs to do") == true)
      }
    }
  }

  /// One whose run fails throws; the others wait for it to end them.
  @Test func aFailureOfOneProcessIsItsOwn() throws {
    try withTemporaryDirectory { folder in
      let found = ThreadGroup.run(2, timeLimit: 2) { group in
        _ = try Laboratory(
          [Sums(test: "one fails", numbers: [1, 2], failing: 2)], plan: LabPlan(seeds: [0]), data: LabData(),
          folder: folder.path
        ).run(workers: 1, in: group)
      }
      #expect(throws: ProcessGroupError.self) { try found[0].get() }
      #expect(throws: SumRun.Failure.self) { try found[1].get() }
    }
  }

  @Test func aRunThatWasDoneIsNotDoneAgainAndAChangedOneIs() throws {
    try withTemporaryDirectory { folder in
      let first = try results([Sums(test: "again", numbers: [1, 2])], in: folder)
      let second = try results([Sums(test: "again", numbers: [1, 2])], in: folder)
      #expect(first[0].findings.answer == second[0].findings.answer)
      #expect(performed["again 1 0"] == 1)
      _ = try results([Sums(test: "again", numbers: [1, 3])], in: folder, seeds: [0, 1])
      #expect(performed["again 1 0"] == 1)
      #expect(performed["again 3 0"] == 1)
      #expect(performed["again 1 1"] == 1)
    }
  }

  @Test func runsOfEqualSettingsAreSharedByExperiments() throws {
    try withTemporaryDirectory { folder in
      let found = try results(
        [Sums(name: "one", test: "shared", numbers: [1, 2]), Sums(name: "other", test: "shared", numbers: [2])],
        in: folder)
      #expect(found.count == 2)
      #expect(performed["shared 2 0"] == 1)
    }
  }

  @Test func aDamagedFileOfAnOutcomeIsMadeAnew() throws {
    try withTemporaryDirectory { folder in
      let whole = try results([Sums(test: "damaged", numbers: [1])], in: folder)[0].findings.answer
      let file = try #require(
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).first)
      let bytes = try Data(contentsOf: file)
      for damaged in [bytes.prefix(bytes.count / 2), Data(), Data("{}".utf8), Data([0xFF, 0x00])] {
        try damaged.write(to: file)
        #expect(try results([Sums(test: "damaged", numbers: [1])], in: folder)[0].findings.answer == whole)
        #expect(try Data(contentsOf: file) == bytes)
      }
    }
  }

  @Test func afterAFailureWhatWasDoneIsKept() throws {
    try withTemporaryDirectory { folder in
      #expect(throws: SumRun.Failure.self) {
        try results([Sums(test: "failure", numbers: [1, 2, 3], failing: 2)], in: folder, workers: 1)
      }
      #expect(performed["failure 1 0"] == 1)
      #expect(performed["failure 3 0"] == 0)
      _ = try results([Sums(test: "failure", numbers: [1, 2, 3])], in: folder, workers: 1)
      #expect(performed["failure 1 0"] == 1)
    }
  }

  @Test func eventsTellOfEveryRunAndTheShareOfTheWork() throws {
    try withTemporaryDirectory { folder in
      let seen = Events()
      _ = try results([Sums(test: "events", numbers: [1, 2, 3, 4])], in: folder) { seen.add($0) }
      #expect(seen.planned == [4, 0])
      #expect(seen.began == 4)
      #expect(seen.shares == [0.25, 0.5, 0.75, 1])
      #expect(seen.completed == ["sums"])
    }
  }

  private final class Events: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var planned: [Int] = [], began = 0, shares: [Double] = [], completed: [String] = []

    func add(_ event: Laboratory.Event) {
      lock.withLock {
        switch event {
        case .planned(let runs, let known): planned = [runs, known]
        case .began: began += 1
        case .ended(_, let share): shares.append(share)
        case .completed(let experiment, _, _): completed.append(experiment)
        }
      }
    }
  }

  @Test func theReportSaysOfEveryClaimWhetherItHolds() throws {
    try withTemporaryDirectory { folder in
      let plan = LabPlan(isQuick: true, seeds: [0, 1])
      let found = try results([Sums(test: "report", numbers: [1, 2])], in: folder, seeds: plan.seeds)
      let report = LabReport(found, plan: plan, sources: ["mnist:a folder"])
      #expect(report.headline == "1 of 3 claims held, 1 did not, and 1 cannot be told, in 1 experiment.")
      #expect(report.summary[0].counts == VerdictCounts(found[0].findings.claims))
      let page = PageReader(try report.page().html())
      #expect(page.isWellFormed)
      let verdicts = page.elements(named: "li").filter { ["holds", "fails", "open"].contains($0.attributes["class"]) }
      #expect(verdicts.map { $0.attributes["class"] } == ["holds", "fails", "open"])
      #expect(verdicts[2].text.contains("cannot be told") && verdicts[2].text.contains("They are no whole numbers."))
      let overview = try #require(page.elements(named: "table").first)
      #expect(overview.text.hasSuffix("111"))
      #expect(verdicts[0].text.contains("The sums are near 50.") && verdicts[0].text.contains("they <are> & stay"))
      #expect(page.elements(named: "section").contains { $0.attributes["id"] == "sums" })
      #expect(page.elements(named: "path").contains { $0.attributes["class"] == "band" })
      let code = try #require(page.elements(named: "pre").first)
      #expect(code.text == "norma lab run sums --data 'mnist:a folder' --quick --seeds 2")
    }
  }

  @Test func smallerSettingsOfAQuickLabRefuteNothing() throws {
    try withTemporaryDirectory { folder in
      func verdicts(_ isShortened: Bool, isQuick: Bool) throws -> [Verdict] {
        try Laboratory(
          [Sums(test: "quick", isShortened: isShortened, numbers: [1, 2, 3])], plan: LabPlan(isQuick: isQuick),
          data: LabData(), folder: folder.path
        ).run(workers: 1)[0].findings.claims.map(\.verdict)
      }
      let (quick, full, same) = (
        try verdicts(true, isQuick: true), try verdicts(true, isQuick: false), try verdicts(false, isQuick: true)
      )
      #expect(quick == [.held, .open, .open])
      #expect(full == [.held, .notHeld, .open])
      #expect(same == [.held, .notHeld, .open])
    }
  }

  @Test func theFilesHoldTheResultsThePlotsAndTheirNumbers() throws {
    try withTemporaryDirectory { folder in
      let plan = LabPlan(seeds: [0, 1])
      let found = try results([Sums(test: "files", numbers: [1, 2])], in: folder, seeds: plan.seeds)
      let files = try LabReport(found, plan: plan, sources: []).files()
      #expect(files.map(\.path) == ["report.html", "results.json", "tables/sums-1.csv", "figures/sums-1.svg"])
      let json = try #require(
        try JSONSerialization.jsonObject(with: Data(files[1].bytes)) as? [String: Any])
      #expect(json["claims"] as? [String: Int] == ["held": 1, "notHeld": 1, "open": 1])
      let experiment = try #require((json["experiments"] as? [[String: Any]])?.first)
      let claims = try #require(experiment["claims"] as? [[String: Any]])
      #expect(claims.map { $0["verdict"] as? String } == ["held", "not held", "cannot be told"])
      #expect(claims.map { $0["reason"] as? String } == [nil, nil, "they are no whole numbers"])
      let runs = try #require(experiment["runs"] as? [[String: Any]])
      #expect(runs.count == 2)
      let outcomes = try #require(runs[0]["outcomes"] as? [[String: Any]])
      #expect(outcomes.count == 2)
      #expect(outcomes[0]["notFinite"] as? String == "Infinity")
      let rows = String(decoding: files[2].bytes, as: UTF8.self).split(separator: "\n")
      #expect(rows[0] == "run,\"sum, with a comma\",published")
      #expect(rows.count == 3)
      let drawing = PageReader(String(decoding: files[3].bytes, as: UTF8.self))
      #expect(drawing.isWellFormed)
      #expect(drawing.elements.first?.attributes["xmlns"] == "http://www.w3.org/2000/svg")
      #expect(drawing.elements(named: "style").count == 1)
    }
  }
}

struct CatalogueTests {
  @Test func namesAreLowerCaseWordsAndEachStandsForOneExperiment() {
    let names = LabCatalogue.experiments.map(\.name)
    #expect(Set(names).count == names.count)
    for name in names {
      #expect(name.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil)
      #expect(LabCatalogue.experiment(named: name)?.name == name)
    }
    #expect(LabCatalogue.experiment(named: "no such experiment") == nil)
  }

  @Test func runsDoNotDependOnTheSeedButForIt() throws {
    for experiment in LabCatalogue.experiments { try check(experiment) }
  }

  @Test(arguments: ["sigmoid-net", "learning-rates", "exact-statistics"])
  func trainingsGoOnUntilTheLastStepThatIsLookedAtAndNoEpochLonger(name: String) throws {
    for (dataset, imageCount) in [(LabDataset.mnist, 59_000), (.digits, 1000)] {
      for isQuick in [false, true] {
        let experiment = try #require(LabCatalogue.experiment(named: name))
        for run in experiment.runs(LabContext(isQuick: isQuick, dataset: dataset)) {
          let run = try #require(run as? TrainingRun)
          let last = try #require(run.probes?.steps.max())
          // Those beside the images that validate and test; the last batch of an epoch is whole.
          let steps = min(run.data.trainingCount, imageCount) / run.training.batchSize
          #expect(run.training.epochs * steps >= last && (run.training.epochs - 1) * steps < last)
        }
      }
    }
  }

  private func check<Subject: Experiment>(_ experiment: Subject) throws {
    for isQuick in [false, true] {
      let runs = [0, 1].map { seed in
        experiment.runs(LabContext(isQuick: isQuick, seed: seed, dataset: experiment.dataset.map { _ in .digits }))
      }
      #expect(!runs[0].isEmpty)
      #expect(runs[0].map(\.label) == runs[1].map(\.label))
      #expect(Set(runs[0].map(\.label)).count == runs[0].count, "\(experiment.name)")
      // Settings must tell all runs apart, or they would share outcomes.
      let settings = try runs.joined().map { try ResultFile.data($0) }
      #expect(Set(settings).count == settings.count, "\(experiment.name)")
      for run in runs[0] { #expect(run.work > 0) }
    }
  }
}
