/// One thing to be timed: a normalization, a convolution or a matrix product of a shape, a training step or an inference of a network.
///
/// The names and the values of the properties are those of the protocol in which libraries are measured in turn.
public struct BenchmarkCase: Codable, Sendable, Equatable {
  /// `norm`, `conv`, `product`, `train`, `infer` or `onnx`.
  public var sec: String
  /// What it is called.
  public var name: String
  /// `bn` for batch normalization, `ln` for layer normalization, `gn` for group normalization with 32 groups, `rms` for RMS normalization;
  /// for batch normalization of sequences of 128 rows of which 64 to 128 count `masked`, in ghost batches of 32 `ghost`, led to running
  /// statistics `renorm`; `in` for instance normalization with running statistics, `ws` for the standardization of a weight `[outputs, inputs]`.
  public var norm: String?
  /// Whether a ReLU follows.
  public var relu: Bool?
  /// `[N, C]` or `[N, C, H, W]`, whatever the layout; for a convolution that of the images it is given; for a product its
  /// rows, inner length and columns.
  public var shape: [Int]?
  /// `nc`, `nchw` or `nhwc`.
  public var layout: String?
  /// What a normalization reads and writes: `float16` or `bfloat16`; `float32` if nil.
  public var dtype: String?
  /// `fwd`, `bwd` or `infer`; of a convolution `fwd`, or the gradient of its `input` or `weight`; of a product
  /// `plain`, `transposed` (the right factor) or `weight` (the left factor transposed).
  public var pass: String?
  /// Channels a convolution has as its result.
  public var outputs: Int?
  /// The height and width of a convolution's square window, which is padded with half of it, rounded down.
  public var window: Int?
  /// A convolution's step in both directions.
  public var stride: Int?
  /// `cs231n`, `mlp` or `resnet20`.
  public var net: String?
  /// The file of a model in ONNX's format, whose images `[C, H, W]` are of ``shape``.
  public var file: String?
  /// Samples a step.
  public var batch: Int?
  /// `adam` or `sgd`, the latter with momentum 0.9.
  public var opt: String?

  /// The passes of one normalization on one shape.
  private static func norms(_ norm: String, _ shape: [Int], _ layout: String, relu: Bool = false) -> [BenchmarkCase] {
    let passes = ["fwd", "bwd"] + (norm == "bn" && !relu ? ["infer"] : [])
    let lengths = shape.map(String.init).joined(separator: ",")
    return passes.map { pass in
      BenchmarkCase(
        sec: "norm", name: "\(norm)\(relu ? "+relu" : "")-\(pass) (\(lengths)) \(layout)", norm: norm, relu: relu,
        shape: shape, layout: layout, pass: pass)
    }
  }

  /// The passes of the convolutions of ResNet-20 at batch 128, and of two of ResNet-18's on larger images.
  private static let convolutions: [BenchmarkCase] = {
    let layers: [(shape: [Int], outputs: Int, window: Int, stride: Int)] = [
      ([128, 3, 32, 32], 16, 3, 1), ([128, 16, 32, 32], 16, 3, 1), ([128, 16, 32, 32], 32, 3, 2),
      ([128, 16, 32, 32], 32, 1, 2), ([128, 32, 16, 16], 32, 3, 1), ([128, 32, 16, 16], 64, 3, 2),
      ([128, 64, 8, 8], 64, 3, 1), ([16, 64, 56, 56], 64, 3, 1), ([16, 256, 14, 14], 256, 3, 1),
    ]
    return layers.flatMap { layer in
      ["fwd", "input", "weight"].map { pass in
        let lengths = layer.shape.map(String.init).joined(separator: ",")
        let window = "\(layer.window)x\(layer.window)" + (layer.stride == 1 ? "" : " stride \(layer.stride)")
        return BenchmarkCase(
          sec: "conv", name: "conv-\(pass) (\(lengths)) to \(layer.outputs) \(window)", shape: layer.shape, pass: pass,
          outputs: layer.outputs, window: layer.window, stride: layer.stride)
      }
    }
  }()

