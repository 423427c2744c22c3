/// The version of Norma, by semantic versioning.
public let normaVersion = "0.1.0"
