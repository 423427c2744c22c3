import Foundation
import TestSupport
import Testing

/// The pages that the command writes, laid out by a browser 1280 and 390 pixels wide: no text in a drawing lies on another or
/// is cut off.
@Suite(.enabled(if: Chromium.isThere, Comment(rawValue: Chromium.absence)))
struct DrawnPageTests {
  private func page(_ arguments: String, in folder: Folder) throws -> URL {
    let outcome = try Norma.run(arguments.split(separator: " ").map(String.init), directory: folder.url)
    #expect(outcome.status == 0, "\(outcome.error)")
    let name = outcome.output.split(separator: "\n").last { $0.hasPrefix("Report: ") }?.dropFirst("Report: ".count)
    return folder.url.appending(path: String(try #require(name)))
  }

  @Test func thoseOfComparisons() throws {
    let folder = try Folder()
    var rows = "x,y,z,target\n"
    for row in 0..<60 {
      let x = Double(row * 37 % 60) / 10
      rows += "\(x),\(Double(row % 7)),\(Double(row * row % 11)),\(x * x + Double(row % 7))\n"
    }
    try folder.write(rows, to: "curve.csv")
    let pages = try [
      page("compare --quiet --model mlp:12,12 --epochs 3 --out two", in: folder),
      page(
        "compare --quiet --model mlp:16,16,16 --epochs 3 --norm none,batch,layer,group --out four", in: folder),
      page(
        "compare --quiet --model mlp:12 --epochs 4 --batch-size 16 --data csv:curve.csv --label target --regression --out curve",
        in: folder),
      page(
        "compare --quiet --model mlp:12,12 --epochs 3 --learning-rate 1e30 --optimizer sgd --out diverging", in: folder),
    ]
    let found = try Chromium.check(pages)
    #expect(found.isGood, "\(found.words)")
  }

  @Test func thoseOfDiagnoses() throws {
    let folder = try Folder()
    let train = "train --quiet --epochs 2 --bn-rule exponential --bn-momentum 0.9"
    var pages: [URL] = []
    for (name, model) in [("perceptron", "mlp:300,5"), ("residual", "resnet8")] {
      let trained = try Norma.run(
        train.split(separator: " ").map(String.init) + ["--model", model, "--out", folder.path(name)])
      #expect(trained.status == 0, "\(trained.error)")
      let outcome = try Norma.run(["diagnose", folder.path(name), "--html", folder.path("\(name).html")])
      #expect(outcome.status == 1, "\(outcome.error)")
      pages.append(folder.url.appending(path: "\(name).html"))
    }
    let found = try Chromium.check(pages)
    #expect(found.isGood, "\(found.words)")
  }

  @Test func thatOfALab() throws {
    let folder = try Folder()
    let found = try Chromium.check([page("lab run gradient overfit --quick --quiet --out lab", in: folder)])
    #expect(found.isGood, "\(found.words)")
  }
}
