import Foundation
import NormaData
import NormaFiles
import NormaTensor
import Testing

/// How columns become features, by what the rows trained on alone say.
@Suite struct TableEncodingTests {
  private func data(_ text: String, _ options: CSVOptions = CSVOptions()) throws -> RawData {
    try CSV.data(bytes: Array(text.utf8), file: "t.csv", options: options)
  }

  private func prepare(_ source: RawData, validationCount: Int = 0, seed: UInt64 = 0) throws -> DataSplits {
    try DataSplits(
      source, validationCount: validationCount, standardizing: .perFeature, random: RandomGenerator(seed: seed))
  }

  @Test func offsetsOfManyDigitsAreTakenOffInDoublePrecision() throws {
    let text =
      "t,label\n" + (0..<200).map { "\(1_700_000_000 + 37 * $0 % 100),\(37 * $0 % 100 < 50 ? "no" : "yes")\n" }.joined()
    let prepared = try prepare(data(text), validationCount: 40)
    #expect(Set(prepared.training.features.elements + prepared.validation.features.elements).count == 100)
    // The deviation of the same rows without the offset, whose squares are exact.
    let standardization = try #require(prepared.standardization)
    let (mean, scale) = (standardization.mean.elements[0], standardization.scale.elements[0])
    let rows = prepared.training.features.elements.map { (Double($0) * scale + mean - 1_700_000_000).rounded() }
    let average = rows.reduce(0, +) / 160
    let deviation = (rows.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 160).squareRoot()
    #expect(abs(scale - deviation) <= 1e-12 * deviation)
    #expect(abs(mean - 1_700_000_000 - average) <= 1e-6)
  }

  @Test(arguments: [1e9, -4e12, 1_700_000_000_000, 0.001, 1e-9]) func otherOffsetsAndSpreadsKeepTheirValuesApart(
    unit: Double
  ) throws {
    for offset in [0, 1e3, 1e6] {
      let text = "t,label\n" + (0..<50).map { "\((offset + Double($0)) * unit),\($0 % 2)\n" }.joined()
      #expect(try Set(prepare(data(text)).training.features.elements).count == 50)
    }
  }

  @Test func arraysOfFeaturesKeepTheirDigitsToo() throws {
    let x = Tensor<Double>((0..<100).map { 1_700_000_000 + Double($0) }, shape: [100, 1])
    let source = RawData(
      training: RawDataset(
        features: .doubles(x), targets: .classes((0..<100).map { $0 / 50 }, count: 2), name: "x"))
    #expect(try Set(prepare(source).training.features.elements).count == 100)
  }

