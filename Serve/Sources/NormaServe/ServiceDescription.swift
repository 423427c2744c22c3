import Norma

/// What a service says of itself: the list of its models, and its interface as OpenAPI has it, both made of the models' shapes.
struct ServiceDescription {
  let models: [ServedModel]
  let configuration: ServiceConfiguration

  init(_ models: [ServedModel], _ configuration: ServiceConfiguration) {
    self.models = models
    self.configuration = configuration
  }

  /// What `GET /models` answers.
  func list() throws -> String {
    try JSONTree.object(["models": .list(models.map(\.listing))]).serialized()
  }

  /// What `GET /openapi.json` answers, in version 3.1 of that format.
  func openAPI() throws -> String {
    var paths: [String: JSONTree] = [
      "/models": ["get": Self.operation("The models, with the shapes that they take", "listModels")],
      "/health": ["get": Self.operation("Whether the process lives", "health")],
      "/ready": [
        "get": Self.operation(
          "Whether requests are wanted: 200, or 503 while the service ends", "ready", others: ["503": Self.error])
      ],
      "/metrics": [
        "get": Self.operation("Counts and times, as Prometheus reads them", "metrics", type: "text/plain")
      ],
    ]
    if let first = models.first { paths["/predict"] = ["post": prediction(first, id: "predict")] }
    for model in models {
      paths["/models/\(model.name)/predict"] = ["post": prediction(model, id: "predict_\(model.name)")]
    }
    let document: JSONTree = [
      "openapi": "3.1.0",
      "info": ["title": "norma-serve", "version": .text(normaVersion), "summary": "Models of Norma's behind HTTP"],
      "paths": .object(paths),
      "components": [
        "schemas": [
          "Error": [
            "type": "object", "required": ["error"],
            "properties": [
              "error": ["type": "object", "required": ["message"], "properties": ["message": ["type": "string"]]]
            ],
          ]
        ]
      ],
    ]
    return try document.serialized()
  }

  private func prediction(_ model: ServedModel, id: String) -> JSONTree {
    let numbers: JSONTree = [
      "type": "array", "items": ["type": "number"], "minItems": .number(model.featureCount),
      "maxItems": .number(model.featureCount),
    ]
    var forms = [numbers]
    if model.shape.rank > 1 { forms.append(Self.nested(Array(model.shape))) }
    let lists = forms.map { form -> JSONTree in
      ["type": "array", "items": form, "minItems": 1, "maxItems": .number(configuration.batchSize)]
    }
    var content: [String: JSONTree] = [
      "application/json": ["schema": ["anyOf": .list(forms + lists)]],
      "application/octet-stream": [
        "schema": [
          "type": "string", "format": "binary",
          "description":
            "32-bit floats, little-endian: \(4 * model.featureCount) bytes for each of up to \(configuration.batchSize) examples",
        ]
      ],
    ]
    if model.imageShape != nil {
      for type in ["image/png", "image/jpeg"] { content[type] = ["schema": ["type": "string", "format": "binary"]] }
    }
    let answer = model.answerSchema
    return [
      "operationId": .text(id), "summary": "Ask \(model.name): \(model.network)",
      "requestBody": ["required": true, "content": .object(content)],
      "responses": [
        "200": [
          "description": "The answer to an example, or a list of answers to a list",
          "content": [
            "application/json": ["schema": ["anyOf": [answer, ["type": "array", "items": answer]]]],
            "application/octet-stream": [
              "schema": [
                "type": "string", "format": "binary",
                "description": "\(model.outputs.count) 32-bit floats, little-endian, for each example",
              ]
            ],
          ],
        ],
        "400": Self.error, "408": Self.error, "413": Self.error, "415": Self.error, "422": Self.error,
        "503": Self.error,
      ],
    ]
  }

  private static func nested(_ lengths: [Int]) -> JSONTree {
    guard let first = lengths.first else { return ["type": "number"] }
    return [
      "type": "array", "items": nested(Array(lengths.dropFirst())), "minItems": .number(first),
      "maxItems": .number(first),
    ]
  }

  private static let error: JSONTree = [
    "description": "What is wrong, and what would be right",
    "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
  ]

  private static func operation(
    _ summary: String, _ id: String, type: String = "application/json", others: [String: JSONTree] = [:]
  ) -> JSONTree {
    let schema: JSONTree = type == "application/json" ? ["type": "object"] : ["type": "string"]
    let done: JSONTree = ["description": .text(summary), "content": .object([type: ["schema": schema]])]
    return [
      "summary": .text(summary), "operationId": .text(id),
      "responses": .object(others.merging(["200": done], uniquingKeysWith: { first, _ in first })),
    ]
  }
}

extension ServedModel {
  /// What the model is in the list of models.
  fileprivate var listing: JSONTree {
    var listing: [String: JSONTree] = [
      "name": .text(name), "network": .text(network), "shape": .list(shape.map { .number($0) }),
      "takesImages": .truth(imageShape != nil),
    ]
    switch outputs {
    case .classes(let names): listing["classes"] = .list(names.map { .text($0) })
    case .values(let count): listing["values"] = .number(count)
    }
    if let featureNames { listing["features"] = .list(featureNames.map { .text($0) }) }
    return .object(listing)
  }

  /// The schema of an answer.
  fileprivate var answerSchema: JSONTree {
    switch outputs {
    case .classes(let names):
      [
        "type": "object", "required": ["label", .text(writer.kind)],
        "properties": .object([
          "label": ["type": "string", "enum": .list(names.map { .text($0) })],
          writer.kind: ["type": "object", "additionalProperties": ["type": "number"]],
        ]),
      ]
    case .values(let count):
      [
        "type": "object", "required": ["values"],
        "properties": [
          "values": [
            "type": "array", "items": ["type": "number"], "minItems": .number(count), "maxItems": .number(count),
          ]
        ],
      ]
    }
  }
}
