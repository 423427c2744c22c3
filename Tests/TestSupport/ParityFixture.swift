import Foundation
import NormaFiles
import NormaTensor

/// What PyTorch computed for one topic: a file of `Tests/Fixtures/parity`, whose README says what each tensor is.
public struct ParityFixture: Sendable {
  /// The topic, which is the file's name.
  public let topic: String
  private let file: Safetensors

  /// Reads a topic's file. Without it no test of the topic can say anything, so the process stops.
  public init(_ topic: String) {
    self.topic = topic
    do {
      file = try Safetensors(contentsOf: fixturesDirectory.appending(path: "parity/\(topic).safetensors").path)
    } catch {
      fatalError("the fixture of \(topic) cannot be read: \(error)")
    }
  }

  /// The cases of a topic, with their settings.
  public static func cases<Settings: ParitySettings>(
    of topic: String, _ type: Settings.Type = Settings.self
  ) -> [ParityCase<Settings>] {
    let fixture = ParityFixture(topic)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      let settings = try decoder.decode([Settings].self, from: Data((fixture.file.metadata["cases"] ?? "").utf8))
      return settings.map { ParityCase(settings: $0, fixture: fixture) }
    } catch {
      fatalError("the cases of \(topic) are not as the README says: \(error)")
    }
  }

  /// Whether there is a tensor of that name.
  public func has(_ name: String) -> Bool { file.entries[name] != nil }

  /// The tensor of that name, rounded to another element type where that is asked for.
  public func tensor<Element: TensorElement>(_ name: String, _ type: Element.Type = Element.self) -> Tensor<Element> {
    guard let tensor = file.entries[name]?.tensor(of: type) else { fatalError("\(topic) has no numbers '\(name)'") }
    return tensor
  }

  /// The whole numbers of that name, in row-major order.
  public func integers(_ name: String) -> [Int] {
    guard case .integers(let numbers, _)? = file.entries[name] else { fatalError("\(topic) has no integers '\(name)'") }
    return numbers.map { Int($0) }
  }
}

/// The settings of one case, decoded from the file's metadata; `null` is nil.
public protocol ParitySettings: Decodable, Sendable {
  var name: String { get }
}

/// One case of a fixture: what was asked, what went in and what PyTorch made of it.
public struct ParityCase<Settings: ParitySettings>: Sendable, CustomStringConvertible {
  public let settings: Settings
  /// The file it comes from, for the tensors that several cases share.
  public let fixture: ParityFixture

  public var description: String { settings.name }

  /// Whether the case has an input of that name.
  public func has(_ name: String) -> Bool { fixture.has("\(settings.name).\(name)") }

  /// An input. All are single precision, so every element type holds them exactly.
  public func input<Element: TensorElement>(_ name: String, _ type: Element.Type = Element.self) -> Tensor<Element> {
    fixture.tensor("\(settings.name).\(name)")
  }

  /// An input of whole numbers.
  public func integers(_ name: String) -> [Int] { fixture.integers("\(settings.name).\(name)") }

  /// PyTorch's result in double precision, which stands for the exact one.
  public func expected(_ name: String) -> Tensor<Double> { fixture.tensor("\(settings.name).f64.\(name)") }

  /// PyTorch's result in single precision.
  public func expectedFloat(_ name: String) -> Tensor<Float> { fixture.tensor("\(settings.name).f32.\(name)") }

  /// Whether there is such a result, in double or single precision.
  public func hasExpected(_ name: String, precision: String = "f64") -> Bool { has("\(precision).\(name)") }
}
