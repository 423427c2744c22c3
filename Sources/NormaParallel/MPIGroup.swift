import CKernels
import Foundation
import NormaTensor

/// The processes that an MPI launcher started, such as `mpirun -n 4`.
///
/// ```swift
/// if let group = try MPIGroup.launched() {
///   print("process \(group.rank) of \(group.count)")
///   group.end()
/// }
/// ```
public final class MPIGroup: ProcessGroup {
  public let rank: Int
  public let count: Int
  /// How long a call waits for another process before it gives up.
  public let timeLimit: Duration
  private let library: MPILibrary
  /// MPI is asked by one thread at a time.
  private let calls = Guarded(())

  /// The group of this process, if a launcher of MPI's started it; nil otherwise. It may be asked for once.
  ///
  /// - Parameter timeLimit: how long a call waits for another process.
  /// - Throws: `ProcessGroupError` where the library that speaks to MPI is not there, or MPI does not begin.
  public static func launched(timeLimit: Duration = .seconds(60)) throws(ProcessGroupError) -> MPIGroup? {
    let environment = ProcessInfo.processInfo.environment
    guard let implementation = MPILibrary.Implementation.ofLauncher(environment) else { return nil }
    return try MPIGroup(MPILibrary(implementation, environment: environment), timeLimit: timeLimit)
  }

  private init(_ library: MPILibrary, timeLimit: Duration) throws(ProcessGroupError) {
    var (rank, count): (Int32, Int32) = (0, 1)
    let error = library.begin(&rank, &count)
    guard error == 0 else { throw ProcessGroupError(problem: "MPI does not begin: \(library.words(error))") }
    guard count.nonzeroBitCount == 1 else {
      throw ProcessGroupError(problem: "\(count) processes were started: it takes a power of two")
    }
    (self.library, self.timeLimit) = (library, timeLimit)
    (self.rank, self.count) = (Int(rank), Int(count))
  }

  /// Whether a launcher of MPI's started this process.
  public static var isLaunched: Bool {
    MPILibrary.Implementation.ofLauncher(ProcessInfo.processInfo.environment) != nil
  }

  /// How many of the processes run on this machine; all, where the launcher does not say.
  public var localCount: Int {
    let environment = ProcessInfo.processInfo.environment
    let told = ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"].lazy.compactMap { environment[$0].flatMap(Int.init) }
    return told.first ?? count
  }

  /// Which implementation of MPI it is, and its version.
  public var implementation: String { library.implementation }

  /// Ends MPI, when all processes have come here; nothing may be asked of the group then.
  public func end() { calls.withLock { _ in _ = library.end() } }

  /// Ends all processes at once, once launchers had a moment to bring what was written where it is read.
  public func abort(code: Int) {
    usleep(200_000)
    library.abort(Int32(code))
  }

  /// The most bytes that one message of MPI's has here.
  private static let mostBytes = 1 << 30

  public func exchange(
    with partner: Int, sending sent: UnsafeRawBufferPointer, receiving received: UnsafeMutableRawBufferPointer,
    channel: ProcessChannel
  ) throws(ProcessGroupError) {
    require((0..<count).contains(partner) && partner != rank, "process \(rank) of \(count) asks for process \(partner)")
    var first = 0
    repeat {
      func part(_ count: Int) -> Range<Int> { min(first, count)..<min(first + Self.mostBytes, count) }
      let (own, other) = (part(sent.count), part(received.count))
      try wait(for: partner, "has neither sent nor taken anything", isBeside: channel != .work) { begun in
        library.exchange(
          Int32(partner), sent.baseAddress.map { $0 + own.lowerBound }, Int32(own.count),
          received.baseAddress.map { $0 + other.lowerBound }, Int32(other.count), channel.rawValue, begun)
      }
      first += Self.mostBytes
    } while first < max(sent.count, received.count)
  }

  /// Begins something, and asks about it until it is done.
  private func wait(
    for partner: Int, _ problem: String, isBeside: Bool, _ begin: (UnsafeMutablePointer<OpaquePointer?>) -> Int32
  ) throws(ProcessGroupError) {
    // What is exchanged in rounds has a partner whose rank differs in a higher bit in each. Whoever waits in a later round, for a process
    // that waits itself, waits longer than that: so it is the process that does not come which is named.
    let timeLimit = timeLimit + .seconds(3 * (partner ^ rank).trailingZeroBitCount)
    var begun: OpaquePointer?
    var error = calls.withLock { _ in begin(&begun) }
    let clock = ContinuousClock()
    let start = clock.now
    var looks = 0
    while error == 0 {
      var isDone: Int32 = 0
      error = calls.withLock { _ in library.test(begun, &isDone) }
      if error == 0 && isDone != 0 { return }
      looks += 1
      if isBeside {
        // Others work meanwhile, on the same core perhaps. Bytes move on when they are asked about.
        usleep(looks < 2000 ? 20 : 200)
      } else if looks < 2000 {
        // A message that is under way comes within microseconds; who waits longer waits for somebody's work.
        norma_spin_pause()
      } else if looks % 64 == 0 {
        usleep(looks < 20_000 ? 20 : 500)
      } else {
        sched_yield()
      }
      guard looks % 64 != 0 || clock.now - start < timeLimit else {
        throw ProcessGroupError(rank: partner, problem: "\(problem) for \(self.timeLimit)")
      }
    }
    throw ProcessGroupError(rank: partner, problem: "cannot be reached: " + library.words(error))
  }
}
