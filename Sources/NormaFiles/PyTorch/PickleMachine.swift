/// Reads a pickle (Python's protocols 2 to 5) as far as containers, numbers, text and PyTorch's tensors go.
///
/// A pickle is a program for a stack machine, which can call anything that it names. Here it names what ``Pickle/Global`` lists, and
/// what would be called is known to only put values together; the first other name ends it. Each instruction makes one value at most,
/// so that a pickle takes memory by its length, whatever it says.
struct PickleMachine {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  /// Where the next instruction stands.
  private(set) var position: Int
  private var pickle = Pickle()
  private var stack: [Pickle.Value] = []
  /// Where on the stack there are marks.
  private var marks: [Int] = []
  private var memo: [Int: Pickle.Value] = [:]

  /// The most bytes that a pickle has: some half a million tensors.
  static let maximumLength = 1 << 26

  /// A machine that begins at a position.
  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0, file: String) {
    self.bytes = bytes
    self.file = file
    self.position = position
  }

  /// Reads up to the end of the pickle, behind which ``position`` stands then.
  ///
  /// - Throws: ``FormatError`` with the byte for what is damaged, and for anything but containers and tensors.
  mutating func run() throws(FormatError) -> Pickle {
    let start = position
    while true {
      guard position - start <= Self.maximumLength else {
        throw error("its pickle is longer than \(Self.maximumLength >> 20) MiB", at: start)
      }
      let place = position
      let instruction = try byte()
      if instruction == UInt8(ascii: ".") { break }
      try step(instruction, at: place)
    }
    pickle.root = try pop()
    return pickle
  }

  private mutating func step(_ instruction: UInt8, at place: Int) throws(FormatError) {
    switch instruction {
    case 0x80:
      let version = try byte()
      guard (2...5).contains(version) else { throw error("its pickle has the protocol \(version)", at: place) }
    case 0x95: _ = try number(8)  // The length of a frame.
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"): stack.append(try top())

    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.boolean(true))
    case 0x89: stack.append(.boolean(false))
    case UInt8(ascii: "K"): stack.append(.integer(try number(1)))
    case UInt8(ascii: "M"): stack.append(.integer(try number(2)))
    case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
    case 0x8A: try pushLong(length: try number(1))
    case 0x8B: try pushLong(length: try number(4))
    case UInt8(ascii: "G"):
      stack.append(.float(Double(bitPattern: UInt64(bitPattern: Int64(try number(8))).byteSwapped)))
    case UInt8(ascii: "X"): stack.append(.text(try text(length: try number(4))))
    case 0x8C: stack.append(.text(try text(length: try number(1))))
    case 0x8D: stack.append(.text(try text(length: try number(8))))
    // Bytes, and what Python 2 called strings: names where they are text.
    case UInt8(ascii: "U"): stack.append(try string(length: try number(1)))
    case UInt8(ascii: "T"): stack.append(try string(length: try number(4)))
    case UInt8(ascii: "C"): try skip(try number(1))
    case UInt8(ascii: "B"): try skip(try number(4))
    case 0x8E, 0x96: try skip(try number(8))

    case UInt8(ascii: ")"), UInt8(ascii: "]"), 0x8F: push(sequence: [])
    case UInt8(ascii: "t"), UInt8(ascii: "l"), 0x91: push(sequence: try popToMark())
    case 0x85, 0x86, 0x87:
      let count = Int(instruction) - 0x84
      guard stack.count - (marks.last ?? 0) >= count else { throw error("its pickle is damaged", at: place) }
      let values = Array(stack.suffix(count))
      stack.removeLast(count)
      push(sequence: values)
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"), 0x90: try append(try popToMark())
    case UInt8(ascii: "}"): push(dictionary: [])
    case UInt8(ascii: "d"):
      push(dictionary: [])
      let dictionary = stack.removeLast()
      let values = try popToMark()
      stack.append(dictionary)
      try set(values)
    case UInt8(ascii: "s"):
      let value = try pop()
      try set([try pop(), value])
    case UInt8(ascii: "u"): try set(try popToMark())

    case UInt8(ascii: "q"): memo[try number(1)] = try top()
    case UInt8(ascii: "r"): memo[try number(4)] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): try recall(try number(1))
    case UInt8(ascii: "j"): try recall(try number(4))

    case UInt8(ascii: "c"):
      let module = try line()
      try push(global: "\(module).\(try line())", at: place)
    case 0x93:
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw error("its pickle is damaged", at: place)
      }
      try push(global: "\(module).\(name)", at: place)
    case UInt8(ascii: "R"), 0x81:
      let arguments = try pop()
      try call(try pop(), arguments, at: place)
    case UInt8(ascii: "b"):
      // The attributes of a dictionary, such as the versions of modules.
      _ = try pop()
      switch try top() {
      case .dictionary, .tensor: break
      default: throw error("its pickle gives attributes to what has none", at: place)
      }
    case UInt8(ascii: "Q"): try pushStorage(try pop(), at: place)
    default:
      throw error("its pickle has the instruction \(instruction), which no state dictionary needs", at: place)
    }
  }
}

