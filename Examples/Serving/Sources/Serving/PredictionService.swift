import Foundation
import Hummingbird
import Norma

extension Predictor.Prediction: ResponseEncodable {}

/// The routes: `POST /predict` and `GET /health`.
public struct PredictionService: Sendable {
  /// What `GET /health` answers.
  public struct Health: ResponseCodable, Sendable {
    /// Always `ok`: a service that cannot predict does not start.
    public var status = "ok"
    /// The network in words.
    public var model: String
    /// The shape of the examples it takes.
    public var shape: [Int]
  }

  private let predictor: Predictor

  /// A service that answers with a model.
  public init(_ predictor: Predictor) { self.predictor = predictor }

  /// The routes, for an application.
  public var router: Router<BasicRequestContext> {
    let router = Router()
    router.get("health") { _, _ in Health(model: predictor.name, shape: Array(predictor.shape)) }
    router.post("predict") { request, _ in
      let features = try await features(of: request)
      do {
        return try predictor.predict(features)
      } catch let error as DataError {
        throw HTTPError(.badRequest, message: error.description)
      }
    }
    return router
  }

  /// The service, to be run.
  ///
  /// - Parameters:
  ///   - host: the address to listen on.
  ///   - port: the port to listen on; 0 for any that is free.
  ///   - onRunning: called with the port once it is listened on.
  public func application(
    host: String, port: Int, onRunning: @escaping @Sendable (Int) -> Void = { _ in }
  ) -> some ApplicationProtocol {
    Application(
      router: router, server: .http1(configuration: .init(idleTimeout: .seconds(30))),
      configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "norma"),
      onServerRunning: { onRunning($0.localAddress?.port ?? port) })
  }

  /// The most bytes a body may have: as many as the numbers take in binary, and for JSON 32 for each.
  private func limit(_ isBinary: Bool) -> Int { predictor.featureCount * (isBinary ? 4 : 32) + 16 }

  private func features(of request: Request) async throws -> [Double] {
    let type = request.headers[.contentType].flatMap { MediaType(from: $0) }
    let isBinary = type?.isType(.applicationBinary) ?? false
    guard isBinary || type?.isType(.applicationJson) ?? false else {
      throw HTTPError(
        .unsupportedMediaType,
        message:
          "Content-Type must be application/json or application/octet-stream, 32-bit floats in little-endian order")
    }
    let limit = limit(isBinary)
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
      throw HTTPError(.contentTooLarge, message: "A body may have \(limit) bytes, and this one has \(length)")
    }
    // A longer body that does not say so is answered with the same status.
    let body = try await request.body.collect(upTo: limit)
    let features = try isBinary ? floats(body) : numbers(body)
    guard features.count == predictor.featureCount else {
      throw HTTPError(
        .badRequest, message: "The model takes \(predictor.featureCount) numbers, and these are \(features.count)")
    }
    if let index = features.firstIndex(where: { !$0.isFinite }) {
      throw HTTPError(.badRequest, message: "Number \(index), counted from 0, is not finite")
    }
    return features
  }

  private func floats(_ body: ByteBuffer) throws(HTTPError) -> [Double] {
    guard body.readableBytes % 4 == 0 else {
      throw HTTPError(.badRequest, message: "\(body.readableBytes) bytes are no whole number of 32-bit floats")
    }
    return body.withUnsafeReadableBytes { bytes in
      (0..<bytes.count / 4).map {
        Double(
          Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))))
      }
    }
  }

  private func numbers(_ body: ByteBuffer) throws(HTTPError) -> [Double] {
    do {
      return try JSONDecoder().decode([Double].self, from: Data(buffer: body))
    } catch {
      throw HTTPError(.badRequest, message: "The body is no JSON array of numbers")
    }
  }
}
