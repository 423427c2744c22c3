import NormaTensor

/// A layer as a batch comes to it.
struct LayerVisit<Element: TensorElement> {
  /// The layer's path, as in files.
  let path: String
  let layer: any Layer<Element>
  /// The layer that takes its result, where it stands in a row.
  let next: (path: String, layer: any Layer<Element>)?
  /// The shape of what it takes, with the batch axis.
  let input: Shape
  /// The image `[height, width, channels]` whose flattened values are its features; nil where they are none.
  let flattenedImage: Shape?

  /// The full name in files of one of the layer's own tensors.
  func name(_ tensor: String) -> String { path.isEmpty ? tensor : "\(path).\(tensor)" }
}

extension Sequential {
  /// The layers that do something themselves, in the order in which a batch of images or vectors goes through them; those of
  /// a residual block's shortcut come after those of its body.
  ///
  /// - Throws: ``LayerError`` where such samples do not fit, or where it cannot be told what becomes of a flattened image.
  func visits(sampleShape: Shape) throws(LayerError) -> [LayerVisit<Element>] {
    var walk = LayerWalk<Element>(shape: Shape([1] + Array(sampleShape)))
    try walk.follow(self, path: "", next: nil)
    return walk.visits
  }
}

/// Follows a sample through layers by its shape.
private struct LayerWalk<Element: TensorElement> {
  var visits: [LayerVisit<Element>] = []
  var shape: Shape
  var flattenedImage: Shape?

  init(shape: Shape) { self.shape = shape }

  mutating func follow(
    _ layer: any Layer<Element>, path: String, next: (path: String, layer: any Layer<Element>)?
  ) throws(LayerError) {
    let output = try layer.outputShape(for: shape)
    switch layer {
    case let sequential as Sequential<Element>: try follow(sequential, path: path)
    case let residual as Residual<Element>:
      guard flattenedImage == nil else { throw unknown(layer) }
      let input = shape
      try follow(residual.body, path: path)
      guard flattenedImage == nil else { throw unknown(layer) }
      if let shortcut = residual.shortcut {
        shape = input
        try follow(shortcut, path: path.isEmpty ? "downsample" : path + ".downsample", next: nil)
      }
    default:
      // What a layer of another kind does with an image that it flattens itself cannot be seen from here.
      guard !layer.children.contains(where: { $0.layer.layers.contains { $0.layer is Flatten<Element> } }) else {
        throw unknown(layer)
      }
      visits.append(
        LayerVisit(path: path, layer: layer, next: next, input: shape, flattenedImage: flattenedImage))
      switch layer {
      case is Flatten<Element>:
        if shape.rank == 4 { flattenedImage = Shape(shape.dropFirst()) }
      // These do the same to each feature, or have a number for each.
      case is any Nonlinearity<Element>, is Dropout<Element>, is BatchNorm<Element>, is LayerNorm<Element>: break
      case is Linear<Element>: flattenedImage = nil
      default: if flattenedImage != nil { throw unknown(layer) }
      }
    }
    shape = output
  }

  private mutating func follow(_ sequential: Sequential<Element>, path: String) throws(LayerError) {
    let members = sequential.children.map { (path: path.isEmpty ? $0.name : "\(path).\($0.name)", layer: $0.layer) }
    for (index, member) in members.enumerated() {
      try follow(member.layer, path: member.path, next: index + 1 < members.count ? members[index + 1] : nil)
    }
  }

  private func unknown(_ layer: any Layer<Element>) -> LayerError {
    LayerError(layer: layer.summary, expected: "no image to flatten, and none that is flattened", found: shape)
  }
}
