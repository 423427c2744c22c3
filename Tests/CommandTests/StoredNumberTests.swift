import Foundation
import Norma
import TestSupport
import Testing

/// The numbers in people's files: their types, which conversions keep, and those that nothing can be computed with.
struct StoredNumberTests {
  /// Makes sure that a conversion went well, and gives what it said on standard error.
  @discardableResult
  private func run(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let outcome = try Norma.run(["convert"] + arguments)
    #expect(outcome.status == 0, "\(outcome.error)", sourceLocation: sourceLocation)
    return outcome.error
  }

  // MARK: Types of numbers

  private static func caseFile(_ name: String) -> String {
    fixturesDirectory.appending(path: "cases").appending(path: name).path
  }

  @Test func numbersKeepTheirTypesAndBits() throws {
    let folder = try Folder()
    let path = Self.caseFile("09-convert-widens/in.safetensors")
    #expect(try run([path, "-o", folder.path("same.safetensors")]) == "")
    #expect(try FileAccess.read(folder.path("same.safetensors")) == FileAccess.read(path))
    // Every type there is, as the format's own library and NumPy wrote them.
    let read = fixturesDirectory.appending(path: "files/read.safetensors").path
    #expect(try run([read, "-o", folder.path("read.safetensors")]) == "")
    #expect(try FileAccess.read(folder.path("read.safetensors")) == FileAccess.read(read))
    let said = try run([read, "-o", folder.path("read.npz")])
    #expect(said == "norma: NumPy has no BF16: 'bf16' is written as float32, which holds the same values.\n")
    try run([folder.path("read.npz"), "-o", folder.path("back.safetensors")])
    let (before, after) = (
      try Safetensors(contentsOf: read), try Safetensors(contentsOf: folder.path("back.safetensors"))
    )
    for (name, entry) in before.entries where name != "bf16" { #expect(after.entries[name] == entry, "\(name)") }
    #expect(after.entries["bf16"]?.elementType == .float32)
    #expect(after.entries["bf16"]?.tensor(of: Float.self) == before.entries["bf16"]?.tensor(of: Float.self))
    let listing = try Norma.run(["inspect", folder.path("read.npz")]).output
    for type in ["F16", "BOOL", "I8", "I16", "I32", "U8", "U16", "U32", "U64"] {
      #expect(listing.contains(" \(type) "))
    }
  }

  @Test(arguments: ["big-i4", "columns-u1", "columns-f4-big", "b1", "u8", "large-u8", "f2"])
  func arraysOfEveryByteOrderAndOrderOfAxesKeepTypeAndValues(name: String) throws {
    let folder = try Folder()
    let path = fixturesDirectory.appending(path: "numpy/\(name).npy").path
    #expect(try run([path, "-o", folder.path("x.safetensors")]) == "")
    #expect(try run([folder.path("x.safetensors"), "-o", folder.path("y.npy")]) == "")
    let entry = try Safetensors(contentsOf: folder.path("x.safetensors")).entries[name]
    #expect(
      try entry == NumPyArray(contentsOf: path).entry && entry == NumPyArray(contentsOf: folder.path("y.npy")).entry)
  }

  @Test func whatNumPyHasNoRoomForIsSaid() throws {
    let folder = try Folder()
    var file = Safetensors(metadata: ["made by": "someone", "format": "pt"])
    for number in 10..<25 {
      file.entries["t\(number)"] = .other(StoredTensor(.bfloat16, shape: [1], bytes: [0x80, 0x3F]))
    }
    try file.write(to: folder.path("x.safetensors"))
    let said = try run([folder.path("x.safetensors"), "-o", folder.path("x.npz")])
    #expect(said.contains("'t19' and 5 more are written as float32"))
    #expect(said.contains("NumPy's files hold no text: the metadata 'made by' are left out."))
  }

  // MARK: Names of a model within another

  @Test func namesMayBeginWithWhatTheModelIsAPartOf() throws {
    let folder = try Folder()
    let path = Self.caseFile("15-model-prefix/modelprefix.safetensors")
    let said = try run([path, "--model", "mlp:6", "-o", folder.path("m.safetensors")])
    #expect(said.contains("the names begin with 'model.', which was left out"))
    let file = try Safetensors(contentsOf: path)
    var plain = file
    plain.entries = Dictionary(
      uniqueKeysWithValues: file.entries.map { (String($0.key.dropFirst("model.".count)), $0.value) })
    try plain.write(to: folder.path("plain.safetensors"))
    try run([folder.path("plain.safetensors"), "--model", "mlp:6", "-o", folder.path("p.safetensors")])
    let (found, expected) = (
      try Safetensors(contentsOf: folder.path("m.safetensors")),
      try Safetensors(contentsOf: folder.path("p.safetensors"))
    )
    #expect(found.entries == expected.entries)
  }

  // MARK: Counters and numbers that are none

