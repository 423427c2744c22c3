import Foundation
import NormaLab
import Testing

struct ShellQuotingTests {
  @Test(arguments: [
    "", "plain", "csv:a/b-c_d.csv", "two words", "it's", "'", "a\nb", "$HOME", "`ls`", "a\\b", "\"", "*", "größe",
    "a;b&c|d",
    "(x)", "#", "!", "100%", "a=b", "~", "~/data", "x~",
  ])
  func aShellReadsTheTextItself(text: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "printf '%s.' \(text.shellQuoted)"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(String(decoding: output, as: UTF8.self) == text + ".")
  }

  @Test func whatNeedsNoQuotesHasNone() {
    for text in ["plain", "csv:a/b-c_d.csv", "mlp:100,100", "--seed", "1e-5", "a=b"] {
      #expect(text.shellQuoted == text)
    }
    #expect("it's".shellQuoted == #"'it'\''s'"#)
  }
}
