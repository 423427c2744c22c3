/// The version of Norma, by semantic versioning.
public let normaVersion = "1.0.0"
