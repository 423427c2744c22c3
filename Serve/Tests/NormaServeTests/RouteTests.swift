import Foundation
import Testing

/// What a service tells of itself.
@Suite(.serialized) struct RouteTests {
  private struct Listing: Decodable {
    struct Model: Decodable {
      var name: String
      var network: String
      var shape: [Int]
      var takesImages: Bool
      var classes: [String]?
      var values: Int?
      var features: [String]?
    }
    var models: [Model]
  }

  private func withService(_ arguments: [String] = [], _ body: (ServiceProcess, URL) throws -> Void) throws {
    try Fixtures.withFolder { folder in
      try Fixtures.write(Fixtures.values(), "values", in: folder)
      try Fixtures.write(Fixtures.images(), "images", in: folder)
      let models = ["values", "images"].map { folder.appending(path: $0).path }
      try body(ServiceProcess(models + arguments), folder)
    }
  }

  @Test func modelsAreListedWithTheirShapes() throws {
    try withService(["--access-log", "off"]) { service, _ in
      let models = try service.connection().ask("/models").decoded(Listing.self).models
      #expect(models.map(\.name) == ["values", "images"])
      #expect(models[0].shape == [3] && models[0].values == 2 && models[0].features == ["a", "b", "c"])
      #expect(models[1].shape == [8, 6, 3] && models[1].classes == ["a\"b", "<c>", "d\\\n"] && models[1].takesImages)
    }
  }

  @Test func theInterfaceIsDescribed() throws {
    try withService(["--access-log", "off", "--max-batch", "7"]) { service, folder in
      let connection = try service.connection()
      let answer = try connection.ask("/openapi.json")
      let document = try #require(JSONSerialization.jsonObject(with: answer.body) as? [String: Any])
      let paths = try #require(document["paths"] as? [String: Any])
      #expect(
        paths.keys.sorted() == [
          "/health", "/metrics", "/models", "/models/images/predict", "/models/values/predict", "/predict", "/ready",
        ])
      #expect(answer.text.contains(#""maxItems" : 7"#) && answer.text.contains("12 bytes for each of up to 7"))
      for path in ["/docs", "/"] {
        let page = try connection.ask(path)
        #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.text.contains("&lt;c&gt;") && !page.text.contains("<c>") && !page.text.contains("<script"))
      }
      if let python = ProcessInfo.processInfo.environment["NORMA_PYTHON"] {
        // By somebody else's word, where that is there.
        let file = folder.appending(path: "openapi.json")
        try answer.body.write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [
          "-c",
          """
          import json, sys
          try:
              from openapi_spec_validator import validate
          except ImportError:
              sys.exit(0)
          validate(json.load(open(sys.argv[1])))
          """, file.path,
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
      }
    }
  }

  @Test func requestsAreCountedAndLogged() throws {
    try Fixtures.withFolder { folder in
      let log = folder.appending(path: "access.log")
      try withService(["--access-log", log.path]) { service, _ in
        let connection = try service.connection()
        _ = try connection.ask("/health")
        _ = try connection.predict(Data("[1, 2, 3]".utf8), type: "application/json")
        _ = try connection.predict(Data("[1, 2]".utf8), type: "application/json")
        try connection.send("GET /a\u{1b}b\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try connection.receiveAnswer()
        let metrics = try service.connection().ask("/metrics")
        #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(metrics.text.contains("norma_requests_total{status=\"200\"} 2\n"))
        #expect(metrics.text.contains("norma_batch_size_bucket{le=\"1.0\"} 1\n"))
        #expect(metrics.text.contains("norma_request_duration_seconds_bucket{le=\"+Inf\"}"))
        #expect(try service.metric("norma_batch_size_count") == 1)
        #expect(try service.metric("norma_ready") == 1)
        service.signal(SIGTERM)
        #expect(service.end() == 0)
        let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
        #expect(lines.count { $0.contains(" 127.0.0.1 POST /predict 200 ") && $0.hasSuffix(" ms, batch of 1") } == 1)
        #expect(lines.count { $0.contains(" POST /predict 400 ") } == 1)
        #expect(lines.allSatisfy { $0.utf8.allSatisfy { (0x20...0x7e).contains($0) } })
      }
    }
  }
}
