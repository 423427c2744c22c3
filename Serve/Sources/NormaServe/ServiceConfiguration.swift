import Foundation
import NIOCore

/// Why a service does not start.
public struct ServiceStartError: Error, CustomStringConvertible {
  public let description: String

  /// An error that says why.
  public init(_ description: String) { self.description = description }
}

/// Why a service cannot listen.
public struct ListenError: Error, CustomStringConvertible {
  public let description: String

  init(_ error: any Error, _ configuration: ServiceConfiguration) {
    let words =
      switch error {
      case let error as IOError: String(cString: strerror(error.errnoCode))
      case SocketAddressError.unknown: "no such address is known"
      default: "\(error)"
      }
    description = "Could not listen on \(configuration.host), port \(configuration.port): \(words)"
  }
}

/// A model and what it is to be called.
public struct ModelSource: Equatable, Sendable {
  /// What it is asked by: letters, digits, and `.`, `_` and `-`.
  public let name: String
  /// A `model.safetensors`, the folder it is in, or an ONNX model.
  public let path: String

  /// A model as the command line names it: `NAME=PATH`, or a path whose last part is the name.
  ///
  /// - Throws: ``ServiceStartError`` for a name that would not stand in an address.
  public init(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    // A path may hold an = of its own.
    let hasName = parts.count == 2 && !parts[0].contains("/")
    path = hasName ? parts[1] : text
    var url = URL(filePath: path)
    if url.lastPathComponent == "model.safetensors" { url.deleteLastPathComponent() }
    if ["safetensors", "onnx"].contains(url.pathExtension) { url.deletePathExtension() }
    name = hasName ? parts[0] : url.lastPathComponent
    guard !path.isEmpty else { throw ServiceStartError("'\(text)' names no file") }
    guard !name.isEmpty, name.utf8.allSatisfy({ Self.isAllowed($0) }) else {
      throw ServiceStartError(
        "A model is asked by a name of letters, digits, '.', '_' and '-', and '\(name)' is none: say NAME=\(path)")
    }
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

/// Where and within which bounds a service answers.
public struct ServiceConfiguration: Sendable {
  /// The address to listen on.
  public var host = "127.0.0.1"
  /// The port to listen on; 0 for any that is free.
  public var port = 8080
  /// The most examples that are answered as one batch, and that one request may hold.
  public var batchSize = 64
  /// How long a batch that is not full is held for more requests to join it.
  public var batchWait = Duration.zero
  /// The most examples that may wait for a model.
  public var queueLength = 1024
  /// The most bytes that a body may have.
  public var bodySize = 16 << 20
  /// The most connections that are open at a time; further ones wait until one is closed.
  public var connectionCount = 1024
  /// How long a client may take for the head of a request, for its body, and between requests.
  public var timeout = Duration.seconds(30)
  /// How long new connections are still taken after readiness was withdrawn.
  public var drainDelay = Duration.zero
  /// How long requests under way may take to end.
  public var drainTimeout = Duration.seconds(30)

  /// The defaults.
  public init() {}
}
