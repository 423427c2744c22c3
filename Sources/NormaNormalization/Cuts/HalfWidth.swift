import NormaTensor

/// Numbers that passes read: of a tensor, where they lie, or of one of half width, which are expanded a few rows at a time.
///
/// The memory is somebody else's: it is valid as long as the tensor is kept alive.
enum Reading<Element: TensorElement> {
  case full(UnsafePointer<Element>)
  case half(UnsafePointer<UInt16>, HalfPrecision)

  /// Whether numbers must be expanded.
  @inline(__always) var isHalf: Bool { if case .half = self { true } else { false } }

  /// The bits of numbers of half width, and their format.
  @inline(__always) var bits: (x: UnsafePointer<UInt16>, precision: HalfPrecision)? {
    if case .half(let x, let precision) = self { (x, precision) } else { nil }
  }

  /// The number at a place.
  subscript(place: Int) -> Element {
    switch self {
    case .full(let x): x[place]
    case .half(let x, let precision): Element(precision.value(of: x[place]))
    }
  }

  /// Writes some numbers into memory.
  func load(_ place: Int, count: Int, to memory: UnsafeMutablePointer<Element>) {
    switch self {
    case .full(let x): memory.update(from: x + place, count: count)
    case .half(let x, let precision): precision.widen(x + place, to: memory, count: count, Element.kernels)
    }
  }

  /// Some numbers in full width: where they lie, or in memory that they are expanded into.
  @inline(__always)
  func expanded(_ place: Int, count: Int, in memory: @autoclosure () -> UnsafeMutablePointer<Element>) -> UnsafePointer<
    Element
  > {
    if case .full(let x) = self { return x + place }
    let memory = memory()
    load(place, count: count, to: memory)
    return UnsafePointer(memory)
  }
}

/// Where passes write numbers: into a tensor, or into one of half width, for which they are rounded a few rows at a time.
enum Writing<Element: TensorElement> {
  case full(UnsafeMutablePointer<Element>)
  case half(UnsafeMutablePointer<UInt16>, HalfPrecision)

  /// Whether numbers must be rounded.
  @inline(__always) var isHalf: Bool { if case .half = self { true } else { false } }

  /// Where the bits of numbers of half width go, and their format.
  @inline(__always) var bits: (y: UnsafeMutablePointer<UInt16>, precision: HalfPrecision)? {
    if case .half(let y, let precision) = self { (y, precision) } else { nil }
  }

  /// Takes in some numbers from memory.
  func store(_ memory: UnsafePointer<Element>, at place: Int, count: Int, streams: Bool) {
    switch self {
    case .full(let y): (y + place).update(from: memory, count: count)
    case .half(let y, let precision):
      precision.narrow(memory, to: y + place, count: count, streams: streams, Element.kernels)
    }
  }

  /// Takes in a number.
  func set(_ value: Element, at place: Int) {
    switch self {
    case .full(let y): y[place] = value
    case .half(let y, let precision):
      var value = value
      precision.narrow(&value, to: y + place, count: 1, streams: false, nil)
    }
  }

  /// Where some numbers can be written in full width: where they belong, or in memory that is to be stored.
  @inline(__always)
  func place(_ place: Int, in memory: @autoclosure () -> UnsafeMutablePointer<Element>) -> UnsafeMutablePointer<Element>
  {
    if case .full(let y) = self { return y + place }
    return memory()
  }
}

extension Tensor {
  /// The numbers, for passes.
  var reading: Reading<Element> { .full(address) }
}

extension HalfTensor {
  /// The numbers, for passes of an element type.
  func reading<Element: TensorElement>(as type: Element.Type = Element.self) -> Reading<Element> {
    .half(address, precision)
  }

  /// A tensor that is still to be written, and where passes do.
  static func unwritten<Element: TensorElement>(
    _ shape: Shape, _ precision: HalfPrecision, as type: Element.Type
  ) -> (tensor: HalfTensor, writing: Writing<Element>) {
    let (tensor, address) = unwritten(shape, precision)
    return (tensor, .half(address, precision))
  }
}