// MARK: - The stack

extension PickleMachine {
  private mutating func push(sequence: [Pickle.Value]) {
    pickle.sequences.append(sequence)
    stack.append(.sequence(pickle.sequences.count - 1))
  }

  private mutating func push(dictionary: [(key: Pickle.Value, value: Pickle.Value)]) {
    pickle.dictionaries.append(dictionary)
    stack.append(.dictionary(pickle.dictionaries.count - 1))
  }

  private mutating func pop() throws(FormatError) -> Pickle.Value {
    _ = try top()
    return stack.removeLast()
  }

  private func top() throws(FormatError) -> Pickle.Value {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw error("its pickle takes a value that is not there", at: position)
    }
    return value
  }

  private mutating func popToMark() throws(FormatError) -> [Pickle.Value] {
    guard let mark = marks.popLast() else {
      throw error("its pickle goes back to a mark that is not there", at: position)
    }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  private mutating func append(_ values: [Pickle.Value]) throws(FormatError) {
    guard case .sequence(let place) = try top() else { throw error("its pickle adds to what is no list", at: position) }
    pickle.sequences[place] += values
  }

  /// Puts keys and values, which alternate, into the dictionary on the stack.
  private mutating func set(_ values: [Pickle.Value]) throws(FormatError) {
    guard case .dictionary(let place) = try top(), values.count % 2 == 0 else {
      throw error("its pickle sets a key of what is no dictionary", at: position)
    }
    for index in stride(from: 0, to: values.count, by: 2) {
      pickle.dictionaries[place].append((values[index], values[index + 1]))
    }
  }

  private mutating func recall(_ place: Int) throws(FormatError) {
    guard let value = memo[place] else { throw error("its pickle recalls a value that it has not noted", at: position) }
    stack.append(value)
  }
}

// MARK: - Calls

extension PickleMachine {
  private mutating func push(global name: String, at place: Int) throws(FormatError) {
    guard let global = Pickle.Global(name) else {
      if name.hasPrefix("torch."), name.hasSuffix("Storage") {
        throw FormatError(
          file: file, location: location(place), problem: "numbers of the type '\(name)' are not supported",
          remedy: "Save tensors of other numbers.")
      }
      throw FormatError(
        file: file, location: location(place),
        problem: "it would have to call '\(name)', and nothing is called but what puts tensors together",
        remedy: "Save the state dictionary alone, with torch.save(model.state_dict(), …).")
    }
    stack.append(.global(global))
  }

  private mutating func call(
    _ function: Pickle.Value, _ arguments: Pickle.Value, at place: Int
  ) throws(FormatError) {
    guard case .global(let global) = function, case .sequence(let list) = arguments else {
      throw error("its pickle calls what is no function", at: place)
    }
    let arguments = pickle.sequences[list]
    switch global {
    case .orderedDictionary:
      push(dictionary: [])
      guard let pairs = arguments.first else { return }
      guard case .sequence(let list) = pairs else { throw error("its pickle is damaged", at: place) }
      for pair in pickle.sequences[list] {
        guard case .sequence(let pair) = pair, pickle.sequences[pair].count == 2 else {
          throw error("its pickle is damaged", at: place)
        }
        try set(pickle.sequences[pair])
      }
    case .size:
      guard arguments.count == 1, case .sequence = arguments[0] else { throw error("its pickle is damaged", at: place) }
      stack.append(arguments[0])
    case .harmless: stack.append(.other)
    case .parameter:
      guard case .tensor? = arguments.first else { throw error("its pickle makes a parameter of no tensor", at: place) }
      stack.append(arguments[0])
    case .tensor, .typedTensor: try pushTensor(arguments, global, at: place)
    case .storage, .numberType: throw error("its pickle calls a type of numbers", at: place)
    }
  }

