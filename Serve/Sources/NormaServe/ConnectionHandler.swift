import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Synchronization

/// What all connections of a service have in common.
final class Connections: Sendable {
  /// How long a client may take for the head of a request, for its body, and between requests.
  let timeout: TimeAmount
  let metrics: ServiceMetrics
  /// Whether each answer is the last of its connection.
  let isDraining = Atomic<Bool>(false)
  /// How long a connection without a request is kept while the service ends: who sends requests one after another gets the answer to
  /// one more, which says that it is the last.
  static let drainingIdleTime = TimeAmount.seconds(1)
  /// How long a client whose last answer was sent may take to close its connection, while all that it sends is thrown away.
  static let lingeringTime = TimeAmount.seconds(2)

  init(timeout: TimeAmount, metrics: ServiceMetrics) {
    self.timeout = timeout
    self.metrics = metrics
  }
}

/// Keeps a connection to its times, and ends it in good order.
///
/// A timer that starts anew with every byte, as servers usually have it, is no bound: a byte every few seconds holds a connection for days.
/// Here a head must be whole so long after the last answer, and a body so long after its head.
///
/// A connection is ended by an answer with `Connection: close`; then the sending side is shut, and what the client still sends is read and
/// thrown away until it closes too. To close at once would make the system reset the connection, by which the client could lose the answer.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let connections: Connections
  /// When the client must have done what it is at; nil while that is nothing.
  private var deadline: NIODeadline?
  private var timer: Scheduled<Void>?
  /// Requests whose head was read and whose answer is not complete.
  private var openRequests = 0
  /// Whether a request's body is being read.
  private var isReading = false
  private var hasBegunAnswer = false
  /// Whether the answer under way is the last.
  private var isLast = false
  /// Whether the last answer was given, and what comes in is thrown away.
  private var isLingering = false
  /// Whether the sending side is shut.
  private var isShut = false
  private var isQuiescing = false
  private var isCounted = false

  init(_ connections: Connections) { self.connections = connections }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { begin(context) } }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard !isCounted else { return }
    isCounted = true
    connections.metrics.connections.add(1, ordering: .relaxed)
    setDeadline(in: connections.timeout, context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    deadline = nil
    if isCounted { connections.metrics.connections.subtract(1, ordering: .relaxed) }
    isCounted = false
    context.fireChannelInactive()
  }

  // MARK: Times

  /// Sets when the client must be done. The timer that runs is let run, and set anew if it comes too early: most requests come and go
  /// long before, and then no timer was touched.
  private func setDeadline(in time: TimeAmount, _ context: ChannelHandlerContext) {
    let new = NIODeadline.now() + time
    deadline = new
    if let timer, isSooner(new) {
      timer.cancel()
      self.timer = nil
    }
    startTimer(context)
  }

  private var timerTime = NIODeadline.uptimeNanoseconds(0)

  private func isSooner(_ time: NIODeadline) -> Bool { time < timerTime }

  private func startTimer(_ context: ChannelHandlerContext) {
    guard timer == nil, let deadline else { return }
    timerTime = deadline
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.timer = nil
      guard let deadline = self.deadline else { return }
      if deadline > NIODeadline.now() { self.startTimer(context) } else { self.timeIsUp(context) }
    }
  }

  private func timeIsUp(_ context: ChannelHandlerContext) {
    deadline = nil
    if isLingering || isQuiescing && openRequests == 0 {
      context.close(promise: nil)
    } else if isReading, !hasBegunAnswer {
      connections.metrics.cutConnections.add(1, ordering: .relaxed)
      refuse(ServiceError(.requestTimeout, "The body took too long"), context)
    } else {
      connections.metrics.cutConnections.add(1, ordering: .relaxed)
      context.close(promise: nil)
    }
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isLingering else { return }
    switch unwrapInboundIn(data) {
    case .head(let head):
      openRequests += 1
      isReading = true
      setDeadline(in: connections.timeout, context)
      if head.headerFields[.expect]?.lowercased() == "100-continue" {
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
      }
    case .body: break
    case .end:
      isReading = false
      deadline = nil
    }
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if isLingering { context.read() } else { context.fireChannelReadComplete() }
  }

  /// What is no HTTP is answered here, before anybody else sees it.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is HTTPParserError, !isLingering, !hasBegunAnswer, openRequests <= 1 else {
      return context.fireErrorCaught(error)
    }
    let isTooLarge = error as? HTTPParserError == .headerOverflow
    refuse(
      isTooLarge
        ? ServiceError(.requestHeaderFieldsTooLarge, "The head of the request is too long")
        : ServiceError(.badRequest, "This is no HTTP request: \(error)"), context)
  }

  /// Answers a request that goes no further, and ends the connection.
  private func refuse(_ error: ServiceError, _ context: ChannelHandlerContext) {
    let body = error.body
    let head = HTTPResponse(
      status: error.status,
      headerFields: [
        .contentType: "application/json; charset=utf-8", .contentLength: "\(body.readableBytes)", .connection: "close",
      ])
    connections.metrics.noteRequest(status: error.status.code, duration: .zero)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(body)), promise: nil)
    finish(wrapOutboundOut(.end(nil)), context, promise: nil)
  }

  // MARK: Answers

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isLingering else {
      promise?.fail(ChannelError.outputClosed)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(var head):
      guard head.status.kind != .informational else { return context.write(data, promise: promise) }
      hasBegunAnswer = true
      // The rest of a body that is not wanted would have to be read before the next request.
      if isReading || connections.isDraining.load(ordering: .relaxed) && openRequests <= 1 {
        head.headerFields[.connection] = "close"
      }
      isLast = head.headerFields[.connection] == "close"
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .body: context.write(data, promise: promise)
    case .end:
      hasBegunAnswer = false
      openRequests -= 1
      if isLast { return finish(data, context, promise: promise) }
      context.write(data, promise: promise)
      if openRequests == 0 {
        setDeadline(in: isQuiescing ? Connections.drainingIdleTime : connections.timeout, context)
      }
    }
  }

  // MARK: The end

  /// Sends the end of the last answer. Once that has been taken, the sending side is shut.
  private func finish(_ data: NIOAny, _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
    let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
    isLingering = true
    setDeadline(in: connections.timeout, context)
    promise.futureResult.assumeIsolated().whenComplete { _ in self.shut(context) }
    context.writeAndFlush(data, promise: promise)
    context.read()
  }

  private func shut(_ context: ChannelHandlerContext) {
    guard !isShut, context.channel.isActive else { return }
    isShut = true
    isLingering = true
    setDeadline(in: Connections.lingeringTime, context)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .output else { return context.close(mode: mode, promise: promise) }
    // Where an answer is still being sent, that ends before.
    if !isLingering { shut(context) }
    promise?.succeed()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case is ChannelShouldQuiesceEvent:
      isQuiescing = true
      if openRequests == 0, !isLingering { setDeadline(in: Connections.drainingIdleTime, context) }
    case ChannelEvent.inputClosed where isLingering: context.close(promise: nil)
    default: context.fireUserInboundEventTriggered(event)
    }
  }
}
