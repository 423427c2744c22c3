import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Norma
import NormaONNX
import ServiceLifecycle
import Synchronization

/// Models behind HTTP: read at the start, answered in batches, exchanged while requests run, and ended without losing one.
public final class ModelService: Sendable {
  /// What the service says to whoever runs it.
  public typealias Remark = @Sendable (String) -> Void

  private let sources: [ModelSource]
  private let configuration: ServiceConfiguration
  private let models: ModelSet
  private let metrics = ServiceMetrics()
  private let connections: Connections
  private let log: AccessLog?
  private let remark: Remark
  private let lifecycle = Mutex<(group: ServiceGroup?, isEnding: Bool)>((nil, false))
  private let isReloading = Mutex(())

  /// Reads the models.
  ///
  /// - Parameters:
  ///   - sources: the models; the first is the one that `POST /predict` asks.
  ///   - configuration: where and within which bounds it answers.
  ///   - log: what gets a line for each request; nil for none.
  ///   - remark: gets what whoever runs the service should know.
  /// - Throws: what the reading of a model throws; ``ServiceStartError`` where two have one name.
  public init(
    _ sources: [ModelSource], configuration: ServiceConfiguration = ServiceConfiguration(), log: AccessLog? = nil,
    remark: @escaping Remark = { _ in }
  ) throws {
    guard !sources.isEmpty else { throw ServiceStartError("There is no model to serve") }
    for (index, source) in sources.enumerated() where sources[..<index].contains(where: { $0.name == source.name }) {
      throw ServiceStartError("Two models are called '\(source.name)': say NAME=PATH")
    }
    // Checkpoints may hold networks that came from ONNX models. A second service registers them a second time.
    try? ModelRegistry.shared.register(ONNXRecipe.self)
    var configuration = configuration
    let connectionCount = DescriptorLimit.connections(wanted: configuration.connectionCount)
    if connectionCount < configuration.connectionCount {
      remark(
        "The system lets the process have \(connectionCount + DescriptorLimit.reserve) files open: there will be \(connectionCount) connections at most."
      )
      configuration.connectionCount = connectionCount
    }
    self.sources = sources
    self.configuration = configuration
    self.log = log
    self.remark = remark
    connections = Connections(timeout: TimeAmount(configuration.timeout), metrics: metrics)
    let limits = Self.limits(configuration)
    let metrics = metrics
    models = ModelSet(
      try sources.map { source in
        let model = try ServedModel(name: source.name, path: source.path)
        if let note = model.note { remark("'\(source.path)': \(note)") }
        return Batcher(model, limits: limits, metrics: metrics)
      })
  }

  private static func limits(_ configuration: ServiceConfiguration) -> Batcher.Limits {
    Batcher.Limits(
      batchSize: configuration.batchSize, wait: configuration.batchWait, queueLength: configuration.queueLength)
  }

  /// The models that answer, in the order in which they were given.
  public var servedModels: [ServedModel] { models.all.map(\.model) }

  /// How many requests were answered.
  public var requestCount: Int { metrics.requestCount }

  /// Answers requests until ``drain()`` has ended all of them.
  ///
  /// - Parameter onRunning: called with the port once it is listened on.
  /// - Throws: ``ListenError`` for an address that cannot be listened on.
  public func run(onRunning: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
    let configuration = configuration
    var logger = Logger(label: "norma-serve", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .error
    let responder = ServiceResponder(
      models: models, configuration: configuration, metrics: metrics, connections: connections, log: log)
    let application = Application(
      responder: responder, server: ConnectionServer.builder(connections),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: "norma",
        backlog: 1024, availableConnectionsDelegate: .maximum(configuration.connectionCount, logger: logger)),
      onServerRunning: { onRunning($0.localAddress?.port ?? configuration.port) },
      logger: logger)
    let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
    let isEnding = lifecycle.withLock { state in
      state.group = group
      return state.isEnding
    }
    guard !isEnding else { return }
    defer {
      models.close()
      log?.flush()
    }
    do { try await group.run() } catch { throw ListenError(error, configuration) }
  }

  /// Ends the service: readiness is withdrawn, each answer says that it is the last of its connection, and after a delay no new connections are
  /// taken. ``run(onRunning:)`` returns once all connections have ended, or after the time for that.
  public func drain() async {
    let group: ServiceGroup? = lifecycle.withLock { state in
      guard !state.isEnding else { return nil }
      state.isEnding = true
      return state.group
    }
    connections.isDraining.store(true, ordering: .relaxed)
    guard let group else { return }
    try? await Task.sleep(for: configuration.drainDelay)
    await group.triggerGracefulShutdown()
  }

  /// Reads all models anew, and lets each take the place of the earlier one without a request being lost. A model that cannot be read
  /// leaves the earlier one where it is, and is told.
  ///
  /// - Returns: whether all could be read.
  @discardableResult
  public func reload() -> Bool {
    isReloading.withLock { _ in
      var isWhole = true
      for source in sources {
        do {
          let model = try ServedModel(name: source.name, path: source.path)
          models.replace(Batcher(model, limits: Self.limits(configuration), metrics: metrics))
          metrics.noteReload(failed: false)
          remark("'\(source.name)' was read anew from '\(source.path)'.")
        } catch {
          isWhole = false
          metrics.noteReload(failed: true)
          remark("'\(source.name)' could not be read anew, and the earlier model stays: \(error)")
        }
      }
      do { try log?.reopen() } catch { remark("\(error)") }
      return isWhole
    }
  }
}
