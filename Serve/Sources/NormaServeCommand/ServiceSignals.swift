import Dispatch
import Foundation
import NormaServe
import Synchronization

/// What signals do to a service: SIGHUP has it read its models anew, SIGTERM and SIGINT have it end, and a second one of those at once. They
/// do so as long as the value is held.
struct ServiceSignals {
  private final class Endings: Sendable { let count = Atomic<Int>(0) }

  private let sources: [any DispatchSourceSignal]

  init(_ service: ModelService, log: AccessLog?, drainTimeout: Duration) {
    // One signal after another; a reload does not keep the service from ending.
    let reloads = DispatchQueue(label: "norma reload")
    let queue = DispatchQueue(label: "norma signals")
    let endings = Endings()
    let end: @Sendable (Int32) -> Void = { number in
      guard endings.count.add(1, ordering: .relaxed).oldValue == 0 else {
        log?.flush()
        remark("Ended at once, by a second signal.")
        exit(128 + number)
      }
      Task { await service.drain() }
      let seconds = drainTimeout / .seconds(1)
      queue.asyncAfter(deadline: .now() + seconds) {
        log?.flush()
        remark("Ended with requests under way, after \(seconds) s.")
        exit(0)
      }
    }
    sources = [
      Self.source(SIGHUP, queue) { reloads.async { service.reload() } },
      Self.source(SIGTERM, queue) { end(SIGTERM) },
      Self.source(SIGINT, queue) { end(SIGINT) },
    ]
  }

  private static func source(
    _ number: Int32, _ queue: DispatchQueue, _ body: @escaping @Sendable () -> Void
  ) -> any DispatchSourceSignal {
    // What Dispatch hears of would otherwise end the process too.
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
    source.setEventHandler(handler: body)
    source.resume()
    return source
  }
}