  @Test func countersMayBeOfAnyType() throws {
    let folder = try Folder()
    let (rows, plain) = (
      Self.caseFile("05-float-num-batches/x.csv"), Self.caseFile("05-float-num-batches/plain.safetensors")
    )
    func answers(_ path: String) throws -> String {
      try run([path, "--model", "mlp:6", "-o", folder.path("m.safetensors")])
      let outcome = try Norma.run(["predict", folder.path("m.safetensors"), rows, "--json"])
      #expect(outcome.status == 0, "\(outcome.error)")
      return outcome.output
    }
    let expected = try answers(plain)
    #expect(try answers(Self.caseFile("05-float-num-batches/allfloat.safetensors")) == expected)
    let file = try Safetensors(contentsOf: plain)
    let name = "1.num_batches_tracked"
    #expect(file.entries[name]?.count == 20)
    for entry: Safetensors.Entry in [
      .double(.scalar(20)), .float(Tensor([20])), .integers([20], shape: [1]),
      .other(StoredTensor(.uint8, shape: [], bytes: [20])),
      .other(StoredTensor(.int32, shape: [1], bytes: [20, 0, 0, 0])),
      .other(StoredTensor(.float16, shape: [], bytes: [0x00, 0x4D])),
    ] {
      var changed = file
      changed.entries[name] = entry
      try changed.write(to: folder.path("state.safetensors"))
      #expect(try answers(folder.path("state.safetensors")) == expected, "\(entry)")
    }
    var changed = file
    changed.entries[name] = .float(.scalar(2.5))
    try changed.write(to: folder.path("state.safetensors"))
    expectFailure(
      try Norma.run([
        "convert", folder.path("state.safetensors"), "--model", "mlp:6", "-o", folder.path("n.safetensors"),
      ]),
      status: 65, saying: "'1.num_batches_tracked' is of another type")
  }

  @Test func aStateWithNumbersThatAreNoneBecomesNoModel() throws {
    let folder = try Folder()
    let path = Self.caseFile("04-nan-running-var/nan.safetensors")
    let outcome = try Norma.run(["convert", path, "--model", "mlp:6", "-o", folder.path("m.safetensors")])
    expectFailure(outcome, status: 65, saying: "in layer '1', of running_var, 1 of 6 numbers is NaN.")
    #expect(try folder.names().isEmpty)
    let listing = try Norma.run(["inspect", path])
    #expect(listing.status == 0)
    #expect(
      listing.output.hasSuffix("Numbers that no network can compute with:\n'1.running_var': 1 of 6 numbers is NaN\n"))
    // As they are, tensors can be copied: nothing is computed with them.
    try run([path, "-o", folder.path("copy.safetensors")])
  }

  /// A model that someone changed, or that diverged: looked at, and refused wherever an answer would be made with it.
  @Test(arguments: [
    ("1.running_var", Float.nan, "in layer '1', of running_var, 1 of 4 numbers is NaN"),
    ("1.running_var", -0.25, "in layer '1', of running_var, 1 of 4 numbers is a negative variance"),
    ("1.running_var", .infinity, "in layer '1', of running_var, 1 of 4 numbers is infinite"),
    ("1.running_mean", -.infinity, "in layer '1', of running_mean, 1 of 4 numbers is infinite"),
    ("0.weight", .nan, "in layer '0', of weight, 1 of 256 numbers is NaN"),
    ("3.bias", .nan, "in layer '3', of bias, 1 of 10 numbers is NaN"),
  ])
  func aModelThatNothingCanBeComputedWithAnswersNothing(name: String, value: Float, words: String) throws {
    let trained = try CheckpointTests.trainDigits()
    let path = trained.path("model/model.safetensors")
    var file = try Safetensors(contentsOf: path)
    guard case .float(var tensor)? = file.entries[name] else {
      Issue.record("the model has no \(name)")
      return
    }
    tensor.withUnsafeMutableElements { $0[1] = value }
    file.entries[name] = .float(tensor)
    try file.write(to: path)
    for arguments in [
      ["evaluate", path], ["predict", path, "--data", "digits"], ["convert", path, "-o", trained.path("m.onnx")],
      ["convert", path, "-o", trained.path("m.npz")],
      ["convert", path, "--to", "norma", "--conventions", "keras", "-o", trained.path("k.safetensors")],
    ] {
      expectFailure(try Norma.run(arguments), status: 65, saying: words)
    }
    let listing = try Norma.run(["inspect", path])
    #expect(listing.status == 0 && listing.output.contains("'\(name)': 1 of \(tensor.count) numbers is"))
    struct Listing: Decodable {
      struct Row: Decodable {
        var name: String
        var unusable: String?
      }
      var tensors: [Row]
    }
    let rows = try Norma.run(["inspect", path, "--json"]).json(Listing.self).tensors
    #expect(rows.filter { $0.unusable != nil }.map(\.name) == [name])
    #expect(try Norma.run(["inspect", path, "--memory"]).status == 0)
  }
}