  @Test func whatStandsForAGapComesFromTheRowsTrainedOn() throws {
    let source = try data(
      "x,c,y\n" + (0..<20).map { "\($0 < 2 ? "" : "\($0)"),\($0 % 2 == 0 ? "u" : ""),\(Double($0) + 0.5)\n" }.joined())
    let prepared = try prepare(source, validationCount: 6, seed: 3)
    let encoding = try #require(prepared.preparation.encoding)
    guard case .table(let table) = source.training.features, case .numbers(let x) = table.columns[0].cells else {
      return
    }
    var random = RandomGenerator(seed: 3)
    let rows = try source.training.split(.stratified, validationCount: 6, using: &random)
    #expect(rows.validation.count == 6 && Set(rows.training + rows.validation).count == 20)
    let present = rows.training.map { x[$0] }.filter { !$0.isNaN }.sorted()
    let middle = present.count / 2
    let median = present.count % 2 == 1 ? present[middle] : (present[middle - 1] + present[middle]) / 2
    #expect(encoding.columns[0].median == median)
    #expect(encoding.columns[0].marksGaps == (present.count < rows.training.count))
    #expect(encoding.columns[1].levels == ["u"] && encoding.columns[1].marksGaps)
    // What is 0 or 1 by its making stays so.
    let standardization = try #require(prepared.standardization)
    #expect(
      standardization.scale.elements.dropFirst(prepared.preparation.encoding?.columns[0].featureCount ?? 0) == [1, 1])
  }

  @Test func whatWasNotMetInTrainingIsZeroAndSaid() throws {
    let trained = try prepare(data("x,color,kind\n1,red,a\n2,blue,b\n3,red,a\n"))
    let encoding = try #require(trained.preparation.encoding)
    let table = try CSV.table(
      bytes: Array("color,x\ngreen,1\nred,\n,3\ngreen,2\n".utf8), file: "new.csv", encoding: encoding)
    var notes: [String] = []
    var preparation = trained.preparation
    preparation.standardization = nil
    let features = try preparation.features(of: .table(table), notes: &notes)
    #expect(features == Tensor([1, 0, 0, 2, 0, 1, 3, 0, 0, 2, 0, 0], shape: [4, 3]))
    #expect(notes.count == 3)
    #expect(notes[0].hasPrefix("Column 'x' has 1 gap,"))
    #expect(notes[1].hasPrefix("Column 'color' has 2 values, such as 'green', not met"))
    #expect(notes[2].hasPrefix("Column 'color' has 1 gap,"))
  }

  @Test func aTableWithoutAHeaderIsReadByPlaces() throws {
    var options = CSVOptions()
    options.ignoredColumns = [.name("id")]
    options.labelColumns = [.name("kind")]
    let trained = try prepare(data("id,x,kind,y\nq,1,a,5\nr,2,b,6\ns,3,a,7\n", options))
    let encoding = try #require(trained.preparation.encoding)
    #expect(encoding.labels == [TableEncoding.Label(name: "kind", position: 2)])
    func numbers(_ text: String) throws -> [[Double]] {
      try CSV.table(bytes: Array(text.utf8), file: "t.csv", encoding: encoding, options: CSVOptions(labelColumns: []))
        .columns.map { if case .numbers(let numbers) = $0.cells { numbers } else { [] } }
    }
    #expect(try numbers("q,1,a,5\nr,2,b,6\n") == [[1, 2], [5, 6]])
    #expect(try numbers("q,1,5\nr,2,6\n") == [[1, 2], [5, 6]])
    #expect(try numbers("1,5\n2,6\n") == [[1, 2], [5, 6]])
    #expect(try numbers("y,other,x\n5,?,1\n6,?,2\n") == [[1, 2], [5, 6]])
    #expect(throws: FormatError.self) { try numbers("1\n2\n") }
    #expect(throws: FormatError.self) { try numbers("x,z\n1,2\n") }
  }

  @Test func aConstantColumnIsSaidAndHarmless() throws {
    let prepared = try prepare(data("x,one,kind\n1,7,a\n2,7,b\n3,7,a\n"))
    #expect(prepared.notes == ["Column 'one' is the same in all rows trained on."])
    #expect(prepared.training.features.elements.enumerated().allSatisfy { $0 % 2 == 0 || $1 == 0 })
  }

  @Test func numbersTooLargeForANetworkAreRefusedOrStandardized() throws {
    let text = "x,kind\n1e39,a\n2e39,b\n3e39,a\n"
    #expect(throws: DataError.self) { try data(text).datasets() }
    #expect(try prepare(data(text)).training.features.isFinite)
    let largest = #expect(throws: DataError.self) { try prepare(data("x,kind\n1e300,a\n-1e300,b\n")) }
    #expect(largest == .tooLarge(column: "x", value: 1e300) || largest == .tooLarge(column: "x", value: -1e300))
  }

  @Test func targetsAreStandardizedByTheRowsTrainedOnAndUndone() throws {
    let source = try data(
      "x,y,z\n" + (0..<10).map { "\($0),\(2e5 + 5e4 * Double($0)),\(Double($0 % 3) / 4)\n" }.joined(),
      CSVOptions(labelColumns: [.name("y"), .name("z")]))
    let prepared = try prepare(source, validationCount: 4)
    guard case .values(let training) = prepared.training.targets,
      case .values(let validation) = prepared.validation.targets
    else { return }
    let sums = (0..<2).map { column in (0..<6).reduce(Float(0)) { $0 + training[$1, column] } }
    #expect(sums.allSatisfy { abs($0) < 1e-5 })
    let original = try prepared.preparation.originalUnits(validation)
    // Rounded to a Float once, beside a spread of some 1e5.
    #expect((0..<4).allSatisfy { abs(original[$0, 0].remainder(dividingBy: 5e4)) < 0.1 })
    let plain = try DataSplits(
      source, validationCount: 4, standardizing: nil, standardizesTargets: false, random: RandomGenerator(seed: 0))
    #expect(plain.targetStandardization == nil)
  }

  @Test func anEncodingIsSavedAsItIs() throws {
    let trained = try prepare(data("x,color,ok,kind\n1,red,true,a\n,blue,no,b\n3,,yes,a\n"))
    let encoding = try #require(trained.preparation.encoding)
    let copy = try JSONDecoder().decode(TableEncoding.self, from: JSONEncoder().encode(encoding))
    #expect(copy == encoding && copy.isConsistent)
    #expect(copy.columns.map(\.kind) == [.number, .category, .truth])
    #expect(copy.featureNames == ["x", "x missing", "color=blue", "color=red", "color missing", "ok"])
  }
}
