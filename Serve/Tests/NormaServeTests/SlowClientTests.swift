import Foundation
import Testing

/// Clients that take their time, and connections that are too many.
@Suite(.serialized) struct SlowClientTests {
  private static let json = "application/json"

  private func withService(
    _ arguments: [String] = [], descriptorLimit: Int? = nil, _ body: (ServiceProcess) throws -> Void
  ) throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.values(), "values", in: folder)
      try body(
        ServiceProcess(
          [folder.appending(path: "values").path, "--access-log", "off"] + arguments, descriptorLimit: descriptorLimit))
    }
  }

  @Test func whoSaysNothingOrTooLittleIsCut() throws {
    try withService(["--timeout", "0.5"]) { service in
      let silent = try service.connection()
      let slow = try service.connection()
      try slow.send("GET /health HTTP/1.1\r\n")
      let kept = try service.connection()
      #expect(try kept.ask("/health").status == 200)
      // A byte now and then does not help.
      for _ in 0..<100 {
        guard (try? slow.send("a: b\r\n")) != nil else { break }
        Thread.sleep(forTimeInterval: 0.02)
      }
      #expect(silent.isClosed() && kept.isClosed())
      #expect((try? slow.send("a: b\r\n")) == nil || slow.isClosed())
      #expect(try service.metric("norma_connections_cut_total") == 3)
    }
  }

  @Test func aBodyThatDoesNotComeIsAnsweredWith408() throws {
    try withService(["--timeout", "0.5"]) { service in
      let connection = try service.connection()
      try connection.send(
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.json)\r\nContent-Length: 9\r\n\r\n[1,")
      let answer = try #require(try connection.receiveAnswer())
      #expect(answer.status == 408 && answer.closes && answer.text.contains("message"))
      #expect(connection.isClosed())
    }
  }

  @Test func slowClientsKeepNobodyWaiting() throws {
    try withService(["--timeout", "60"]) { service in
      let slow = try (0..<200).map { index in
        let connection = try service.connection()
        try connection.send(
          index % 2 == 0
            ? "POST /predict HTTP/1.1\r\nHost: a\r\n"
            : "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.json)\r\nContent-Length: 9\r\n\r\n[")
        return connection
      }
      let connection = try service.connection(timeout: 5)
      for _ in 0..<50 { #expect(try connection.predict(Data("[1, 2, 3]".utf8), type: Self.json).status == 200) }
      // And each of them is answered when it comes to the end.
      for index in stride(from: 1, to: 200, by: 50) {
        try slow[index].send("1, 2, 3]")
        #expect(try slow[index].receiveAnswer()?.status == 200)
      }
      try slow[0].send("Content-Type: \(Self.json)\r\nContent-Length: 9\r\n\r\n[1, 2, 3]")
      #expect(try slow[0].receiveAnswer()?.status == 200)
    }
  }

  /// A thousand connections of which each may send the largest body must not take a thousand times its memory.
  @Test func largeBodiesThatComeAtOnceAreBounded() throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.images(), "images", in: folder)
      let service = try ServiceProcess([
        folder.appending(path: "images").path, "--max-body", "1", "--access-log", "off",
      ])
      let head = "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1048576\r\n\r\n"
      var slow = try (0..<66).map { _ in
        let connection = try service.connection()
        try connection.send(head)
        return connection
      }
      var refused: Double?
      for _ in 0..<1000 where refused != 2 {
        refused = try service.metric("norma_requests_total{status=\"503\"}")
        Thread.sleep(forTimeInterval: 0.01)
      }
      #expect(refused == 2 && slow.count == 66)
      // Smaller ones are answered all the same once there is room.
      slow = []
      var status: Int?
      for _ in 0..<100 where status != 200 {
        status = try service.connection().predict(Data("[\([Int](repeating: 0, count: 144))]".utf8), type: Self.json)
          .status
        Thread.sleep(forTimeInterval: 0.01)
      }
      #expect(status == 200)
    }
  }

  @Test func requestsMayComeInAnyPieces() throws {
    try withService { service in
      let connection = try service.connection()
      let request =
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.json)\r\nContent-Length: 9\r\n\r\n[1, 2, 3]"
      for byte in request.utf8 { try connection.send(Data([byte])) }
      let expected = try #require(try connection.receiveAnswer())
      #expect(expected.status == 200)
      // Several in one piece are answered in their order.
      try connection.send(request + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n" + request)
      let answers = try (0..<3).map { _ in try connection.receiveAnswer() }
      #expect(answers[0]?.body == expected.body && answers[2]?.body == expected.body)
      #expect(answers[1]?.text == #"{"status":"ok"}"#)
      // Who asks first is told to go on.
      try connection.send(
        "POST /predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: \(Self.json)\r\nContent-Length: 9\r\n\r\n"
      )
      #expect(try connection.receiveAnswer()?.status == 100)
      try connection.send("[1, 2, 3]")
      #expect(try connection.receiveAnswer()?.body == expected.body)
      // Who wants no more says so.
      try connection.send("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(try connection.receiveAnswer()?.status == 200)
      #expect(connection.isClosed())
    }
  }

  @Test func connectionsBeyondTheBoundWait() throws {
    try withService(["--max-connections", "8"]) { service in
      var held = try (0..<8).map { _ in try service.connection() }
      for connection in held { #expect(try connection.ask("/health").status == 200) }
      // NIO accepts up to four at a time, so that some more may be there before it stops.
      let further = try (0..<8).map { _ in try service.connection() }
      for connection in further { try connection.sendRequest("GET", "/health") }
      held = []
      for connection in further { #expect(try connection.receiveAnswer()?.status == 200) }
    }
  }

  /// With fewer descriptors than connections that come, a service must neither spin nor stop.
  @Test func tooFewDescriptorsAreNoReasonToSpin() throws {
    try withService(descriptorLimit: 100) { service in
      #expect(service.said.contains("36 connections at most"))
      var many = try (0..<120).map { _ in try service.connection() }
      Thread.sleep(forTimeInterval: 0.2)
      let before = service.processorTime
      Thread.sleep(forTimeInterval: 1)
      if let before, let after = service.processorTime {
        // A share of a core, not a time: a loop that spins takes all of one.
        #expect(after - before < 0.5)
      }
      if let count = service.openFileCount { #expect(count < 100) }
      #expect(many.count == 120)
      many = []
      #expect(try service.connection().ask("/health").status == 200)
    }
  }
}
