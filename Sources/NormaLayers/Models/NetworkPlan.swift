import NormaConvolution
import NormaNormalization
import NormaTensor

/// A network before it is built: what its layers will be, for samples of one shape.
public struct NetworkPlan: Sendable {
  /// What a layer will be.
  indirect enum Part: Sendable {
    case flatten
    case linear(inputs: Int, outputs: Int, hasBias: Bool)
    case convolution(inputs: Int, outputs: Int, window: Window, hasBias: Bool)
    case normalization(channels: Int, startsAtZero: Bool)
    case activation
    case dropout(keepProbability: Double)
    case maxPool(Window)
    case globalAverage
    case paddedShortcut(stride: Int, channels: Int)
    case sequential([Member])
    /// `body(x) + shortcut(x)`, or `body(x) + x`, then ReLU.
    case residual(body: [Member], shortcut: Part?)
  }

  /// A layer and its name in files.
  struct Member: Sendable {
    var name: String
    var part: Part
  }

  let style: NetworkStyle
  let members: [Member]
  /// How many numbers are trained.
  public let parameterCount: Int

  /// Counts the parameters of the given layers.
  ///
  /// - Throws: ``ModelArchitectureError`` if they are more than ``ModelArchitecture/maximumParameterCount``.
  init(style: NetworkStyle, members: [Member], name: String) throws(ModelArchitectureError) {
    // As a Double, since what a file asks for may be more than any Int.
    let count = Part.sequential(members).parameterCount(isNormalized: style.normalization != .none)
    guard count <= Double(ModelArchitecture.maximumParameterCount) else {
      throw ModelArchitectureError(
        "\(name) would have \(count > 1e15 ? "\(count)" : "\(Int(count))") parameters here; at most "
          + "\(ModelArchitecture.maximumParameterCount) are possible")
    }
    self.style = style
    self.members = members
    parameterCount = Int(count)
  }
}

/// What the layers of a network have in common.
struct NetworkStyle: Sendable {
  var normalization: NormalizationKind
  var activation = ActivationKind.relu
  var initialization: Initialization
  var conventions: BatchNormalizationConventions
}

extension NetworkPlan.Part {
  fileprivate func parameterCount(isNormalized: Bool) -> Double {
    switch self {
    case .flatten, .activation, .dropout, .maxPool, .globalAverage, .paddedShortcut: 0
    case .linear(let inputs, let outputs, let hasBias):
      (Double(inputs) + (hasBias ? 1 : 0)) * Double(outputs)
    case .convolution(let inputs, let outputs, let window, let hasBias):
      (Double(inputs) * Double(window.size.height) * Double(window.size.width) + (hasBias ? 1 : 0)) * Double(outputs)
    case .normalization(let channels, _): isNormalized ? 2 * Double(channels) : 0
    case .sequential(let members): members.reduce(0) { $0 + $1.part.parameterCount(isNormalized: isNormalized) }
    case .residual(let body, let shortcut):
      (Self.sequential(body).parameterCount(isNormalized: isNormalized))
        + (shortcut?.parameterCount(isNormalized: isNormalized) ?? 0)
    }
  }
}
