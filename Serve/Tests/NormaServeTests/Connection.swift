import Foundation

/// A connection to a service of this machine, whose every byte a test decides.
final class Connection {
  struct Failure: Error, CustomStringConvertible { let description: String }

  struct Answer: Equatable {
    var status: Int
    var headers: [String: String]
    var body: Data

    var text: String { String(decoding: body, as: UTF8.self) }
    var closes: Bool { headers["connection"] == "close" }
    func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      try JSONDecoder().decode(type, from: body)
    }
  }

  private let socket: Int32
  private var buffer = Data()

  /// Connects; what takes longer than `timeout` seconds fails.
  init(port: Int, timeout: Int = 20) throws {
    #if os(Linux)
      socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      socket = Foundation.socket(AF_INET, SOCK_STREAM, 0)
    #endif
    guard socket >= 0 else { throw Failure(description: "no socket: \(errno)") }
    var limit = timeval(tv_sec: timeout, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      let error = errno
      Foundation.close(socket)
      throw Failure(description: "no connection: \(error)")
    }
  }

  deinit { Foundation.close(socket) }

  /// Sends bytes.
  func send(_ data: Data) throws {
    var rest = data[...]
    while !rest.isEmpty {
      #if os(Linux)
        let flags = Int32(MSG_NOSIGNAL)
      #else
        let flags: Int32 = 0
      #endif
      let count = rest.withUnsafeBytes { Foundation.send(socket, $0.baseAddress!, $0.count, flags) }
      guard count > 0 else { throw Failure(description: "nothing more is taken: \(errno)") }
      rest = rest.dropFirst(count)
    }
  }

  func send(_ text: String) throws { try send(Data(text.utf8)) }

  /// The next bytes; nil when the other side has closed.
  private func receive() throws -> Data? {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(socket, &bytes, bytes.count, 0)
    guard count >= 0 else { throw Failure(description: "nothing comes: \(errno)") }
    return count == 0 ? nil : Data(bytes[..<count])
  }

  /// Whether the other side closes without another byte.
  func isClosed() -> Bool { buffer.isEmpty && (try? receive()) == .some(nil) }

  /// Sends a request.
  func sendRequest(_ method: String, _ path: String, type: String? = nil, accept: String? = nil, body: Data? = nil)
    throws
  {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
    if let type { head += "Content-Type: \(type)\r\n" }
    if let accept { head += "Accept: \(accept)\r\n" }
    if let body { head += "Content-Length: \(body.count)\r\n" }
    try send(Data((head + "\r\n").utf8) + (body ?? Data()))
  }

  /// Reads an answer, with its body unless it has none by its nature; nil where the connection ends before its first byte.
  func receiveAnswer(hasBody: Bool = true) throws -> Answer? {
    let end = Data("\r\n\r\n".utf8)
    while buffer.firstRange(of: end) == nil {
      guard let more = try receive() else {
        if buffer.isEmpty { return nil }
        throw Failure(description: "an answer's head ends early")
      }
      buffer += more
    }
    let range = buffer.firstRange(of: end)!
    let lines = String(decoding: buffer[..<range.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    buffer = Data(buffer[range.upperBound...])
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    let status = Int(lines[0].split(separator: " ")[1]) ?? 0
    let length = !hasBody || status == 100 ? 0 : Int(headers["content-length"] ?? "") ?? 0
    while buffer.count < length {
      guard let more = try receive() else { throw Failure(description: "an answer's body ends early") }
      buffer += more
    }
    defer { buffer = Data(buffer.dropFirst(length)) }
    return Answer(status: status, headers: headers, body: Data(buffer.prefix(length)))
  }

  /// Asks and waits for the answer.
  func ask(
    _ path: String, _ method: String = "GET", type: String? = nil, accept: String? = nil, body: Data? = nil
  ) throws -> Answer {
    try sendRequest(method, path, type: type, accept: accept, body: body)
    guard let answer = try receiveAnswer() else { throw Failure(description: "no answer to \(path)") }
    return answer
  }

  func predict(_ body: Data, type: String?, accept: String? = nil, path: String = "/predict") throws -> Answer {
    try ask(path, "POST", type: type, accept: accept, body: body)
  }
}

/// Calls `body` once for each number below `count`, each on a thread of its own, and gives what they gave.
func concurrently<Result: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Result) -> [Result] {
  let results = Collected<Result>(count)
  let group = DispatchGroup()
  for index in 0..<count {
    group.enter()
    Thread.detachNewThread {
      results.set(index, body(index))
      group.leave()
    }
  }
  group.wait()
  return results.all
}

/// Results of several threads.
private final class Collected<Result: Sendable>: @unchecked Sendable {
  // Guarded by the lock.
  private var results: [Result?]
  private let lock = NSLock()

  init(_ count: Int) { results = [Result?](repeating: nil, count: count) }
  func set(_ index: Int, _ result: Result) { lock.withLock { results[index] = result } }
  var all: [Result] { lock.withLock { results.compactMap(\.self) } }
}
