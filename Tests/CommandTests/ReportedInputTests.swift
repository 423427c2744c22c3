import Testing

/// Inputs that people reported to scikit-learn and pandas because the answers to them were wrong, from training to answers.
/// Each is named by project and number in that project's public tracker and told in own words.
struct ReportedInputTests {
  private struct Evaluated: Decodable {
    var loss: Double
    var value: Double
  }

  private struct Predicted: Decodable {
    var label: String?
    var probabilities: [String: Double]?
    var values: [Double]?
  }

  private func train(_ text: String, in folder: Folder) throws -> String {
    let (data, out) = (try folder.write(text, to: "train.csv"), folder.path("model"))
    let outcome = try Norma.run(
      [
        "train", "--data", "csv:\(data)", "--model", "mlp:4", "--epochs", "40", "--batch-size", "8",
        "--learning-rate", "0.05", "--quiet", "--out", out,
      ])
    #expect(outcome.status == 0, "\(outcome.error)")
    return out
  }

  private func predictions(_ model: String, _ text: String, in folder: Folder) throws -> ([Predicted], said: String) {
    let outcome = try Norma.run(["predict", model, folder.write(text, to: "new.csv"), "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    return (try outcome.json(), outcome.error)
  }

  /// A dog is where the first number is large.
  private let animals =
    "size,noise,kind\n"
    + (0..<60).map { $0 % 2 == 0 ? "\(40 + $0),\($0 * 7 % 5),dog\n" : "\(Double($0) / 2),\($0 * 7 % 5),cat\n" }.joined()

  // scikit-learn#30910: the names of the classes were given in another order than that of the alphabet, and the loss was that
  // of the probabilities exchanged.
  @Test func theLossDoesNotDependOnWhichClassComesFirst() throws {
    let folder = try Folder()
    let model = try train(animals, in: folder)
    let rows = animals.split(separator: "\n").dropFirst().map(String.init)
    let evaluations = try [rows, rows.reversed()].map { rows in
      let data = try folder.write("size,noise,kind\n" + rows.joined(separator: "\n") + "\n", to: "rows.csv")
      return try Norma.run(["evaluate", model, "--data", "csv:\(data)", "--json"]).json(Evaluated.self)
    }
    // Half of the answers' probabilities exchanged would give more than the loss of a guess, the logarithm of 2.
    #expect(evaluations.allSatisfy { $0.value == 1 && $0.loss < 0.6 })
    #expect(abs(evaluations[0].loss - evaluations[1].loss) < 1e-5)
  }

  // scikit-learn#7242: with the columns in another order, numbers went to the wrong weights in silence.
  @Test func columnsGoToTheirWeightsByName() throws {
    let folder = try Folder()
    let model = try train(animals, in: folder)
    let asTrained = try predictions(model, "size,noise\n80,1\n3,4\n", in: folder).0
    let reordered = try predictions(model, "noise,owner,size\n1,Ann,80\n4,Ben,3\n", in: folder).0
    #expect(asTrained.map(\.label) == ["dog", "cat"])
    #expect(asTrained.map(\.probabilities) == reordered.map(\.probabilities))
  }

  // scikit-learn#18072, pandas#15629: a word that training had not met ended the program, or was taken for one that it had.
  @Test func aWordThatTrainingHadNotMetIsNoneOfThoseItHad() throws {
    let folder = try Folder()
    let words = ["red", "green", "blue"]
    let text =
      "color,size,kind\n" + (0..<60).map { "\(words[$0 % 3]),\($0 * 5 % 7),\($0 % 3 == 0 ? "hot" : "cold")\n" }.joined()
    let (answers, said) = try predictions(
      train(text, in: folder), "color,size\nred,3\ngreen,3\nblue,3\nviolet,3\n", in: folder)
    #expect(answers.prefix(3).map(\.label) == ["hot", "cold", "cold"])
    #expect(answers.dropLast().allSatisfy { $0.probabilities != answers.last?.probabilities })
    #expect(said.contains("'violet', not met"))
  }

  // scikit-learn#6002, scikit-learn#6124: what was predicted stayed in the units that training had scaled the target to.
  @Test func predictionsHaveTheUnitsOfTheTarget() throws {
    let folder = try Folder()
    let text =
      "x,price\n" + (0..<64).map { "\(Double($0 * 5 % 64) / 16),\(2_000_000 + 10_000 * ($0 * 5 % 64))\n" }.joined()
    let model = try train(text, in: folder)
    let values = try predictions(model, "x\n0\n1.75\n3.75\n", in: folder).0.map { $0.values?.first ?? .nan }
    #expect(values.count == 3)
    // The prices are 2,000,000 + 160,000 x, and their standard deviation 184,730.
    for (value, price) in zip(values, [2.0e6, 2.28e6, 2.6e6]) { #expect(abs(value - price) < 184_730) }
  }

  // pandas#14012, pandas#19886: rows with bytes 0 in a cell were split there, or lost, in silence.
  @Test func aByteZeroInACellIsRefusedByItsPlace() throws {
    let folder = try Folder()
    let data = try folder.write("size,noise,kind\n1,2,cat\n2,\u{0}3,dog\n", to: "zero.csv")
    let outcome = try Norma.run(["train", "--data", "csv:\(data)", "--out", folder.path("out")])
    expectFailure(outcome, status: 65, saying: "byte 26: a byte 0 is no text")
    #expect(try folder.names() == ["zero.csv"])
  }
}
