import Testing

/// What goes to standard output and standard error, and in which characters.
struct StreamTests {
  private func train(_ options: [String], environment: [String: String] = [:]) throws -> Norma.Outcome {
    let folder = try Folder()
    return try Norma.run(
      ["train", "--model", "mlp:4", "--epochs", "2", "--out", folder.path("out")] + options, environment: environment)
  }

  @Test func progressIsALineAnEpochWhereThereIsNoTerminal() throws {
    let outcome = try train([])
    #expect(outcome.status == 0)
    let lines = outcome.error.split(separator: "\n")
    // Four units make worse of the digits than no hidden layer at all, which is said after the epochs.
    #expect(lines.count == 3 && lines[2].hasPrefix("A linear model does better here"))
    #expect(lines.prefix(2).allSatisfy { $0.contains("epoch") && $0.contains("validation") })
    #expect(!outcome.error.contains("\u{1B}") && !outcome.error.contains("\r"))
    #expect(outcome.output.hasPrefix("Best epoch "))
  }

  @Test func quietMeansSilentOnStandardError() throws {
    #expect(try train(["--quiet"]).error == "")
    #expect(try train(["--quiet", "--json"]).error == "")
  }

  @Test func aReaderThatLeavesEarlyEndsTheCommandWithoutAWord() throws {
    let outcome = try Norma.shell("\"$norma\" explain | head -n 1")
    #expect(outcome.status == 0)
    #expect(outcome.output.split(separator: "\n").count == 1)
    #expect(outcome.error == "")
    // Where the signal is ignored, what cannot be written is an error like any other.
    let ignoring = try Norma.shell("trap '' PIPE; { \"$norma\" explain; echo $? >&2; } | true")
    #expect(["", "0", "74"].contains(ignoring.error.split(separator: "\n").last ?? ""))
  }

  @Test func tablesAreOfASCIIWhereTheLocaleIsNotUTF8() throws {
    let trained = try CheckpointTests.trainDigits()
    let model = trained.path("model")
    for arguments in [["inspect", model], ["predict", model, "--data", "digits", "--rows", "0-3"]] {
      #expect(try Norma.run(arguments).output.contains("──"))
      let plain = try Norma.run(arguments, environment: ["LC_ALL": "C"])
      #expect(plain.output.contains("--"))
      #expect(!plain.output.contains("─"))
    }
  }

  @Test func tablesAreAsWideAsAsked() throws {
    let trained = try CheckpointTests.trainDigits()
    let model = trained.path("model")
    for columns in [50, 80] {
      // At 50 columns the names and numbers of inspect's tensors, which are never cut, need more.
      for arguments in (columns < 80 ? [] : [["inspect", model]]) + [["evaluate", model], ["explain"]] {
        let outcome = try Norma.run(arguments, environment: ["COLUMNS": "\(columns)"])
        let table = outcome.output.split(separator: "\n").drop { !$0.contains("─") }
        #expect(table.allSatisfy { $0.count <= columns }, "\(outcome.output)")
      }
    }
  }
}
