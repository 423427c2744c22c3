import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// Hummingbird's HTTP/1 connections, whose tasks run on the event loop that the connection has anyway. On the common threads of Swift's tasks, each request
/// would change threads at every step.
struct ConnectionServer: ServerChildChannel {
  typealias Value = HTTP1Channel.Value

  let base: HTTP1Channel

  /// A server whose connections keep to their times.
  static func builder(_ connections: Connections) -> HTTPServerBuilder {
    HTTPServerBuilder { responder in
      ConnectionServer(
        base: HTTP1Channel(
          responder: responder,
          configuration: HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionHandler(connections)],
            httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
              maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))))
    }
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    base.setup(channel: channel, logger: logger)
  }

  func handle(value: Value, logger: Logger) async {
    await withTaskExecutorPreference(LoopExecutor(value.channel.eventLoop)) {
      await base.handle(value: value, logger: logger)
    }
  }
}

/// Runs tasks on an event loop.
private final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