  /// A linear layer forward, its gradients, and plain products, of batches of one to thousands.
  private static let products: [BenchmarkCase] = {
    let shapes: [(pass: String, shapes: [[Int]])] = [
      (
        "transposed",
        [
          [1, 784, 512], [8, 784, 512], [50, 3072, 100], [50, 100, 100], [128, 784, 512], [777, 333, 129],
          [4096, 512, 512],
        ]
      ),
      ("plain", [[8, 512, 784], [50, 100, 3072], [128, 512, 784], [1024, 1024, 1024], [8192, 64, 64]]),
      ("weight", [[100, 50, 3072], [512, 128, 784], [10, 1437, 100]]),
    ]
    return shapes.flatMap { pass, shapes in
      shapes.map { shape in
        BenchmarkCase(
          sec: "product", name: "product-\(pass) (\(shape.map(String.init).joined(separator: ",")))", shape: shape,
          pass: pass)
      }
    }
  }()

  /// All cases that ``Benchmark`` can run.
  public static let all: [BenchmarkCase] = {
    let images = [[128, 16, 32, 32], [128, 64, 32, 32], [64, 256, 14, 14], [32, 64, 56, 56], [32, 256, 56, 56]]
    let layouts = ["nchw", "nhwc"]
    var cases = [[64, 100], [256, 1024], [1024, 4096], [8192, 512]].flatMap { norms("bn", $0, "nc") }
    cases += images.flatMap { shape in layouts.flatMap { norms("bn", shape, $0) } }
    cases += norms("ln", [8192, 768], "nc") + norms("rms", [8192, 768], "nc")
    for (norm, shape) in [("bn", [8192, 512]), ("ln", [8192, 768]), ("rms", [8192, 768])] {
      for dtype in ["bfloat16", "float16"] {
        cases += norms(norm, shape, "nc").map { full in
          var half = full
          (half.dtype, half.name) = (dtype, "\(full.name) \(dtype)")
          return half
        }
      }
    }
    cases += ["masked", "ghost", "renorm"].flatMap { norms($0, [8192, 512], "nc") + norms($0, images[3], "nhwc") }
    cases += layouts.flatMap { norms("in", images[3], $0) } + norms("ws", [256, 2304], "nc")
    cases += layouts.flatMap { norms("gn", [32, 64, 56, 56], $0) }
    cases += [[256, 1024], [8192, 512]].flatMap { norms("bn", $0, "nc", relu: true) }
    cases += [images[0], images[2], images[3]].flatMap { shape in layouts.flatMap { norms("bn", shape, $0, relu: true) }
    }
    cases += convolutions + products
    for batch in [50, 256] {
      for optimizer in ["adam", "sgd"] { cases.append(training("cs231n", batch, optimizer)) }
    }
    cases += ["sgd", "adam"].map { training("mlp", 128, $0) }
    cases.append(training("resnet20", 128, "sgd"))
    for net in ["cs231n", "mlp", "resnet20"] {
      cases += [1, 128].map { (batch: Int) in
        BenchmarkCase(
          sec: "infer", name: "infer \(net) b\(batch)\(suffix(net))", layout: layout(net), net: net, batch: batch)
      }
    }
    return cases
  }()

  private static func layout(_ net: String) -> String { net == "resnet20" ? "nhwc" : "nc" }
  private static func suffix(_ net: String) -> String { net == "resnet20" ? " nhwc" : "" }

  private static func training(_ net: String, _ batch: Int, _ optimizer: String) -> BenchmarkCase {
    BenchmarkCase(
      sec: "train", name: "train \(net) b\(batch) \(optimizer)\(suffix(net))", layout: layout(net), net: net,
      batch: batch, opt: optimizer)
  }
}
