import Foundation
import TestSupport
import Testing

/// The page of `norma explain --html`, operated in a browser.
@Suite struct ExplanationPageTests {
  @Test func thePageIsWrittenBesideTheTextAndNamesItsCommand() throws {
    let folder = try Folder()
    let outcome = try Norma.run(
      ["explain", "--values", "1;2;3;6", "--gamma", "2", "--html", "page.html"], directory: folder.url)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.hasSuffix("Page: page.html\n"))
    let page = try String(contentsOf: folder.url.appending(path: "page.html"), encoding: .utf8)
    #expect(page.contains("norma explain --values &#39;1;2;3;6&#39; --gamma 2 --html page.html"))
    #expect(page.contains(#""x":[1,2,3,6]"#))
  }

  @Test func aBatchThatHasNoRoomIsRefusedAndNoPageIsLeft() throws {
    let folder = try Folder()
    let values = (0..<13).map { "\($0)" }.joined(separator: ";")
    let outcome = try Norma.run(["explain", "--values", values, "--html", "page.html"], directory: folder.url)
    #expect(outcome.status == 64)
    #expect(outcome.error.contains("up to 12 rows") && outcome.error.contains("13"), "\(outcome.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("page.html")))
  }

  /// By mouse, by touch and with the keyboard alone: its numbers against the command's, the networks' gradients against PyTorch's,
  /// no error and no request, what it says without a script and on paper, accessibility at three widths, light and dark.
  @Test(
    .enabled(
      if: Chromium.canBeDriven && Python.has("selenium", "axe_selenium_python", "torch"),
      "NORMA_PYTHON names no Python with selenium, axe-selenium-python and PyTorch, or Chromium or its driver is not there"
    ))
  func everyPartDoesWhatItSaysInABrowser() throws {
    let words = try Python.runScript("../../Utils/check-explanation", Norma.executable.get().path)
    #expect(String(decoding: words, as: UTF8.self) == "No fault.\n")
  }
}
