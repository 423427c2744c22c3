import NormaTensor

/// What `torch.save` wrote: dictionaries of tensors, read without Python and without anything that the file says being run.
///
/// ```swift
/// let file = try PyTorchFile(contentsOf: "resnet18.pth")
/// for tensor in file.tensors { print(tensor.name, tensor.elementType, tensor.shape) }
/// ```
///
/// PyTorch's files hold a pickle, a program that puts the contents together and can call whatever Python has. Here it can have containers,
/// numbers, text and tensors made, and no more: a file that names anything else is refused with that name. The numbers stand beside the
/// pickle, and stay on the disk until they are asked for. Both forms are read: the zip archive, and the one before PyTorch 1.6.
///
/// A state dictionary may be a part of a larger dictionary, such as `{"epoch": 3, "model": …}`.
public struct PyTorchFile: Sendable {
  /// The place in the file of the dictionary whose tensors these are, such as `model`; empty for the file's own.
  public let dictionary: String
  /// The tensors, in the order of the dictionary; numbers in it are tensors of shape `[]`.
  public let tensors: [TensorReader.Description]
  /// What else the dictionary holds: texts, None, further containers.
  public let otherNames: [String]
  let mapping: MappedFile
  private let items: [String: Item]
  private let layout: PyTorchLayout

  /// What is called by a name.
  private enum Item: Sendable {
    case tensor(Pickle.Tensor)
    case number(Safetensors.Entry)
  }

  /// Opens a file and reads what it says of its tensors.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - dictionary: which dictionary of the file to take, such as `model`; nil for the only one with tensors.
  /// - Throws: ``FileError`` if it cannot be read; ``FormatError`` if it is not a whole file of PyTorch's, would have anything
  ///   called, has a tensor that is not whole, or holds other than one such dictionary.
  public init(contentsOf path: String, dictionary: String? = nil) throws {
    try self.init(try MappedFile(path), dictionary: dictionary)
  }

  /// Reads a file's bytes; `file` is what errors call it. See ``init(contentsOf:dictionary:)``.
  public init(bytes: [UInt8], file: String, dictionary: String? = nil) throws {
    try self.init(MappedFile(bytes: bytes, path: file), dictionary: dictionary)
  }

  init(_ mapping: MappedFile, dictionary: String?) throws {
    self.mapping = mapping
    let (pickle, layout) = try PyTorchLayout.read(mapping)
    self.layout = layout
    let places = pickle.dictionariesOfTensors
    self.dictionary = try Self.choose(dictionary, of: Array(places.keys), file: mapping.path)
    var items: [String: Item] = [:]
    var order: [String] = []
    var others: Set<String> = []
    for (key, value) in pickle.dictionaries[places[self.dictionary] ?? 0] {
      guard case .text(let name) = key else { continue }
      let item: Item? =
        switch value {
        case .tensor(let place): .tensor(pickle.tensors[place])
        case .integer(let number): .number(.integers([Int64(number)], shape: []))
        case .float(let number): .number(.double(NormaTensor.Tensor(repeating: number, shape: [])))
        case .boolean(let truth): .number(.other(StoredTensor(.boolean, shape: [], bytes: [truth ? 1 : 0])))
        default: nil
        }
      if items.updateValue(item ?? .number(.integers([], shape: [0])), forKey: name) == nil { order.append(name) }
      if item == nil { others.insert(name) } else { others.remove(name) }
    }
    otherNames = order.filter(others.contains)
    order.removeAll(where: others.contains)
    for name in others { items[name] = nil }
    self.items = items
    var descriptions: [TensorReader.Description] = []
    for name in order {
      switch items[name] {
      case .tensor(let tensor):
        try layout.check(tensor, name: name, file: mapping.path)
        descriptions.append(
          TensorReader.Description(name: name, elementType: tensor.type, shape: Shape(tensor.lengths)))
      case .number(let entry):
        descriptions.append(TensorReader.Description(name: name, elementType: entry.elementType, shape: entry.shape))
      case nil: break
      }
    }
    tensors = descriptions
  }

  private static func choose(_ asked: String?, of places: [String], file: String) throws(FormatError) -> String {
    func words(_ place: String) -> String { place.isEmpty ? "the file's own" : "'\(place)'" }
    let names = places.sorted().prefix(10).map(words).joined(separator: ", ")
    if let asked {
      guard places.contains(asked) else {
        throw FormatError(
          file: file, problem: "it has no dictionary of tensors '\(asked)'",
          remedy: places.isEmpty ? "It has none at all." : "It has these: \(names).")
      }
      return asked
    }
    guard let only = places.first else {
      throw FormatError(
        file: file, problem: "it holds no dictionary of tensors",
        remedy: "Save a state dictionary with torch.save(model.state_dict(), …).")
    }
    guard places.count == 1 else {
      throw FormatError(
        file: file, problem: "it holds \(places.count) dictionaries of tensors: \(names)",
        remedy: "--dictionary says which one is meant.")
    }
    return only
  }

  /// One tensor; nil if the dictionary has none of that name.
  ///
  /// - Throws: ``FormatError`` if the tensor is damaged, or takes more memory than there is; ``FileError`` if the file became shorter.
  public func entry(_ name: String) throws -> Safetensors.Entry? {
    switch items[name] {
    case nil: return nil
    case .number(let entry): return entry
    case .tensor(let tensor):
      return try layout.entry(tensor, name: name, in: mapping)
    }
  }

  /// What is needed to read a tensor piece by piece; nil where its numbers do not stand one after the other, or there is no tensor.
  func numbers(of name: String) -> NumberStream? {
    guard case .tensor(let tensor) = items[name], tensor.isContiguous else { return nil }
    return NumberStream(
      type: tensor.type, isBigEndian: layout.isBigEndian, source: .mapped(mapping, layout.range(of: tensor)))
  }

  /// All the tensors.
  func entries() throws -> [String: Safetensors.Entry] {
    try MemoryBudget.check(
      tensors.reduce(0) { $0 + $1.shape.elementCount * $1.elementType.width }, for: mapping.path)
    var entries: [String: Safetensors.Entry] = [:]
    for tensor in tensors { entries[tensor.name] = try entry(tensor.name) }
    return entries
  }
}

extension Pickle {
  /// The dictionaries that have tensors of their own, each by its place: the names that lead to it, with points between.
  ///
  /// Only texts lead to one: what an optimizer remembers of its parameters is by their numbers. Those whose tensors are all single
  /// numbers, such as the best accuracy so far, count where there are no others.
  var dictionariesOfTensors: [String: Int] {
    var result: [String: Int] = [:]
    var numbers: [String: Int] = [:]
    var seen: Set<Int> = []
    var pending: [(place: String, dictionary: Int, depth: Int)] = []
    if case .dictionary(let root) = root { pending.append(("", root, 0)) }
    while let (place, index, depth) = pending.popLast() {
      guard seen.insert(index).inserted, depth < 8 else { continue }
      // Of one dictionary under two names the first counts.
      for (key, value) in dictionaries[index].reversed() {
        guard case .text(let name) = key else { continue }
        switch value {
        case .tensor(let tensor) where tensors[tensor].lengths.isEmpty: numbers[place] = index
        case .tensor: result[place] = index
        case .dictionary(let inner): pending.append((place.isEmpty ? name : "\(place).\(name)", inner, depth + 1))
        default: break
        }
      }
    }
    return result.isEmpty ? numbers : result
  }
}