  private mutating func pushTensor(
    _ arguments: [Pickle.Value], _ global: Pickle.Global, at place: Int
  ) throws(FormatError) {
    guard arguments.count >= 4, case .storage(let index) = arguments[0], case .integer(let offset) = arguments[1],
      let lengths = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw error("its pickle makes a tensor of something else than numbers", at: place) }
    let storage = pickle.storages[index]
    var type = storage.type
    if case .typedTensor = global, arguments.count >= 7, case .global(.numberType(let said)) = arguments[6] {
      type = said
    }
    guard let type else { throw error("its pickle does not say of which type the numbers of a tensor are", at: place) }
    guard offset >= 0, lengths.count == strides.count, lengths.allSatisfy({ $0 >= 0 }),
      strides.allSatisfy({ $0 >= 0 })
    else { throw error("its pickle makes a tensor of shape \(lengths), which there cannot be", at: place) }
    pickle.tensors.append(
      Pickle.Tensor(storage: storage, type: type, offset: offset, lengths: lengths, strides: strides))
    stack.append(.tensor(pickle.tensors.count - 1))
  }

  /// A reference to numbers: `('storage', type, key, device, count)`, and in old files a view, None.
  private mutating func pushStorage(_ value: Pickle.Value, at place: Int) throws(FormatError) {
    guard case .sequence(let list) = value else { throw error("its pickle refers to no storage", at: place) }
    let parts = pickle.sequences[list]
    guard parts.count >= 5, case .text("storage") = parts[0], case .global(.storage(let type)) = parts[1],
      case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
    else { throw error("its pickle refers to no storage", at: place) }
    if parts.count > 5 {
      guard case .none = parts[5] else {
        throw error("its pickle refers to a part of a storage, as PyTorch has not written since version 0.4", at: place)
      }
    }
    pickle.storages.append(Pickle.Storage(key: key, type: type, count: count))
    stack.append(.storage(pickle.storages.count - 1))
  }

  private func integers(_ value: Pickle.Value) -> [Int]? {
    guard case .sequence(let list) = value else { return nil }
    var result: [Int] = []
    for value in pickle.sequences[list] {
      guard case .integer(let number) = value else { return nil }
      result.append(number)
    }
    return result
  }
}

// MARK: - Bytes

extension PickleMachine {
  private func location(_ place: Int) -> String { "byte \(place) of the pickle" }

  private func error(_ problem: String, at place: Int) -> FormatError {
    FormatError(file: file, location: location(place), problem: problem, remedy: wholePyTorchRemedy)
  }

  private mutating func take(_ count: Int) throws(FormatError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= bytes.count - position else { throw error("its pickle is cut off", at: bytes.count) }
    position += count
    return UnsafeRawBufferPointer(rebasing: bytes[(position - count)..<position])
  }

  private mutating func byte() throws(FormatError) -> UInt8 { try take(1)[0] }

  /// A little-endian number without a sign; negative where it has 8 bytes and is more than an `Int`.
  private mutating func number(_ width: Int) throws(FormatError) -> Int {
    Int(truncatingIfNeeded: try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  private mutating func pushLong(length: Int) throws(FormatError) {
    let digits = try take(length)
    guard length <= 8 else { return stack.append(.other) }
    let value = digits.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let unused = 64 - 8 * length
    stack.append(.integer(length == 0 ? 0 : Int(Int64(bitPattern: value << unused) >> unused)))
  }

  private mutating func skip(_ length: Int) throws(FormatError) {
    _ = try take(length)
    stack.append(.other)
  }

  private mutating func text(length: Int) throws(FormatError) -> String {
    guard let text = String(validating: try take(length), as: UTF8.self) else {
      throw error("its pickle has a text that is no UTF-8", at: position)
    }
    return text
  }

  private mutating func string(length: Int) throws(FormatError) -> Pickle.Value {
    String(validating: try take(length), as: UTF8.self).map { .text($0) } ?? .other
  }

  private mutating func line() throws(FormatError) -> String {
    let rest = bytes[position...].prefix(1000)
    guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
      throw error("its pickle has a name that does not end", at: position)
    }
    let text = try text(length: end - position)
    position += 1
    return text
  }
}

let wholePyTorchRemedy = "Use a whole file, as torch.save wrote it."
