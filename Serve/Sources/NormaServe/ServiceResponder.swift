import Dispatch
import Foundation
import Hummingbird
import NIOCore
import Norma

/// What a request's handling knows of its connection.
struct ServiceContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}

/// Answers requests: finds what is asked for, reads examples, has them answered, and notes it.
///
/// There are so few routes that a switch shows all of them, and what each method of another route gets.
struct ServiceResponder: HTTPResponder {
  let models: ModelSet
  let configuration: ServiceConfiguration
  let metrics: ServiceMetrics
  let connections: Connections
  let log: AccessLog?
  /// How many bodies of the largest size there may be at once: as many as there are connections would take all memory.
  private static let mostBodies = 64
  /// Pictures are decoded here, one at a time: a few bytes can stand for half a gigabyte of pixels, and that is then taken but once.
  private let pictures = DispatchQueue(label: "norma pictures")

  init(
    models: ModelSet, configuration: ServiceConfiguration, metrics: ServiceMetrics, connections: Connections,
    log: AccessLog?
  ) {
    self.models = models
    self.configuration = configuration
    self.metrics = metrics
    self.connections = connections
    self.log = log
  }

  func respond(to request: Request, context: ServiceContext) async throws -> Response {
    let start = ContinuousClock.now
    var (response, batchSize) = (Response(status: .ok), 0)
    do {
      response = try await answer(request, &batchSize)
    } catch let error as ServiceError {
      response = error.response
      // A short body is read all the same, so that the connection can go on.
      if let length = request.headers[.contentLength].flatMap({ Int($0) }), length <= 1 << 16 {
        _ = try? await request.body.collect(upTo: 1 << 16)
      }
    } catch is NIOTooManyBytesError {
      response = ServiceError(.contentTooLarge, "The body is longer than any that is answered").response
    }
    let duration = ContinuousClock.now - start
    metrics.noteRequest(status: response.status.code, duration: duration)
    log?.note(
      client: context.channel.remoteAddress?.ipAddress ?? "-", method: request.method.rawValue,
      path: request.head.path ?? "", status: response.status.code, byteCount: response.body.contentLength ?? 0,
      duration: duration, batchSize: batchSize)
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func answer(_ request: Request, _ batchSize: inout Int) async throws -> Response {
    let path = (request.head.path ?? "").prefix { $0 != "?" }
    switch path {
    case "/predict":
      try allow(.post, request)
      return try await predict(request, &batchSize) { models.first }
    case "/health":
      try allow(.get, request)
      return json(#"{"status":"ok"}"#)
    case "/ready":
      try allow(.get, request)
      guard isReady else { throw ServiceError(.serviceUnavailable, "The service is ending", retryAfter: 1) }
      return json(#"{"status":"ready"}"#)
    case "/metrics":
      try allow(.get, request)
      let queues = models.all.map { (model: $0.model.name, length: $0.queueLength) }
      return text(metrics.text(queues: queues, isReady: isReady), "text/plain; version=0.0.4; charset=utf-8")
    case "/models":
      try allow(.get, request)
      return json(try description.list())
    case "/openapi.json":
      try allow(.get, request)
      return json(try description.openAPI())
    case "/", "/docs":
      try allow(.get, request)
      return text(description.page(), "text/html; charset=utf-8")
    default:
      let parts = path.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 4, parts[1] == "models", parts[3] == "predict" else {
        throw ServiceError(.notFound, "There is nothing at '\(path.prefix(100))'; /docs tells what there is")
      }
      try allow(.post, request)
      let name = String(parts[2])
      return try await predict(request, &batchSize) { models[name] }
    }
  }

  private var description: ServiceDescription { ServiceDescription(models.all.map(\.model), configuration) }
  private var isReady: Bool { !connections.isDraining.load(ordering: .relaxed) }

  private func allow(_ method: HTTPRequest.Method, _ request: Request) throws(ServiceError) {
    guard request.method == method || method == .get && request.method == .head else {
      throw ServiceError(
        .methodNotAllowed, "This is asked by \(method.rawValue)", allowed: method == .get ? "GET, HEAD" : "POST")
    }
  }

  private func json(_ body: String) -> Response { text(body, "application/json; charset=utf-8") }

  private func text(_ body: String, _ type: String) -> Response {
    Response(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
  }

  // MARK: Predictions

  private func predict(
    _ request: Request, _ batchSize: inout Int, by model: () -> Batcher?
  ) async throws -> Response {
    guard var batcher = model() else {
      throw ServiceError(.notFound, "There is no such model; /models lists those there are")
    }
    guard let kind = request.headers[.contentType].flatMap({ BodyKind(contentType: $0) }) else {
      throw ServiceError(
        .unsupportedMediaType,
        "Content-Type must be application/json, application/octet-stream (32-bit floats, little-endian), image/png or image/jpeg"
      )
    }
    let limit = reader(batcher).byteLimit(kind)
    let length = request.headers[.contentLength].flatMap({ Int($0) }) ?? limit
    guard length <= limit else {
      throw ServiceError(.contentTooLarge, "A body may have \(limit) bytes, and this one has \(length)")
    }
    let taken = metrics.bodyBytes.add(length, ordering: .relaxed).newValue
    defer { metrics.bodyBytes.subtract(length, ordering: .relaxed) }
    guard taken <= Self.mostBodies * configuration.bodySize else {
      throw ServiceError(.serviceUnavailable, "Too many large bodies come at once", retryAfter: 1)
    }
    // A longer body that does not say so is answered with the same status.
    let body = try await request.body.collect(upTo: limit)
    let format: AnswerFormat =
      request.headers[.accept]?.contains("application/octet-stream") ?? false ? .binary : .json
    while true {
      let (examples, isList) = try await examples(body, kind, reader(batcher))
      if let served = await batcher.answer(examples, format: format, isList: isList) {
        batchSize = served.batchSize
        return Response(
          status: .ok, headers: [.contentType: format.contentType],
          body: ResponseBody(byteBuffer: try served.result.get()))
      }
      // Another model took its place meanwhile.
      guard let next = model() else { throw ServiceError(.notFound, "The model was taken away") }
      batcher = next
    }
  }

  private func reader(_ batcher: Batcher) -> RequestReader {
    RequestReader(model: batcher.model, exampleLimit: configuration.batchSize, byteLimit: configuration.bodySize)
  }

  /// Reads examples: what takes long not on the event loop that the connection shares with others.
  private func examples(
    _ body: ByteBuffer, _ kind: BodyKind, _ reader: RequestReader
  ) async throws -> (examples: [Example], isList: Bool) {
    switch kind {
    case .image:
      let result = await withCheckedContinuation { continuation in
        pictures.async {
          continuation.resume(
            returning: Result { () throws(ServiceError) in try reader.examples(body, kind) })
        }
      }
      return try result.get()
    case .json where body.readableBytes > 1 << 16:
      return try await withTaskExecutorPreference(globalConcurrentExecutor) { try reader.examples(body, kind) }
    case .json, .floats: return try reader.examples(body, kind)
    }
  }
}
