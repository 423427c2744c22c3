import Foundation
import Norma
import Testing

/// Starts, reloads and ends, of the process that people run.
@Suite(.serialized) struct LifecycleTests {
  private static let json = "application/json"
  private static let numbers = Data("[1, 2, 3]".utf8)

  private func withService(_ arguments: [String] = [], _ body: (ServiceProcess, URL) throws -> Void) throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.values(), "values", in: folder)
      try body(ServiceProcess([folder.appending(path: "values").path, "--access-log", "off"] + arguments), folder)
    }
  }

  /// What clients saw that each sent requests on one connection until it was told that an answer is the last, or for `count` of them.
  private struct Seen: Sendable {
    var answered = 0
    var lost = 0
    var wasTold = false
  }

  private func ask(_ service: ServiceProcess, clients: Int, count: Int, _ meanwhile: @escaping @Sendable (Int) -> Void)
    -> [Seen]
  {
    concurrently(clients + 1) { client in
      var seen = Seen()
      guard client < clients else {
        meanwhile(clients)
        return seen
      }
      guard let connection = try? service.connection() else { return seen }
      for _ in 0..<count {
        guard let answer = try? connection.predict(Self.numbers, type: Self.json), answer.status == 200 else {
          seen.lost += 1
          break
        }
        seen.answered += 1
        if answer.closes {
          seen.wasTold = true
          break
        }
      }
      return seen
    }
  }

  @Test func endingLosesNoRequestOfKeptConnections() throws {
    try withService { service, _ in
      let seen = ask(service, clients: 32, count: 1_000_000) { _ in
        for _ in 0..<1000 where (try? service.metric("norma_batch_size_sum")) ?? 0 < 2000 {
          Thread.sleep(forTimeInterval: 0.01)
        }
        service.signal(SIGTERM)
      }
      #expect(seen.allSatisfy { $0.lost == 0 })
      #expect(seen.dropLast().allSatisfy { $0.wasTold })
      #expect(seen.reduce(0) { $0 + $1.answered } >= 2000)
      #expect(service.end() == 0)
      #expect(service.said.contains("Ended after"))
    }
  }

  @Test func readinessIsWithdrawnBeforeTheEnd() throws {
    try withService(["--drain-delay", "2"]) { service, _ in
      let connection = try service.connection()
      #expect(try connection.ask("/ready").status == 200)
      service.signal(SIGTERM)
      // The connection was told nothing yet, and gets one more answer; new ones are still taken.
      var answer = try connection.ask("/ready")
      for _ in 0..<100 where answer.status == 200 {
        Thread.sleep(forTimeInterval: 0.01)
        answer = try connection.ask("/ready")
      }
      #expect(answer.status == 503 && answer.closes)
      #expect(connection.isClosed())
      let health = try service.connection().ask("/health")
      #expect(health.status == 200 && health.closes)
      #expect(service.end() == 0)
    }
  }

  @Test func connectionsWithoutARequestAreClosedWithoutAWord() throws {
    try withService { service, _ in
      let idle = try service.connection()
      #expect(try idle.ask("/health").status == 200)
      service.signal(SIGTERM)
      #expect(idle.isClosed())
      #expect(service.end() == 0)
    }
  }

  @Test func aRequestThatDoesNotEndIsWaitedForSoLong() throws {
    try withService(["--drain-timeout", "1", "--timeout", "60"]) { service, _ in
      let stuck = try service.connection()
      #expect(try stuck.ask("/health").status == 200)
      try stuck.send("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.json)\r\nContent-Length: 9\r\n\r\n[1,")
      service.signal(SIGINT)
      #expect(service.end() == 0)
      #expect(service.said.contains("Ended with requests under way"))
    }
  }

  @Test func aSecondSignalEndsAtOnce() throws {
    try withService(["--timeout", "60"]) { service, _ in
      let stuck = try service.connection()
      #expect(try stuck.ask("/health").status == 200)
      try stuck.send("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.json)\r\nContent-Length: 9\r\n\r\n[1,")
      service.signal(SIGTERM)
      Thread.sleep(forTimeInterval: 0.2)
      service.signal(SIGTERM)
      #expect(service.end() == 128 + SIGTERM)
    }
  }

  @Test func readingModelsAnewLosesNoRequest() throws {
    try withService { service, folder in
      let before = try service.connection().predict(Self.numbers, type: Self.json)
      // The same network with other units.
      var other = try Fixtures.values()
      other.settings.targetStandardization = nil
      try Fixtures.write(other, "values", in: folder)
      let seen = ask(service, clients: 8, count: 2000) { _ in
        for count in 1...5 {
          service.signal(SIGHUP)
          _ = service.waits(for: "was read anew", count: count)
        }
      }
      #expect(seen.allSatisfy { $0.lost == 0 } && seen.dropLast().allSatisfy { $0.answered == 2000 })
      let after = try service.connection().predict(Self.numbers, type: Self.json)
      let expected = try other.makeModel().predict(Tensor([1, 2, 3], shape: [1, 3])).elements.map(Double.init)
      #expect(before.body != after.body)
      #expect(try after.decoded(Prediction.self).values == expected)
      // What cannot be read leaves the earlier one where it is.
      try Data("nothing".utf8).write(to: folder.appending(path: "values/model.safetensors"))
      service.signal(SIGHUP)
      #expect(service.waits(for: "the earlier model stays"))
      #expect(try service.connection().predict(Self.numbers, type: Self.json).body == after.body)
      let metrics = try service.connection().ask("/metrics").text
      #expect(metrics.contains("norma_reloads_total{result=\"done\"} 5\n"))
      #expect(metrics.contains("norma_reloads_total{result=\"failed\"} 1\n"))
    }
  }

  @Test func whatCannotBeServedEndsTheStart() throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.values(), "values", in: folder)
      let model = folder.appending(path: "values").path
      let text = folder.appending(path: "text.safetensors")
      try Data("no model".utf8).write(to: text)
      let taken = try ServiceProcess([model, "--access-log", "off"])
      for (arguments, status, words) in [
        ([folder.appending(path: "none").path], 74, "none"), ([text.path], 65, "text.safetensors"),
        ([model, model], 64, "called 'values'"), (["a b=\(model)"], 64, "NAME="), ([], 64, "model"),
        ([model, "--max-batch", "0"], 64, "--max-batch"), ([model, "--timeout", "0"], 64, "--timeout"),
        ([model, "--access-log", "/nowhere/log"], 64, "/nowhere/log"),
        ([model, "--port", "\(taken.port)"], 69, "\(taken.port)"),
        ([model, "--host", "host.invalid"], 69, "host.invalid"),
      ] {
        let (code, said) = try ServiceProcess.outcome(of: arguments)
        #expect(code == Int32(status) && said.contains(words), "\(arguments): \(String(describing: code)) \(said)")
      }
    }
  }
}
