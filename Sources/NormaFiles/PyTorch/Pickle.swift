/// What a pickle of tensors says, without anything of it having been run.
///
/// Containers and tensors stand in lists and are named by their places there: a pickle can hold itself, and one value a
/// million times.
struct Pickle: Sendable {
  /// One value.
  enum Value: Sendable {
    case none
    case boolean(Bool)
    case integer(Int)
    case float(Double)
    case text(String)
    /// Something harmless that says nothing of tensors, such as a device.
    case other
    /// A tuple, a list or a set, in ``sequences``.
    case sequence(Int)
    /// In ``dictionaries``.
    case dictionary(Int)
    case global(Global)
    /// In ``storages``.
    case storage(Int)
    /// In ``tensors``.
    case tensor(Int)
  }

  /// What may be named: functions that put containers and tensors together, and types of numbers.
  enum Global: Sendable {
    case orderedDictionary
    /// `torch.Size`, a tuple.
    case size
    /// A constructor whose result does not matter here.
    case harmless
    /// `torch._utils._rebuild_tensor_v2`, and `_rebuild_tensor` with fewer arguments.
    case tensor
    /// `torch._utils._rebuild_tensor_v3`, of bytes of which the type is said beside.
    case typedTensor
    case parameter
    /// The type of a storage's numbers; nil for bytes.
    case storage(StoredNumber?)
    case numberType(StoredNumber)
  }

  /// Numbers in the file, as a pickle refers to them.
  struct Storage: Hashable, Sendable {
    /// What it is called.
    let key: String
    /// The type of its numbers; nil for bytes, of which a tensor says what they are.
    let type: StoredNumber?
    /// How many numbers there are.
    let count: Int
  }

  /// A tensor as a view of a storage.
  struct Tensor: Hashable, Sendable {
    let storage: Storage
    let type: StoredNumber
    /// In numbers, from the beginning of the storage.
    let offset: Int
    let lengths: [Int]
    /// How far it is from one number to the next along each axis, in numbers.
    let strides: [Int]
  }

  var root = Value.none
  var sequences: [[Value]] = []
  /// Pairs in the order in which they were put in: of two with one key the later counts.
  var dictionaries: [[(key: Value, value: Value)]] = []
  var storages: [Storage] = []
  var tensors: [Tensor] = []
}

extension Pickle.Global {
  /// The global of a name; nil for every other, which is refused.
  init?(_ name: String) {
    switch name {
    case "collections.OrderedDict": self = .orderedDictionary
    case "torch.Size": self = .size
    case "torch.device": self = .harmless
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2": self = .tensor
    case "torch._utils._rebuild_tensor_v3": self = .typedTensor
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
      "torch.nn.parameter.Parameter":
      self = .parameter
    case "torch.storage.UntypedStorage", "torch.UntypedStorage": self = .storage(nil)
    default:
      guard name.hasPrefix("torch.") else { return nil }
      let type = name.dropFirst("torch.".count)
      if type.hasSuffix("Storage"), let number = Self.storages[type.dropLast("Storage".count)] {
        self = .storage(number)
      } else if let number = Self.numberTypes[type] {
        self = .numberType(number)
      } else {
        return nil
      }
    }
  }

  private static let storages: [Substring: StoredNumber] = [
    "Double": .float64, "Float": .float32, "Half": .float16, "BFloat16": .bfloat16, "Long": .int64, "Int": .int32,
    "Short": .int16, "Char": .int8, "Byte": .uint8, "Bool": .boolean,
  ]

  private static let numberTypes: [Substring: StoredNumber] = [
    "float64": .float64, "float32": .float32, "float16": .float16, "bfloat16": .bfloat16, "int64": .int64,
    "int32": .int32, "int16": .int16, "int8": .int8, "uint64": .uint64, "uint32": .uint32, "uint16": .uint16,
    "uint8": .uint8, "bool": .boolean,
  ]
}
