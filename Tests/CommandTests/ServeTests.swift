import Foundation
import TestSupport
import Testing

/// How `norma` hands over to `norma-serve`, for which a script stands here.
struct ServeTests {
  @Test func allArgumentsAreHandedOver() throws {
    try withTemporaryDirectory { folder in
      let program = folder.appending(path: "norma-serve")
      try Data("#!/bin/sh\nprintf '%s|' \"$@\"\nexit 3\n".utf8).write(to: program)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
      let environment = ["PATH": "/nowhere:\(folder.path):/usr/bin:/bin"]
      let outcome = try Norma.run(["serve", "a model", "--port", "80", "--help", "-x"], environment: environment)
      #expect(outcome.status == 3)
      #expect(outcome.output == "a model|--port|80|--help|-x|")
      #expect(outcome.error == "")
    }
  }

  @Test func whereItIsNotInstalledItIsSaidHowToBuildIt() throws {
    let outcome = try Norma.run(["serve", "model"], environment: ["PATH": "/nowhere"])
    #expect(outcome.status == 64)
    #expect(outcome.output == "")
    #expect(outcome.error.contains("swift build -c release --package-path Serve"))
  }
}
