import Foundation
import Testing

/// What is refused, and how the connection goes on.
@Suite(.serialized) struct RefusalTests {
  private static let json = "application/json"
  private static let binary = "application/octet-stream"

  /// Runs a service of three numbers in and two out.
  private func withService(_ arguments: [String] = [], _ body: (ServiceProcess) throws -> Void) throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.values(), "values", in: folder)
      try body(ServiceProcess([folder.appending(path: "values").path, "--access-log", "off"] + arguments))
    }
  }

  @Test func malformedBodiesAreRefusedAndTheConnectionGoesOn() throws {
    try withService { service in
      let connection = try service.connection()
      for (type, body) in [
        (Self.binary, Data()), (Self.binary, Fixtures.bytes([1, 2])), (Self.binary, Data(count: 13)),
        (Self.binary, Fixtures.bytes([1, 2, .nan])), (Self.binary, Fixtures.bytes([1, 2, -.infinity])),
      ]
        + [
          "", "[1, 2", "{}", "[1, 2, 3, 4]", "[[1, 2, 3], [4, 5]]", "[[1, 2, 3], 4]", "[1, [2], 3]", #"["one", 2, 3]"#,
          "[1e999, 2, 3]", "[NaN, 2, 3]", "[1, 2, 3] 4", "[01, 2, 3]", "[1., 2, 3]", "[.5, 2, 3]", "[+1, 2, 3]",
          "[1, 2, 3,]",
          "[]", "[[]]", "[[[1, 2, 3]]]", String(repeating: "[", count: 100), "[1, 2, 3", "[1 2 3]", "null",
          "\u{feff}[1, 2, 3]",
        ].map({ (Self.json, Data($0.utf8)) })
      {
        let answer = try connection.predict(body, type: type)
        #expect(answer.status == 400, "\(type): \(String(decoding: body, as: UTF8.self))")
        #expect(answer.text.hasPrefix(#"{"error":{"message":"#))
        #expect(answer.headers["content-type"]?.hasPrefix(Self.json) == true)
      }
      for type in [nil, "text/html", "nonsense", "image/png"] {
        #expect(try connection.predict(Fixtures.bytes([1, 2, 3]), type: type).status == 415)
      }
      #expect(try connection.predict(Data("[1, 2, 3]".utf8), type: Self.json).status == 200)
    }
  }

  @Test func bodiesThatAreTooLargeAreRefused() throws {
    try withService(["--max-batch", "2", "--max-body", "1"]) { service in
      #expect(
        try service.connection().predict(Fixtures.bytes([Float](repeating: 1, count: 9)), type: Self.binary).status
          == 413)
      // By its own word, before a byte of it has come.
      let announced = try service.connection()
      try announced.send(
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.binary)\r\nContent-Length: 1000000000000\r\n\r\n")
      let answer = try #require(try announced.receiveAnswer())
      #expect(answer.status == 413 && answer.closes)
      // In pieces that never end: it is answered, and cut.
      let endless = try service.connection()
      try endless.send(
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.json)\r\nTransfer-Encoding: chunked\r\n\r\n")
      let piece = Data("4000\r\n".utf8) + Data(repeating: UInt8(ascii: " "), count: 0x4000) + Data("\r\n".utf8)
      var sent = 0
      // What a machine can send itself in the seconds for which it is read and thrown away.
      while sent < 10_000_000, (try? endless.send(piece)) != nil { sent += 1 }
      #expect(sent < 10_000_000)
      #expect(try service.connection().ask("/health").status == 200)
    }
  }

  @Test func theAnswerToAnEndlessBodyArrives() throws {
    try withService { service in
      let connection = try service.connection()
      try connection.send(
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \(Self.json)\r\nTransfer-Encoding: chunked\r\n\r\n")
      let piece = Data("1000\r\n".utf8) + Data(repeating: UInt8(ascii: " "), count: 0x1000) + Data("\r\n".utf8)
      for _ in 0..<4 { try connection.send(piece) }
      let answer = try #require(try connection.receiveAnswer())
      #expect(answer.status == 413 && answer.closes)
      #expect(connection.isClosed())
    }
  }

  @Test func otherPathsAndMethodsAreRefused() throws {
    try withService { service in
      let connection = try service.connection()
      for path in ["/nothing", "/models/values", "/models/values/predict/more", "//", "/predict/", "/%00"] {
        let answer = try connection.ask(path)
        #expect(answer.status == 404 && answer.text.contains("message"), "\(path)")
      }
      let byGet = try connection.ask("/predict")
      #expect(byGet.status == 405 && byGet.headers["allow"] == "POST")
      // Only the head of what GET answers.
      try connection.sendRequest("HEAD", "/health")
      let head = try #require(try connection.receiveAnswer(hasBody: false))
      #expect(head.status == 200 && head.headers["content-length"] == "15")
      #expect(try connection.ask("/health", "POST", body: Data("x".utf8)).status == 405)
      #expect(
        try connection.ask("/models/others/predict", "POST", type: Self.json, body: Data("[]".utf8)).status == 404)
      #expect(try connection.ask("/health?verbose=1").status == 200)
    }
  }

  @Test func whatIsNoHTTPIsToldSo() throws {
    try withService { service in
      for text in [
        "nonsense\r\n\r\n", "GET /health HTTP/1.1\r\nno header\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
        "POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /predict HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      ] {
        let connection = try service.connection()
        try connection.send(text)
        let answer = try #require(try connection.receiveAnswer())
        #expect(answer.status == 400 && answer.closes && answer.text.contains("message"))
        #expect(connection.isClosed())
      }
      let connection = try service.connection()
      try connection.send("GET /health HTTP/1.1\r\nLong: \(String(repeating: "a", count: 40_000))\r\n\r\n")
      let answer = try #require(try connection.receiveAnswer())
      #expect(answer.status == 431 && answer.closes)
    }
  }

  @Test func whatWaitsBeyondTheQueueIsRefused() throws {
    try withService(["--max-queue", "2", "--max-wait", "1000"]) { service in
      // Two are held for others to join them; nothing can join, since no more may wait.
      let answers = concurrently(8) { _ in
        try? service.connection().predict(Data("[1, 2, 3]".utf8), type: Self.json)
      }
      #expect(answers.count { $0?.status == 200 } >= 2)
      let refused = answers.compactMap(\.self).filter { $0.status == 503 }
      #expect(!refused.isEmpty && refused.allSatisfy { $0.headers["retry-after"] == "1" })
      #expect(answers.allSatisfy { $0?.status == 200 || $0?.status == 503 })
    }
  }
}
